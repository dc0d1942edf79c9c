/**
 * What Bun does otherwise than Node, for workers in processes.
 */
import { connect, Socket } from "node:net"
import * as v8 from "node:v8"

const isBun = process.versions["bun"] !== undefined

/** Whether there is V8's serializer, which can leave large memory out of what it writes. Bun's engine is another. */
export const hasSerializer = !isBun

/** As structured clone has it, as bytes; throws for what cannot be cloned. */
export const serialize = (value: unknown): Buffer => v8.serialize(value)

/** The inverse of `serialize`. */
export const deserialize = (bytes: Buffer): unknown => v8.deserialize(bytes)

/** The pipe that this process has inherited. */
export const socketOf = (fd: number): Socket =>
  // types know of no descriptor here, which Node takes for a new socket alone
  isBun ? connect({ fd } as never) : new Socket({ fd, readable: true, writable: true })
