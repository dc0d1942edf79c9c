/**
 * A worker's end of a channel, in a thread of its own, where another machine has the pool's end: messages cross as bytes, which
 * the thread that started this one passes on. They are written and read here, beside that thread, which has other workers
 * to serve.
 */
import { serve } from "@effect-mpire/core/WorkerEntry"
import { Awake } from "./awake.ts"
import { Encoder } from "./encoder.ts"
import { FrameReader } from "./frames.ts"
import * as ports from "./ports.ts"
import type { ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

/** Serves the pool that is beyond the thread that started this one. */
export const serveRelayed = ({ control, maxMessageSize, port }: ThreadSettings): void => {
  // tasks can replace the method
  const post = port.postMessage.bind(port)
  const awake = new Awake()
  const encoder = new Encoder(maxMessageSize)
  const send = (bytes: Uint8Array) => {
    // exactly its bytes: small ones lie in memory that others use
    const copy = new Uint8Array(bytes)
    post(copy, [copy.buffer])
  }
  const worker = serve({
    send: (message) => {
      const { blocks, frame } = encoder.write(message)
      send(frame)
      // each is alone in its memory
      for (let index = 0; index < blocks.length; index++) post(blocks[index]!, [blocks[index]!.buffer as ArrayBuffer])
    },
    receive: (handler, unreadable) => {
      const message = awake.handler(handler)
      const malformed = (cause: Error) => {
        throw cause
      }
      const reader = new FrameReader({ message, unreadable, malformed }, maxMessageSize)
      ports.receive(port, (bytes) => reader.push(bufferOf(bytes as Uint8Array)), unreadable)
    },
    close: () => port.close(),
    stayAwake: () => awake.expectMessage(),
    control: control.length === 0 ? undefined : sharedControl(control),
    check: encoder.check,
    inspect: encoder.inspect
  })
  process.once("exit", worker.ending)
  process.on("uncaughtExceptionMonitor", (error) => {
    // a task module that handles uncaught errors keeps the thread running
    if (process.listenerCount("uncaughtException") === 0) worker.uncaught(error)
  })
}

const bufferOf = ({ buffer, byteLength, byteOffset }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)
