/**
 * A small seeded generator: mulberry32, by Tommy Ettinger (public domain,
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c).
 */
export class Random {
  private state: number

  /** Different streams of one seed have nothing to do with each other, so that each operation can have its own. */
  constructor(seed: number, stream: number) {
    this.state = scramble(scramble(seed) ^ scramble(stream + 0x5bd1e995))
  }

  /** From 0, below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** From `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  oneOf<const A>(...values: ReadonlyArray<A>): A {
    return values[this.integer(0, values.length - 1)]!
  }

  /** A key, as often as its weight says. */
  weighted<const K extends string>(weights: { readonly [key in K]: number }): K {
    const entries = Object.entries<number>(weights) as Array<[K, number]>
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    return entries.find(([, weight]) => (left -= weight) < 0)?.[0] ?? entries[0]![0]
  }
}

/** The finalizer of MurmurHash3, by Austin Appleby (public domain). */
const scramble = (n: number): number => {
  let h = n | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
