/**
 * The pool's side of `mapArray`: cuts an array into slices, and puts their results together.
 */
import { type Describe, printed } from "../common/printed.ts"
import { constructorOf, copyTo, type Slice, written } from "../wire/slices.ts"
import type { TypedArray } from "../wire/typedArray.ts"
import type { Sink } from "./sink.ts"

/** How many slices a worker gets by default: few enough to cost little, many enough for the last ones to be short. */
const slicesPerWorker = 32

/** By default slices have at least this many elements, unless workers would get fewer than `fewestPerWorker` slices. */
const shortest = 1024
const fewestPerWorker = 4

/** How an array is cut into slices. */
export interface Cuts {
  /** How many slices there are. */
  readonly count: number
  /** The element at which the slice with an index begins; for `index` = `count`, the array's length. */
  readonly at: (index: number) => number
}

/** Slices of `size` elements each; the last one may be shorter. */
const bySize = (size: number, length: number): Cuts => ({
  count: Math.ceil(length / size),
  at: (index) => Math.min(index * size, length)
})

/** `chunks` slices whose lengths differ by one at most; fewer slices if there are fewer elements. */
const byCount = (chunks: number, length: number): Cuts => {
  const count = Math.min(chunks, length)
  const size = Math.floor(length / count)
  return { count, at: (index) => index * size + Math.min(index, length % count) }
}

/** Cuts an array of `length` elements. */
export const cut = (
  length: number,
  workers: number,
  options: { readonly chunkSize?: number | undefined; readonly chunks?: number | undefined }
): Cuts => {
  if (length === 0) return { count: 0, at: () => 0 }
  if (options.chunkSize !== undefined) return bySize(options.chunkSize, length)
  if (options.chunks !== undefined) return byCount(options.chunks, length)
  const least = Math.min(shortest, Math.ceil(length / (workers * fewestPerWorker)))
  return bySize(Math.max(least, Math.ceil(length / (workers * slicesPerWorker))), length)
}

/** Shared memory, but on a page that is not isolated, which has none. */
const Memory = globalThis.SharedArrayBuffer ?? ArrayBuffer

/** A new array over shared memory, where there is such. */
const makeArray = (kind: string, length: number): TypedArray => {
  const Kind = constructorOf(kind)
  return new Kind(new Memory(length * Kind.BYTES_PER_ELEMENT))
}

/** A view of the elements from `start` up to `end`. `subarray` would make an instance of the array's subclass. */
const view = (array: TypedArray, start: number, end: number): TypedArray => {
  const Kind = constructorOf(array[Symbol.toStringTag])
  return new Kind(array.buffer, array.byteOffset + start * array.BYTES_PER_ELEMENT, end - start)
}

/** How an item is shown: as what the task is given of it, which knows nothing of where its results go. */
export const describeSlice = (describe: Describe | undefined): Describe =>
  describe !== false && (({ input }: Slice) => (describe === undefined ? printed(input) : describe(input)))

/** The slices of an array: the items of a call, and the sink of their results. */
export class Slices implements Iterable<Slice>, Sink {
  private readonly input: TypedArray
  private readonly output: TypedArray
  private readonly cuts: Cuts
  /** The type of the results so far, by name. */
  private kind: string | undefined = undefined
  /** Results of another kind or length than their slices, by the slices' indices. */
  private readonly parts = new Map<number, TypedArray>()
  /** Called when the result of the item with an index is not of the same kind as the others. */
  fail: (index: number, cause: TypeError) => void = () => {}

  constructor(input: TypedArray, cuts: Cuts) {
    this.input = input
    this.cuts = cuts
    this.output = makeArray(input[Symbol.toStringTag], input.length)
  }

  get length(): number {
    return this.cuts.count
  }

  *[Symbol.iterator](): Iterator<Slice> {
    for (let index = 0; index < this.cuts.count; index++) {
      yield { input: this.slice(this.input, index), output: this.slice(this.output, index) }
    }
  }

  put(index: number, value: unknown): number {
    const own = this.input[Symbol.toStringTag]
    const kind = value === written ? own : (value as TypedArray)[Symbol.toStringTag]
    this.kind ??= kind
    if (kind !== this.kind) {
      const cause = new TypeError(
        `The task returned arrays of several types, ${this.kind} and ${kind}, which cannot be put together`
      )
      this.fail(index, cause)
      return 0
    }
    if (value === written) return 1
    const array = value as TypedArray
    const [start, end] = [this.cuts.at(index), this.cuts.at(index + 1)]
    // a worker that shares no memory with the pool could not write it to the output
    if (kind === own && array.length === end - start) copyTo(this.output, array, start)
    else this.parts.set(index, array)
    return 1
  }

  /** The results of all slices, one after another. */
  get result(): TypedArray {
    if (this.kind === undefined || this.parts.size === 0) return this.output
    let length = 0
    for (let index = 0; index < this.cuts.count; index++) length += this.part(index).length
    const result = makeArray(this.kind, length)
    let offset = 0
    for (let index = 0; index < this.cuts.count; index++) {
      const part = this.part(index)
      copyTo(result, part, offset)
      offset += part.length
    }
    return result
  }

  private part(index: number): TypedArray {
    return this.parts.get(index) ?? this.slice(this.output, index)
  }

  private slice(array: TypedArray, index: number): TypedArray {
    return view(array, this.cuts.at(index), this.cuts.at(index + 1))
  }
}
