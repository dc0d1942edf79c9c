/**
 * A worker's end of a channel, in a thread of its own.
 */
import { serve } from "@effect-mpire/core/WorkerEntry"
import type { Transferable } from "node:worker_threads"
import { Awake } from "./awake.ts"
import type { ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

/** Serves the pool that started this thread. */
export const serveThread = ({ control, port }: ThreadSettings): void => {
  // tasks can replace the method
  const post = port.postMessage.bind(port)
  const awake = new Awake()
  serve({
    send: (message, transfers) => post(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler, unreadable) => {
      port.on("messageerror", unreadable)
      port.on("message", awake.handler(handler))
    },
    close: () => port.close(),
    stayAwake: () => awake.expectMessage(),
    control: sharedControl(control)
  })
}
