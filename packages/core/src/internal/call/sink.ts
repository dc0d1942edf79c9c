/**
 * Where a call's results go: what is delivered when, and in which order (C2).
 */
import type { Releases } from "../common/releases.ts"

/** What a call sees of its sink. */
export interface Sink {
  /**
   * Takes the result of the item with an ordinal, and the releases that the result has to wait for, if there are any.
   * Returns how many results reached the consumer by that.
   */
  put(ordinal: number, value: unknown, releases?: Releases): number
  /** Takes the results of consecutive items, from an ordinal on; left out by sinks that take results one by one. */
  putAll?(ordinal: number, values: ReadonlyArray<unknown>): number
}

/** Arrays that are made with more elements than this are slow dictionaries in V8 from the beginning. */
const mostReserved = 2 ** 24

/** An array in input order (C2); every result is delivered as it arrives. */
export class Ordered implements Sink {
  private readonly all: Array<unknown>
  /** How many elements have been filled in, gaps included. */
  private used = 0

  /** `length` is how many results there will be, where that is known: room for them is made at once. */
  constructor(length = 0) {
    this.all = length > mostReserved ? [] : new Array<unknown>(length).fill(undefined)
  }

  get results(): Array<unknown> {
    // an array of items may have become shorter during the call
    this.all.length = this.used
    return this.all
  }

  put(index: number, value: unknown): number {
    if (index >= this.used) this.use(index + 1)
    this.all[index] = value
    return 1
  }

  putAll(index: number, values: ReadonlyArray<unknown>): number {
    this.use(index + values.length)
    for (let n = 0; n < values.length; n++) this.all[index + n] = values[n]
    return values.length
  }

  /** Fills the array up to `length`: a gap could make V8 turn it into a slow dictionary. */
  private use(length: number): void {
    if (length <= this.used) return
    this.used = length
    while (this.all.length < length) this.all.push(undefined)
  }
}

/** An array in completion order; every result is delivered as it arrives. */
export class Unordered implements Sink {
  readonly results: Array<unknown> = []

  put(_index: number, value: unknown): number {
    this.results.push(value)
    return 1
  }
}

/** No result is kept. */
export class Dropped implements Sink {
  put(): number {
    return 1
  }
}

/** Results that a consumer takes: those that it took count as delivered when it comes back for more (C3). */
export interface Taken extends Sink {
  /** Takes up to `max` results, in order. */
  take(max: number): Array<unknown>
  /** Whether there is a result to take. */
  ready(): boolean
}

/** Results to be taken in completion order. */
export class TakenUnordered implements Taken {
  private results: Array<unknown> = []

  put(_index: number, value: unknown): number {
    this.results.push(value)
    return 0
  }

  putAll(_index: number, values: ReadonlyArray<unknown>): number {
    for (const value of values) this.results.push(value)
    return 0
  }

  take(max: number): Array<unknown> {
    if (this.results.length <= max) {
      const taken = this.results
      this.results = []
      return taken
    }
    const taken = this.results.slice(0, max)
    this.results = this.results.slice(max)
    return taken
  }

  ready(): boolean {
    return this.results.length > 0
  }
}

const absent = Symbol("absent")

/**
 * Results to be taken in input order: those that came early are held back. They are kept in a ring, because a Map
 * through which millions of entries pass leaves large dead tables to the garbage collector.
 */
export class TakenOrdered implements Taken {
  /** The result with an index is at that index modulo the length, which is a power of two. */
  private ring: Array<unknown> = new Array<unknown>(64).fill(absent)
  /** The index of the result that is taken next. */
  private next = 0

  put(index: number, value: unknown): number {
    this.reserve(index)
    this.ring[index & (this.ring.length - 1)] = value
    return 0
  }

  putAll(index: number, values: ReadonlyArray<unknown>): number {
    this.reserve(index + values.length - 1)
    const mask = this.ring.length - 1
    for (let n = 0; n < values.length; n++) this.ring[(index + n) & mask] = values[n]
    return 0
  }

  take(max: number): Array<unknown> {
    const { ring } = this
    const from = this.next & (ring.length - 1)
    const most = Math.min(ring.length, from + max)
    let to = from
    // where one is absent, an earlier result has yet to arrive, and later ones wait for it (C2)
    while (to < most && ring[to] !== absent) to++
    const taken = ring.slice(from, to)
    ring.fill(absent, from, to)
    this.next += taken.length
    // the results that follow may be at the beginning of the ring
    if (to < ring.length || taken.length === max || !this.ready()) return taken
    return taken.concat(this.take(max - taken.length))
  }

  ready(): boolean {
    return this.ring[this.next & (this.ring.length - 1)] !== absent
  }

  /** Doubles the ring until the result with an index fits. */
  private reserve(index: number): void {
    const { next, ring } = this
    let { length } = ring
    if (index - next < length) return
    while (index - next >= length) length *= 2
    this.ring = new Array<unknown>(length).fill(absent)
    for (let index = next; index < next + ring.length; index++) {
      this.ring[index & (length - 1)] = ring[index & (ring.length - 1)]
    }
  }
}
