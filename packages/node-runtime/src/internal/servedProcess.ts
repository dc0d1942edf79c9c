/**
 * A worker's end of a channel, in a process of its own.
 */
import type { Channel } from "@effect-mpire/core/Channel"
import { serve } from "@effect-mpire/core/WorkerEntry"
import { connect, Socket } from "node:net"
import { Aside } from "./aside.ts"
import { Awake } from "./awake.ts"
import { overFile } from "./control.ts"
import { controlFd, fromWorkerFd, toWorkerFd } from "./descriptors.ts"
import { watchLifeline } from "./lifeline.ts"
import { Pipe } from "./pipe.ts"
import { isBun } from "./platform.ts"
import type { ProcessSettings } from "./settings.ts"
import { setTimeout } from "./timers.ts"
import { exitAfter, track } from "./unwritten.ts"

/** How long the process may take to end by itself once the pool has told it to stop, in milliseconds. */
const grace = 100

// tasks can replace the method
const exitProcess: () => void = process.exit.bind(process)

/** Of events too, whose arguments are no exit code. */
const exit = (): void => exitProcess()

/** Serves the pool that started this process. */
export const serveProcess = (settings: ProcessSettings): void => {
  const { reads } = settings
  if (reads.stdout) writeAtOnce(process.stdout)
  else track(1)
  if (reads.stderr) writeAtOnce(process.stderr)
  else track(2)
  const worker = serve(open(settings))
  process.on("uncaughtExceptionMonitor", (error) => {
    // a task module that handles uncaught errors keeps the process running
    if (process.listenerCount("uncaughtException") === 0) worker.uncaught(error)
  })
  process.once("exit", worker.ending)
  watchLifeline()
}

/** Has a pipe take all that is written at once, as a terminal does: `process.exit` would lose what still waits (O4). */
const writeAtOnce = (stream: NodeJS.WriteStream): void => {
  const { _handle: handle } = stream as { _handle?: { readonly setBlocking?: (isBlocking: boolean) => unknown } }
  handle?.setBlocking?.(true)
}

/** A pipe that this process has inherited. */
const socketOf = (fd: number, way: { readonly readable?: boolean; readonly writable?: boolean }): Socket =>
  // types know of no descriptor here, which Node takes for a new socket alone
  isBun ? connect({ fd } as never) : new Socket({ fd, readable: false, writable: false, ...way })

/** The worker's end of the channel to the pool that started this process. */
export const open = (settings: ProcessSettings): Channel => {
  const incoming = socketOf(toWorkerFd, { readable: true })
  const outgoing = socketOf(fromWorkerFd, { writable: true })
  const pipe = new Pipe({ incoming, outgoing }, exit, settings.maxMessageSize)
  const aside = new Aside()
  const awake = new Awake()
  // unless this end has been closed, the pipe closes because the pool's process has ended (F5)
  incoming.on("close", exit)
  return {
    send: (message) => pipe.send(message),
    receive: (handler, unreadable) => pipe.receive(awake.handler(handler), unreadable),
    close: () => {
      incoming.off("close", exit).destroy()
      // something may keep the process running: ends it with its exit handlers, which the pool's SIGKILL would skip
      setTimeout(() => exitAfter(exit), grace).unref()
      outgoing.end(() => outgoing.destroy())
    },
    stayAwake: () => awake.expectMessage(),
    flushed: (resume) => pipe.flushed(resume),
    aside: (message) => aside.send(message),
    check: pipe.check,
    inspect: pipe.inspect,
    control: settings.control ? overFile(controlFd) : undefined
  }
}
