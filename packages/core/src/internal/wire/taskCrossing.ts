/**
 * How what a task takes and gives crosses, on the pool's side: by its Schemas, as slices of an array, or as it is.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import * as portable from "../task/portable.ts"
import * as slices from "./slices.ts"
import type { TypedArray } from "./typedArray.ts"

/** A slice of memory that is not shared is copied, once: structured clone would copy all that it is a slice of. */
const shared = (array: TypedArray): TypedArray => {
  if (array.buffer[Symbol.toStringTag] === "SharedArrayBuffer") return array
  const copy = new (slices.constructorOf(slices.kindOf(array)!))(new SharedArrayBuffer(array.byteLength))
  slices.copyTo(copy, array)
  return copy
}

const sharedSlice: codec.Codec = {
  encode: (slice) => {
    const { input, output } = slice as slices.Slice
    return { input: shared(input), output } satisfies slices.Slice
  },
  decode: slices.read
}

/** Without its place in the output, which would be copied too. */
const sentSlice: codec.Codec = {
  encode: (slice) => ({ input: (slice as slices.Slice).input, output: undefined }) satisfies slices.Slice,
  decode: slices.read
}

/** How what a task takes, and what it gives, is sent; `shares` says whether shared memory that is sent is shared. */
export const codecsOf = (task: Code, shares: boolean): codec.TaskCodecs => {
  const definition = portable.definition(task)
  const codecs = definition.schemas === undefined ? crossing.noCodecs : codec.fromSchemas(definition.schemas)
  return definition.slices === true ? { ...codecs, input: shares ? sharedSlice : sentSlice } : codecs
}

/** What is done to what crosses between fibers. */
export interface Crossing {
  /** Throws when the item cannot cross. */
  readonly input: (item: unknown) => unknown
  /** Throws when the result of the item cannot cross. */
  readonly output: (value: unknown, item: unknown) => unknown
  /** Of failures, where the task has a Schema for them. */
  readonly error: codec.Codec | undefined
}

/** As it would be sent to a thread. */
export const cloning = (task: Code): Crossing => {
  const { error, input, output } = codecsOf(task, true)
  const using = portable.definition(task).slices === true ? slices.codecs.output : output
  return {
    input: (item) => crossing.clone(item, input),
    output: (value, item) => crossing.clone(value, using, item),
    error
  }
}

/** As it is; only slices are more than what the task takes, and their results have a place to go to. */
export const direct = (task: Code): Crossing | undefined =>
  portable.definition(task).slices === true
    ? { input: slices.read, output: slices.writeOrCopy, error: undefined }
    : undefined
