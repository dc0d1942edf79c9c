/**
 * Random values, for what crosses between a pool and its workers: trees of all kinds, sizes and depths, shared and within
 * themselves, and objects that misbehave when they are read. A number makes the same value at both ends.
 */
import { nested } from "../../src/testing/suite.values.ts"

/** What is to become of a value. */
export type Fate =
  /** It arrives. */
  | "arrives"
  /** It cannot cross. */
  | "refused"
  /** It is nested so deeply that it depends on the stacks of both ends. */
  | "deep"
  /** It answers differently each time it is read: whatever becomes of it, nothing else is harmed. */
  | "hostile"

export interface RandomValue {
  readonly value: unknown
  readonly fate: Fate
}

class Named {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** The mulberry32 generator (Tommy Ettinger, 2017): numbers from 0 to 1. */
const mulberry32 = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

const texts = ["", "a", "\u00e9", "\u{1f600}", "\ud800", "text ".repeat(50), "__proto__", "then", "~effect/Effect"]

const views = [Uint8Array, Int16Array, Float32Array, Float64Array, BigUint64Array, Uint8ClampedArray, Int32Array]

const toBytes = (length: number): Uint8Array => {
  const { Buffer } = globalThis as { readonly Buffer?: { readonly from: (text: string) => Uint8Array } }
  const text = "b".repeat(length)
  return Buffer === undefined ? new TextEncoder().encode(text) : Buffer.from(text)
}

class Maker {
  fate: Fate = "arrives"
  private readonly random: () => number
  /** Whether values are made as they arrive: users' objects as plain ones, without getters. */
  private readonly isArrived: boolean
  /** Objects that are there already, to be in several places. */
  private readonly made: Array<object> = []
  private left: number

  constructor(seed: number, isArrived: boolean) {
    this.random = mulberry32(seed)
    this.isArrived = isArrived
    this.left = this.below(100) === 0 ? 3000 : 60
  }

  below(n: number): number {
    return Math.floor(this.random() * n)
  }

  private become(fate: Fate): void {
    // what is refused anywhere is refused; and what is hostile may hide that
    const order: ReadonlyArray<Fate> = ["arrives", "deep", "refused", "hostile"]
    if (order.indexOf(fate) > order.indexOf(this.fate)) this.fate = fate
  }

  private keep<A extends object>(object: A): A {
    this.made.push(object)
    return object
  }

  make(depth = 0): unknown {
    if (this.left-- <= 0 || depth > 40) return this.primitive()
    switch (this.below(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.array(depth)
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        return this.object(depth, this.keep({}))
      case 9: {
        const map = this.keep(new Map<unknown, unknown>())
        // keys that no other has, so that nothing is replaced
        for (let n = this.below(4); n > 0; n--)
          map.set(n % 2 === 0 ? { key: this.make(depth + 1) } : n, this.make(depth + 1))
        return map
      }
      case 10: {
        const set = this.keep(new Set<unknown>())
        for (let n = this.below(4); n > 0; n--) set.add(this.make(depth + 1))
        return set
      }
      case 11:
        return this.keep(new Date(this.below(1e9)))
      case 12:
        return this.keep(/a+b?/gi)
      case 13:
        return this.keep(this.view())
      case 14:
        return this.keep(toBytes(this.below(3) * 20))
      case 15:
        return this.keep(new TypeError(`error ${this.below(9)}`, { cause: this.make(depth + 1) }))
      case 16: {
        const name = texts[this.below(texts.length)]!
        return this.keep(this.isArrived ? { name } : new Named(name))
      }
      case 17: {
        const value = this.make(depth + 1)
        return this.keep(
          this.isArrived
            ? { value }
            : {
                get value() {
                  return value
                }
              }
        )
      }
      case 18:
        return this.made.length === 0 ? null : this.made[this.below(this.made.length)]
      case 19:
        return this.keep(Object(this.below(9)) as object)
      case 20:
        return this.below(12) === 0 ? this.rare() : this.primitive()
      default:
        return this.primitive()
    }
  }

  private array(depth: number): ReadonlyArray<unknown> {
    const array: Array<unknown> = this.keep([])
    const length = this.below(60) === 0 ? 2000 : this.below(6)
    for (let index = 0; index < length; index++) {
      if (length > 100) array[index] = index
      else if (this.below(20) > 0) array[index] = this.make(depth + 1)
    }
    array.length = length
    return array
  }

  private object(depth: number, object: object): object {
    for (let n = this.below(6); n > 0; n--) {
      const text = this.below(3) === 0 ? texts[this.below(texts.length)]! : "key"
      const value = this.make(depth + 1)
      // a task that returns what has a `then` waits for it, and this one would never call back
      const isThenable = text === "then" && typeof value === "function"
      const key = isThenable || Object.hasOwn(object, text) ? `${text}${n}` : text
      Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
    }
    return object
  }

  private view(): ArrayBufferView {
    const View = views[this.below(views.length)]!
    const size = View.BYTES_PER_ELEMENT
    const memory = new ArrayBuffer((this.below(100) === 0 ? 100_000 : 8) * size)
    const view = new View(memory, this.below(3) * size, 2 + this.below(3))
    new Uint8Array(memory).fill(this.below(256))
    return view
  }

  private primitive(): unknown {
    const primitives = [undefined, null, true, false, 0, -0, Number.NaN, 1.5, 2 ** 40, 7n, -(2n ** 70n)]
    const n = this.below(primitives.length + texts.length)
    return n < primitives.length ? primitives[n] : texts[n - primitives.length]
  }

  /** What cannot cross, or misbehaves. */
  private rare(): unknown {
    switch (this.below(8)) {
      case 0:
        this.become("refused")
        return () => 1
      case 1:
        this.become("refused")
        return Symbol("s")
      case 2:
        this.become("refused")
        return new Proxy({ a: 1 }, {})
      case 3:
        this.become("refused")
        // within an object: a task's Promise is waited for
        return { promise: Promise.resolve(1) }
      case 4:
        this.become("deep")
        return nested(500 + this.below(5000))
      case 5:
        return this.changing(() => {
          throw new RangeError("not to be read")
        })
      case 6:
        return this.changing(() => nested(2000 + this.below(2000)))
      default:
        return this.changing(() => () => 1)
    }
  }

  /** An object whose property is another value when it is read for the nth time. */
  private changing(otherwise: () => unknown): object {
    this.become("hostile")
    const when = this.below(4)
    let reads = 0
    return {
      get value() {
        return reads++ === when ? otherwise() : "as always"
      }
    }
  }
}

/** The value of a number, as it is sent or as it arrives. */
export const randomValue = (seed: number, as: "sent" | "arrived"): RandomValue => {
  const maker = new Maker(seed, as === "arrived")
  const value = maker.make()
  return { value, fate: maker.fate }
}
