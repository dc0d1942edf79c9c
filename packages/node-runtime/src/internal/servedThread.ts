/**
 * A worker's end of a channel, in a thread of its own.
 */
import { serve } from "@effect-mpire/core/WorkerEntry"
import type { Transferable } from "node:worker_threads"
import { Awake } from "./awake.ts"
import { setReads } from "./outside.ts"
import { isBun, isDeno } from "./platform.ts"
import * as ports from "./ports.ts"
import type { ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"
import * as unsent from "./unsent.ts"

/** Serves the pool that started this thread, or that is beyond what started it. */
export const serveThread = (settings: ThreadSettings): void => {
  unsent.track(settings.batches)
  setReads(settings.reads)
  if (settings.isRelayed === true) {
    // not loaded by other threads; messages wait in the port meanwhile
    void import("./servedRelayed.ts").then(({ serveRelayed }) => serveRelayed(settings))
  } else {
    serveDirectly(settings)
  }
}

const serveDirectly = ({ control, port }: ThreadSettings): void => {
  // tasks can replace the method
  const post = port.postMessage.bind(port)
  const awake = new Awake()
  const worker = serve({
    send: (message, transfers) => post(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler, unreadable) => ports.receive(port, awake.handler(handler), unreadable),
    close: () => port.close(),
    stayAwake: () => awake.expectMessage(),
    control: sharedControl(control),
    inspect: ports.inspect
  })
  process.once("exit", worker.ending)
  if (isBun || isDeno) onUncaught(worker.uncaught)
}

/** An error that nothing has caught, and a rejection that nothing has handled. */
interface UncaughtEvent {
  readonly error?: unknown
  readonly reason?: unknown
}

/** Tells of the uncaught error that is about to end this thread: Node brings all of it itself, Bun and Deno a clone (F1). */
const onUncaught = (tell: (error: unknown) => void): void => {
  const { addEventListener } = globalThis as unknown as {
    readonly addEventListener: (type: string, listener: (event: UncaughtEvent) => void) => void
  }
  for (const type of ["error", "unhandledrejection"]) {
    addEventListener(type, ({ error, reason }) => {
      // a task module that handles uncaught errors keeps the thread running
      if (process.listenerCount("uncaughtException") === 0) tell(error ?? reason)
    })
  }
}
