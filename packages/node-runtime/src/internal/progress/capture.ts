/**
 * Takes over what others write to the process's own streams, and gives it back to them at the end (O4).
 */

import { Console } from "node:console"
import { isBun, isDeno } from "../platform.ts"

/** Called in the place of a stream's `write`. Returns whether it has taken the text: if not, the stream gets it. */
export type Taker = (text: Uint8Array) => boolean

type Write = (chunk: any, encoding?: any, done?: any) => boolean

type Done = (error?: Error | null) => void

/** Takes what is written to a stream; returns how to stop that. */
export const capture = (stream: NodeJS.WriteStream, take: Taker): (() => void) => {
  const write = Reflect.get(stream, "write") as Write
  const isOwn = Object.hasOwn(stream, "write")
  let isOver = false
  const captured = (chunk: unknown, encoding?: BufferEncoding | Done, done?: Done): boolean => {
    const isText = typeof chunk === "string"
    const bytes = isText
      ? Buffer.from(chunk, typeof encoding === "string" ? encoding : undefined)
      : ArrayBuffer.isView(chunk)
        ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : undefined
    if (!isOver && bytes !== undefined && take(bytes)) {
      const called = typeof encoding === "function" ? encoding : done
      if (typeof called === "function") process.nextTick(called)
      return true
    }
    return Reflect.apply(write, stream, [chunk, encoding, done])
  }
  stream.write = captured
  return () => {
    isOver = true
    // somebody else may have taken over since, and calls this one
    if (stream.write !== captured) return
    if (isOwn) stream.write = write
    else delete (stream as { write?: unknown }).write
  }
}

const methods = ["debug", "dir", "error", "info", "log", "table", "trace", "warn"] as const

/**
 * Has the global `console` write to the process's streams, as it does on Node.js: on Bun and Deno it goes past their `write`.
 * Returns how to stop that.
 */
export const captureConsole = (): (() => void) => {
  if (!isBun && !isDeno) return () => {}
  const own = new Console(process.stdout, process.stderr)
  const before = methods.map((method) => [method, Object.getOwnPropertyDescriptor(console, method)] as const)
  for (const method of methods) Reflect.set(console, method, Reflect.get(own, method))
  return () => {
    for (const [method, property] of before)
      if (property !== undefined) Object.defineProperty(console, method, property)
  }
}
