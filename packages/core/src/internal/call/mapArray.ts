/**
 * The pool's side of `mapArray`: an array is cut into slices, and what becomes of them is put together.
 */
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import { notSerializable } from "../wire/crossing.ts"
import type { Sink } from "./sink.ts"
import { constructorOf, copyTo, kindOf, type Slice, written } from "../wire/slices.ts"
import type { TypedArray } from "../wire/typedArray.ts"

/** How many slices a worker gets by default: one costs little, and the last ones leave nobody waiting for long. */
const slicesPerWorker = 32

/** By default slices are not to be shorter, as long as every worker gets a few. */
const shortest = 1024
const fewestPerWorker = 4

/** Where slices begin and end. */
export interface Cuts {
  readonly count: number
  /** Where a slice begins; at the end of the array for the number `count`. */
  readonly at: (index: number) => number
}

/** Slices of so many elements each; the last one may be shorter. */
const bySize = (size: number, length: number): Cuts => ({
  count: Math.ceil(length / size),
  at: (index) => Math.min(index * size, length)
})

/** So many slices, as equal as can be; fewer where there are fewer elements. */
const byCount = (chunks: number, length: number): Cuts => {
  const count = Math.min(chunks, length)
  const size = Math.floor(length / count)
  return { count, at: (index) => index * size + Math.min(index, length % count) }
}

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

const share = (kind: string, length: number): TypedArray => {
  const Kind = constructorOf(kind)
  const { BYTES_PER_ELEMENT } = Kind as unknown as { readonly BYTES_PER_ELEMENT: number }
  return new Kind(new SharedArrayBuffer(length * BYTES_PER_ELEMENT))
}

/** A view of some of an array's elements. */
const view = (array: TypedArray, from: number, to: number): TypedArray =>
  new (constructorOf(kindOf(array)!))(array.buffer, array.byteOffset + from * array.BYTES_PER_ELEMENT, to - from)

/** The slices of an array: the items of a call, and the sink of their results. */
export class Slices implements Iterable<Slice>, Sink {
  private readonly input: TypedArray
  private readonly output: TypedArray
  private readonly cuts: Cuts
  /** Of the results; that of the input where there are none. */
  private kind: string | undefined = undefined
  /** Results that are no part of the output, by their slice. */
  private readonly parts = new Map<number, TypedArray>()
  /** Called when a result does not go with the others. */
  fail: (error: WorkerPoolError) => void = () => {}

  constructor(input: TypedArray, cuts: Cuts) {
    this.input = input
    this.cuts = cuts
    this.output = share(kindOf(input)!, input.length)
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
    const own = kindOf(this.input)!
    const kind = value === written ? own : kindOf(value)!
    this.kind ??= kind
    if (kind !== this.kind) {
      const cause = new TypeError(
        `The task returned arrays of several types, ${this.kind} and ${kind}, which cannot be put together`
      )
      this.fail(notSerializable("output", index, cause))
      return 0
    }
    if (value === written) return 1
    const array = value as TypedArray
    const [start, end] = [this.cuts.at(index), this.cuts.at(index + 1)]
    // without shared memory the worker could not write it there
    if (kind === own && array.length === end - start) copyTo(this.output, array, start)
    else this.parts.set(index, array)
    return 1
  }

  /** The results, one after another. */
  get result(): TypedArray {
    if (this.parts.size === 0) return this.output
    let length = 0
    for (let index = 0; index < this.cuts.count; index++) length += this.part(index).length
    const result = share(this.kind!, length)
    let at = 0
    for (let index = 0; index < this.cuts.count; index++) {
      const part = this.part(index)
      copyTo(result, part, at)
      at += part.length
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
