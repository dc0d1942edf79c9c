/**
 * The worker's side of `mapArray`: an item is a slice of the array, and what the task makes of it is written to the slice's
 * place in the output, or moved to the pool. Free of Effect.
 */
import type { Transferable } from "../../Channel.ts"
import type { TypedArray } from "./typedArray.ts"

/** A slice, as it crosses. */
export interface Slice {
  readonly input: TypedArray
  /** The slice's place in the output, where the worker and the pool share memory. */
  readonly output: TypedArray | undefined
}

/** What crosses in place of a result that is in the output already. */
export const written = true

/** A kind's name, such as `"Float64Array"`; `undefined` for what is no TypedArray. */
export const kindOf = (u: unknown): string | undefined => {
  if (!ArrayBuffer.isView(u)) return undefined
  const kind = (u as TypedArray)[Symbol.toStringTag] as string
  return kind === "DataView" ? undefined : kind
}

interface Constructor {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray
  new (array: TypedArray): TypedArray
}

/** The constructor of a kind; not that of a subclass, such as Node's `Buffer`. */
export const constructorOf = (kind: string): Constructor =>
  (globalThis as unknown as Record<string, Constructor>)[kind]!

/** Copies elements between arrays of one kind, from the place `at` on. */
export const copyTo = (to: TypedArray, from: TypedArray, at = 0): void => {
  // both have numbers, or both have bigints
  ;(to as Float64Array).set(from as Float64Array, at)
}

/** What arrived of a slice. */
export const read = (item: unknown): TypedArray => {
  const { input } = item as Slice
  if (kindOf(input) === undefined) throw new TypeError("The slice is no TypedArray: the channel cannot carry one")
  return input
}

/** Writes a result to its slice's place, where it fits; what does not is handed to `own`, not to change any more. */
const write = (result: unknown, { input, output }: Slice, own: (result: TypedArray) => TypedArray): unknown => {
  const kind = kindOf(result)
  if (kind === undefined) {
    throw new TypeError(`The task of a mapArray must return a TypedArray, and returned ${describe(result)}`)
  }
  const array = result as TypedArray
  if ((array.buffer as Partial<ArrayBuffer>).detached === true) {
    throw new TypeError(
      "The task returned an array whose memory has moved: a result that differs from its slice in type or length is " +
        "moved, so that it can be returned only once"
    )
  }
  if (kind !== kindOf(input) || array.length !== input.length) return own(array)
  // without shared memory it is copied on its way
  if (output === undefined) return array
  copyTo(output, array)
  return written
}

/** Writes a result to its slice's place, or has it moved. */
export const writeOrMove = (result: unknown, transfers: Array<Transferable>, slice: unknown): unknown =>
  write(result, slice as Slice, (array) => {
    const moved = move(array)
    transfers.push(moved.buffer)
    return moved
  })

/** Writes a result to its slice's place, or copies it: the task is in this thread, and may keep the array. */
export const writeOrCopy = (result: unknown, slice: unknown): unknown => write(result, slice as Slice, copy)

const copy = (array: TypedArray): TypedArray => new (constructorOf(kindOf(array)!))(array)

/** The same elements in memory that belongs to nobody else, without a copy where they have theirs to themselves. */
const move = (array: TypedArray): TypedArray => {
  const { buffer } = array
  if (buffer instanceof ArrayBuffer && buffer.byteLength === array.byteLength) {
    try {
      return new (constructorOf(kindOf(array)!))(buffer.transferToFixedLength())
    } catch {
      /* such as WebAssembly's memory */
    }
  }
  return copy(array)
}

const describe = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value
  const { constructor } = value
  return typeof constructor === "function" && constructor.name !== "" ? `a value of ${constructor.name}` : "an object"
}

const same = (value: unknown): unknown => value

/** What stands in a worker for the Schemas of input and output. */
export const codecs = {
  input: { encode: same, decode: read },
  output: { encode: writeOrMove, decode: same }
}
