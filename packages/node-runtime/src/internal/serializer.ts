/**
 * How values are written as bytes where there is no serializer of V8's, as on Bun, whose engine is another.
 */
import * as v8 from "node:v8"
import { isBun } from "./platform.ts"

/** Whether there is V8's serializer, which can leave large memory out of what it writes. */
export const hasSerializer = !isBun

/** As structured clone has it, as bytes; throws for what cannot be cloned, but copies shared memory. */
export const writeWhole = (value: unknown): Buffer => v8.serialize(value)

/** The inverse of `writeWhole`. */
export const readWhole = (bytes: Buffer): unknown => v8.deserialize(bytes)
