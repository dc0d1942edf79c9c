/**
 * Messages between a pool and a thread, and what Deno's ports do otherwise than Node's.
 */
import type { MessagePort } from "node:worker_threads"
import { isDeno } from "./platform.ts"
import * as platformObjects from "./platformObjects.ts"

type Receive = (port: MessagePort, handler: (message: unknown) => void, unreadable: (cause: unknown) => void) => void

const receiveByListeners: Receive = (port, handler, unreadable) => {
  port.on("messageerror", unreadable)
  port.on("message", handler)
}

/** An event of the Web's, as Deno's ports have them. */
interface PortEvent {
  readonly data: unknown
}

/**
 * A listener that is added by `on` has Deno look for ports in each message, byte by byte where there is memory: half a second
 * for four megabytes.
 */
const receiveByEvents: Receive = (port, handler, unreadable) => {
  port.addEventListener("messageerror", (event) => unreadable((event as unknown as PortEvent).data))
  port.addEventListener("message", (event) => handler((event as unknown as PortEvent).data))
  port.start()
}

/** Sets the one receiver of messages. */
export const receive: Receive = isDeno ? receiveByEvents : receiveByListeners

/** Deno's ports make plain objects of the platform's own, of which structured clone and Node's ports throw. */
export const inspect = isDeno ? platformObjects.inspect : undefined
