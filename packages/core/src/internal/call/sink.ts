/**
 * Where a call's results go. Pure: what is delivered when, and in which order.
 */

import type { Releases } from "../common/releases.ts"

/** What a call sees of its sink. */
export interface Sink {
  /** Takes a result, which is to wait for some releases if there are any; returns how many were delivered by that. */
  put(index: number, value: unknown, releases?: Releases): number
  /** Takes results that stand one after another, where it can do so at once; returns how many were delivered by that. */
  putAll?(index: number, values: ReadonlyArray<unknown>): number
}

/** An array in input order (C2); every result is delivered as it arrives. */
export class Ordered implements Sink {
  readonly results: Array<unknown> = []

  put(index: number, value: unknown): number {
    this.fill(index)
    this.results[index] = value
    return 1
  }

  putAll(index: number, values: ReadonlyArray<unknown>): number {
    this.fill(index)
    for (let n = 0; n < values.length; n++) this.results[index + n] = values[n]
    return values.length
  }

  /** Without gaps, which would make it a slow dictionary. */
  private fill(length: number): void {
    while (this.results.length < length) this.results.push(undefined)
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

/** Nothing is kept. */
export class Dropped implements Sink {
  put(): number {
    return 1
  }
}

/** Results that a consumer takes: a result is delivered when the consumer comes back for more. */
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
 * Results to be taken in input order: those that came early are held back. In a ring, because a Map of so many that come and go
 * would leave the garbage collector large tables.
 */
export class TakenOrdered implements Taken {
  /** A power of two long: the result of an index is at the index modulo the length. */
  private ring: Array<unknown> = new Array<unknown>(64).fill(absent)
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
    // the rest of them may be at the ring's other end
    if (to < ring.length || taken.length === max || !this.ready()) return taken
    return taken.concat(this.take(max - taken.length))
  }

  ready(): boolean {
    return this.ring[this.next & (this.ring.length - 1)] !== absent
  }

  private reserve(index: number): void {
    const { next, ring } = this
    let { length } = ring
    if (index - next < length) return
    while (index - next >= length) length *= 2
    this.ring = new Array<unknown>(length).fill(absent)
    for (let place = next; place < next + ring.length; place++) {
      this.ring[place & (length - 1)] = ring[place & (ring.length - 1)]
    }
  }
}
