/**
 * How the items and results of a task cross, on the pool's side: by its Schemas, as slices of an array, or as they are.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import * as slices from "./slices.ts"
import type { TypedArray } from "./typedArray.ts"

/** Copies a slice's elements into shared memory if they are elsewhere: cloning a slice would copy its whole buffer. */
const toShared = (array: TypedArray): TypedArray => {
  if (array.buffer[Symbol.toStringTag] === "SharedArrayBuffer") return array
  const copy = new (slices.constructorOf(array[Symbol.toStringTag]))(new SharedArrayBuffer(array.byteLength))
  slices.copyTo(copy, array)
  return copy
}

const sharedSlice: codec.Codec = {
  encode: (slice) => {
    const { input, output } = slice as slices.Slice
    return { input: toShared(input), output } satisfies slices.Slice
  },
  decode: slices.read
}

/** A slice with memory of its own, which need not be shared, and without its part of the output: that would be copied. */
const clonedSlice: codec.Codec = {
  encode: (slice) => ({ input: slices.copy((slice as slices.Slice).input), output: undefined }) satisfies slices.Slice,
  decode: slices.read
}

/** The codecs of a task on the pool's side; `shares` says whether the channel carries shared memory as such. */
export const codecsOf = (task: Code, shares: boolean): codec.TaskCodecs => {
  const definition = portable.definition(task)
  const codecs = definition.schemas === undefined ? crossing.noCodecs : codec.fromSchemas(definition.schemas)
  return definition.slices === true ? { ...codecs, input: shares ? sharedSlice : clonedSlice } : codecs
}

/** What is done to items and results that cross between a pool and a fiber worker. */
export interface Crossing {
  /** Throws when the item cannot cross. */
  readonly input: (item: unknown) => unknown
  /** Throws when the result of the item cannot cross. */
  readonly output: (value: unknown, item: unknown) => unknown
  /** The codec of failures, where the task has a Schema for them. */
  readonly error: codec.Codec | undefined
}

/** Clones what crosses, as a thread's channel would. */
export const cloning = (task: Code): Crossing => {
  // a page that is not isolated has no shared memory
  const { error, input, output } = codecsOf(task, globalThis.SharedArrayBuffer !== undefined)
  const outputCodec = portable.definition(task).slices === true ? slices.codecs.output : output
  return {
    input: (item) => crossing.clone(item, input),
    output: (value, item) => crossing.clone(value, outputCodec, item),
    error
  }
}

/** For `mapArray`, takes elements out of slices and writes results; for others `undefined`: all passes as it is. */
export const direct = (task: Code): Crossing | undefined =>
  portable.definition(task).slices === true
    ? { input: slices.read, output: slices.writeOrCopy, error: undefined }
    : undefined
