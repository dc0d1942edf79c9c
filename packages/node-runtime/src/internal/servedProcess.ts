/**
 * A worker's end of a channel over the IPC channel of its process.
 */
import type { Channel } from "@effect-mpire/core/Channel"
import { serve } from "@effect-mpire/core/WorkerEntry"
import { Awake } from "./awake.ts"
import { overFile } from "./control.ts"
import { controlFd, type Envelope, isEnvelope } from "./envelope.ts"
import { watchLifeline } from "./lifeline.ts"
import { checkFor } from "./serializers.ts"
import type { ProcessSettings } from "./settings.ts"

/** How long the process may take to end by itself once the pool has told it to stop, in milliseconds. */
const grace = 100

/** Serves the pool that started this process. */
export const serveProcess = (settings: ProcessSettings): void => {
  const worker = serve(open(settings))
  process.on("uncaughtExceptionMonitor", (error) => {
    // a task module that handles uncaught errors keeps the process running
    if (process.listenerCount("uncaughtException") === 0) worker.uncaught(error)
  })
  watchLifeline()
}

/** The worker's end of the channel to the pool that started this process. */
export const open = (settings: ProcessSettings): Channel => {
  const ipc = new Ipc()
  const awake = new Awake()
  return {
    send: (message) => ipc.send({ mpire: message }),
    receive: (handler) => ipc.receive(awake.handler(handler)),
    close: () => ipc.close(),
    stayAwake: () => awake.expectMessage(),
    flushed: (resume) => ipc.flushed(resume),
    check: checkFor(settings.serialization),
    control: settings.control ? overFile(controlFd) : undefined
  }
}

const exit = (): void => process.exit()

class Ipc {
  /** How many messages were sent, and how many of them have been written to the pipe. */
  private sent = 0
  private written = 0
  /** What to call once `sent` messages have been written, ordered by that number. */
  private readonly waiting: Array<{ readonly sent: number; readonly resume: () => void }> = []

  constructor() {
    // unless this end has been closed, it is disconnected because the pool's process has ended (F5)
    process.on("disconnect", exit)
  }

  send(envelope: Envelope): void {
    process.send!(envelope, undefined, undefined, () => {
      this.written++
      while (this.waiting.length > 0 && this.waiting[0]!.sent <= this.written) this.waiting.shift()!.resume()
    })
    this.sent++
  }

  /** Messages that arrive before this is called wait in Node's own queue for the first listener. */
  receive(handler: (message: unknown) => void): void {
    process.on("message", (envelope: unknown) => {
      if (isEnvelope(envelope)) handler(envelope.mpire)
    })
  }

  /** Calls back once all messages have been written: a full pipe takes them only as fast as the pool reads. */
  flushed(resume: () => void): void {
    if (this.written === this.sent) resume()
    else this.waiting.push({ sent: this.sent, resume })
  }

  close(): void {
    process.off("disconnect", exit)
    // something may keep the process running: ends it with its exit handlers, which the pool's SIGKILL would skip
    setTimeout(exit, grace).unref()
    this.flushed(() => {
      if (process.connected) process.disconnect()
    })
  }
}
