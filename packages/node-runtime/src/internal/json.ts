/**
 * Messages as JSON, where JSON loses nothing of them. It takes less time than V8's serializer for what most programs send,
 * objects of a few properties, and the serializer keeps all that it has written or read in memory until it is collected.
 */
import { types } from "node:util"

// Tasks can replace these in their process (F6)
const { isProxy } = types
const { parse, stringify } = JSON
const { getPrototypeOf, is, keys, prototype: plain } = Object
const { isArray, prototype: list } = Array
const { isFinite, isInteger } = Number

/** How many numbers with fractions there may be for each object: each takes as long in JSON as half of an object. */
const fractionsPerObject = 2

/** How long a text may be: JSON looks at each character, where the serializer copies them. */
const longest = 500

/** Looks at one message. */
class Look {
  private readonly met = new Set<object>()
  private fractions = 0

  /** Whether JSON brings the message as it is, and soon; left out properties of the message itself are `undefined`. */
  isWhole(message: unknown): message is object {
    if (typeof message !== "object" || message === null || getPrototypeOf(message) !== plain) return false
    this.met.add(message)
    for (const key of keys(message)) {
      const value = (message as Readonly<Record<string, unknown>>)[key]
      if (value !== undefined && !this.isSame(value)) return false
    }
    return this.fractions <= fractionsPerObject * this.met.size
  }

  private isSame(value: unknown): boolean {
    switch (typeof value) {
      case "boolean":
        return true
      case "string":
        return value.length <= longest
      case "number":
        if (!isInteger(value)) this.fractions++
        return isFinite(value) && !is(value, -0)
      case "object":
        return value === null || this.isSameObject(value)
      default:
        return false
    }
  }

  private isSameObject(object: object): boolean {
    // in several places, or within itself; and structured clone refuses a Proxy
    const before = this.met.size
    if (this.met.add(object).size === before || isProxy(object)) return false
    if (isArray(object)) return this.isSameArray(object)
    if (getPrototypeOf(object) !== plain) return false
    // what a plain object inherits is nothing, or looked at for nothing: to list its own properties takes longer
    for (const key in object) {
      if (!this.isSame((object as Readonly<Record<string, unknown>>)[key])) return false
    }
    return true
  }

  private isSameArray(array: ReadonlyArray<unknown>): boolean {
    if (getPrototypeOf(array) !== list) return false
    for (let index = 0; index < array.length; index++) if (!this.isSame(array[index])) return false
    // an array can have properties too
    return keys(array).length === array.length
  }
}

/** Whether something has given values a JSON of their own, as old libraries do. */
const hasToJson = (): boolean =>
  [plain, list, String.prototype, Number.prototype, Boolean.prototype].some((prototype) => "toJSON" in prototype)

/** The message as JSON; `undefined` where that would lose something, or take longer. Throws what getters throw. */
export const toJson = (message: unknown): string | undefined =>
  new Look().isWhole(message) && !hasToJson() ? stringify(message) : undefined

export const fromJson: (text: string) => unknown = parse
