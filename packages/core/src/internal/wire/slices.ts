/**
 * The worker's side of `mapArray`: an item is a slice of the array, and the result of the task is written to the
 * slice's part of the output, or moved to the pool. Free of Effect.
 */
import type { Transferable } from "../../Channel.ts"
import type { TypedArray } from "./typedArray.ts"

/** An item of `mapArray`, as it crosses. */
export interface Slice {
  readonly input: TypedArray
  /** The slice's part of the output, where the worker and the pool share memory. */
  readonly output: TypedArray | undefined
}

/** What crosses instead of a result that has been written to the output. */
export const written = true

/** The kind of a TypedArray, such as `"Float64Array"`; `undefined` for anything else. */
export const kindOf = (u: unknown): string | undefined => {
  if (!ArrayBuffer.isView(u)) return undefined
  const kind = (u as TypedArray)[Symbol.toStringTag] as string
  return kind === "DataView" ? undefined : kind
}

interface Constructor {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray
  new (array: TypedArray): TypedArray
}

/** The constructor of a kind; never one of a subclass, such as Node's `Buffer`. */
export const constructorOf = (kind: string): Constructor =>
  (globalThis as unknown as Record<string, Constructor>)[kind]!

/** Copies all elements of `from` into `to`, an array of the same kind, at `offset`. */
export const copyTo = (to: TypedArray, from: TypedArray, offset = 0): void => {
  // the cast stands for any kind: arrays of one kind have elements of one type
  ;(to as Float64Array).set(from as Float64Array, offset)
}

/** The elements of a slice that has arrived. Throws where the channel has turned the array into something else. */
export const read = (item: unknown): TypedArray => {
  const { input } = item as Slice
  if (kindOf(input) === undefined) throw new TypeError("The slice is no TypedArray: the channel cannot carry one")
  return input
}

/**
 * Writes a result to its slice's part of the output. A result of another kind or length goes to the pool as the array
 * that `detach` makes of it, which the task cannot change any more.
 */
const write = (result: unknown, { input, output }: Slice, detach: (result: TypedArray) => TypedArray): unknown => {
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
  if (kind !== kindOf(input) || array.length !== input.length) return detach(array)
  // without shared memory the channel copies it
  if (output === undefined) return array
  copyTo(output, array)
  return written
}

/** Writes a result to its slice's part of the output, or has it moved to the pool. */
export const writeOrMove = (result: unknown, transfers: Array<Transferable>, slice: unknown): unknown =>
  write(result, slice as Slice, (array) => {
    const moved = move(array)
    transfers.push(moved.buffer)
    return moved
  })

/** Writes a result to its slice's part of the output, or copies it: the task is in this thread, and may keep it. */
export const writeOrCopy = (result: unknown, slice: unknown): unknown => write(result, slice as Slice, copy)

/** An array of the same elements, in memory of its own. */
export const copy = (array: TypedArray): TypedArray => new (constructorOf(kindOf(array)!))(array)

/** The same elements in memory out of the task's reach: not copied but moved, if the array spans its whole buffer. */
const move = (array: TypedArray): TypedArray => {
  const { buffer } = array
  if (buffer instanceof ArrayBuffer && buffer.byteLength === array.byteLength) {
    try {
      return new (constructorOf(kindOf(array)!))(buffer.transferToFixedLength())
    } catch {
      /* what cannot be moved, such as WebAssembly's memory, is copied */
    }
  }
  return copy(array)
}

const describe = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value
  const { constructor } = value
  return typeof constructor === "function" && constructor.name !== "" ? `a value of ${constructor.name}` : "an object"
}

const identity = (value: unknown): unknown => value

/** The codecs of a `mapArray` task in a worker, instead of those of its Schemas. */
export const codecs = {
  input: { encode: identity, decode: read },
  output: { encode: writeOrMove, decode: identity }
}
