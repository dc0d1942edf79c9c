/**
 * A worker's end of a channel over the IPC channel of its process.
 */
import type { Channel } from "@effect-mpire/core/Channel"
import { serve } from "@effect-mpire/core/WorkerEntry"
import { Awake } from "./awake.ts"
import { overFile } from "./control.ts"
import { controlFd, type Envelope, isEnvelope, type Settings } from "./envelope.ts"
import { watchLifeline } from "./lifeline.ts"
import { checkFor } from "./serializers.ts"

/** How long the process may take to end by itself once the pool has no more use for it, in milliseconds. */
const grace = 100

/** Serves the pool that started this process. */
export const serveProcess = (settings: Settings): void => {
  const worker = serve(open(settings))
  process.on("uncaughtExceptionMonitor", (error) => {
    // a task module that handles uncaught errors keeps the process running
    if (process.listenerCount("uncaughtException") === 0) worker.uncaught(error)
  })
  watchLifeline()
}

/** The channel to that pool. */
export const open = (settings: Settings): Channel => {
  const ipc = new Ipc()
  const awake = new Awake()
  return {
    send: (message) => ipc.send({ mpire: message }),
    receive: (handler) =>
      ipc.receive((message) => {
        awake.rest()
        handler(message)
      }),
    close: () => ipc.close(),
    stayAwake: () => awake.stay(),
    flushed: (resume) => ipc.flushed(resume),
    check: checkFor(settings.serialization),
    control: settings.control ? overFile(controlFd) : undefined
  }
}

class Ipc implements Pick<Channel, "receive" | "close" | "flushed"> {
  /** How many messages were sent, and how many of them have left. */
  private sent = 0
  private left = 0
  private isClosed = false
  private readonly waiting: Array<{ readonly sent: number; readonly resume: () => void }> = []

  constructor() {
    // the pool's process has ended
    process.on("disconnect", () => {
      if (!this.isClosed) process.exit()
    })
  }

  send(envelope: Envelope): void {
    process.send!(envelope, undefined, undefined, () => {
      this.left++
      while (this.waiting.length > 0 && this.waiting[0]!.sent <= this.left) this.waiting.shift()!.resume()
    })
    this.sent++
  }

  /** What came before waits in Node's own queue for the first listener. */
  receive(handler: (message: unknown) => void): void {
    process.on("message", (envelope: unknown) => {
      if (isEnvelope(envelope)) handler(envelope.mpire)
    })
  }

  /** A full pipe takes messages only as they are read. */
  flushed(resume: () => void): void {
    if (this.left === this.sent) resume()
    else this.waiting.push({ sent: this.sent, resume })
  }

  close(): void {
    this.isClosed = true
    // in time for exit handlers, which the pool's SIGKILL would skip
    setTimeout(() => process.exit(), grace).unref()
    this.flushed(() => {
      if (process.connected) process.disconnect()
    })
  }
}
