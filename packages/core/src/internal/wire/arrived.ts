/**
 * Puts together again what `carried.ts` has made: errors are marked, wherever they are within something (O3).
 */
import * as failure from "./failure.ts"

/** The only property of what stands for an error, which is taken apart there; nothing else that is carried has one. */
export const errorMark = "@effect-mpire/core/Error"

/** What has arrived, with the errors that are in it; what cannot be put together is told as why it cannot. */
export const arrived = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  try {
    return new Assembler().within(value)
  } catch (why) {
    return why
  }
}

/** Puts errors where their marks are: what has arrived is nobody else's. */
class Assembler {
  private readonly decode = failure.decoder()
  private readonly met = new Set<object>()

  within(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value
    const isNew = !this.met.has(value)
    if (isNew) this.met.add(value)
    if (Array.isArray(value)) {
      if (isNew) this.members(value)
    } else if (value instanceof Map) {
      if (isNew) this.entries(value)
    } else if (value instanceof Set) {
      if (isNew) this.values(value)
    } else if (isPlain(value)) {
      if (isNew) this.members(value)
      if (Object.hasOwn(value, errorMark)) return this.decode(Reflect.get(value, errorMark) as failure.EncodedValue)
    }
    return value
  }

  private members(object: object): void {
    // an array of any length can have arrived, of holes
    for (const key of Object.keys(object)) {
      const member: unknown = Reflect.get(object, key)
      const put = this.within(member)
      // also where it is called `__proto__`
      if (put !== member) Object.defineProperty(object, key, { ...asOwn, value: put })
    }
  }

  private entries(map: Map<unknown, unknown>): void {
    const entries = [...map].map(([key, value]) => [this.within(key), this.within(value)] as const)
    map.clear()
    for (const [key, value] of entries) map.set(key, value)
  }

  private values(set: Set<unknown>): void {
    const values = [...set].map((value) => this.within(value))
    set.clear()
    for (const value of values) set.add(value)
  }
}

const asOwn = { configurable: true, enumerable: true, writable: true } as const

const isPlain = (object: object): boolean => {
  const prototype = Object.getPrototypeOf(object) as unknown
  return prototype === Object.prototype || prototype === null
}
