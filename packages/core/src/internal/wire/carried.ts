/**
 * Makes anything into something that every channel carries, and not too much of it: what cannot cross becomes text (O3).
 * No code of users' is run for it but `toJSON`, and whatever that does, this does not throw.
 */
import * as Redacted from "effect/Redacted"
import type { CauseLike } from "../task/shapes.ts"
import type { EncodedError, EncodedReason, EncodedValue } from "./failure.ts"

/** How much is carried of one record, in characters; numbers and the like count as 8. */
const longest = 16 * 1024

/** How many objects may be within each other. */
const deepest = 16

const unreadable = "(it cannot be read)"

const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    // a revoked Proxy, or one with a trap that throws
    return otherwise
  }
}

/** Carries the parts of one record, which share what may be carried of it. */
export class Carrier {
  private left = longest
  /** The objects that it is in. */
  private readonly around: Array<object> = []

  /** As it crosses, an error taken apart. */
  part(value: unknown): EncodedError | { readonly _tag: "Value"; readonly value: unknown } {
    return attempt<EncodedError | { readonly _tag: "Value"; readonly value: unknown }>(
      () => (value instanceof Error ? this.error(value) : { _tag: "Value", value: this.value(value) }),
      { _tag: "Value", value: unreadable }
    )
  }

  /** A Cause, read by its shape. */
  cause({ reasons }: CauseLike): ReadonlyArray<EncodedReason> {
    return reasons.map((reason): EncodedReason => {
      switch (reason._tag) {
        case "Fail":
          return { _tag: "Fail", error: this.part(reason.error) }
        case "Die":
          return { _tag: "Die", defect: this.part(reason.defect) }
        case "Interrupt":
          return { _tag: "Interrupt", fiberId: reason.fiberId }
      }
    })
  }

  /** Names and values by turns. */
  pairs(values: Readonly<Record<string, unknown>>): Array<unknown> {
    const pairs: Array<unknown> = []
    for (const key of Object.keys(values)) pairs.push(key, this.safely(values[key]))
    return pairs
  }

  record(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const carried: Record<string, unknown> = {}
    for (const key of Object.keys(values)) define(carried, key, this.safely(values[key]))
    return carried
  }

  safely(value: unknown): unknown {
    if (typeof value === "number" || typeof value === "boolean") {
      this.left -= 8
      return value
    }
    if (typeof value === "string" && value.length <= this.left) {
      this.left -= value.length
      return value
    }
    return attempt(() => this.value(value), unreadable)
  }

  private value(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "function":
      case "symbol":
        return this.text(typeof value === "function" ? `[Function: ${nameOf(value)}]` : value.toString())
      case "object":
        return value === null ? null : this.object(value)
      case "bigint":
        this.left -= 8
        // one of millions of digits would take minutes to become text, and much memory to cross
        return value > -mostDigits && value < mostDigits ? value : "[BigInt]"
      default:
        this.left -= 8
        return value
    }
  }

  private text(text: string): string {
    const { left } = this
    this.left -= text.length
    if (text.length <= left) return text
    const kept = Math.max(0, left)
    return `${text.slice(0, kept)}… (${text.length - kept} more characters)`
  }

  private object(object: object): unknown {
    if (Redacted.isRedacted(object)) return this.text("<redacted>")
    if (this.around.includes(object)) return "[Circular]"
    if (this.left <= 0 || this.around.length >= deepest) return "…"
    this.left -= 8
    this.around.push(object)
    try {
      return this.members(object)
    } finally {
      this.around.pop()
    }
  }

  private members(object: object): unknown {
    if (object instanceof Error) return made(this.error(object))
    if (object instanceof Date) return new Date(Date.prototype.getTime.call(object))
    if (object instanceof RegExp) return this.text(String(object))
    if (Array.isArray(object)) return this.list(object.length, (n) => this.property(object, String(n)))
    if (object instanceof Map) {
      const entries = this.taken<[unknown, unknown]>(Map.prototype.entries.call(object))
      return new Map(entries.map(([key, value]) => [this.safely(key), this.safely(value)] as const))
    }
    if (object instanceof Set) {
      return new Set(this.taken(Set.prototype.values.call(object)).map((value) => this.safely(value)))
    }
    const { toJSON } = object as { readonly toJSON?: unknown }
    if (typeof toJSON === "function") return this.value(toJSON.call(object))
    if (ArrayBuffer.isView(object)) return this.view(object)
    const keys = Object.keys(object)
    // what has nothing to show but what it is: a Promise, say
    if (keys.length === 0 && !isPlain(object)) return this.text(`[${nameOfClass(object)}]`)
    const carried: Record<string, unknown> = {}
    for (const key of keys) {
      if (this.left <= 0) {
        define(carried, "…", "…")
        break
      }
      this.left -= key.length
      define(carried, key, this.property(object, key))
    }
    return carried
  }

  private list<A>(length: number, member: (n: number) => A): Array<A | string> {
    const members: Array<A | string> = []
    for (let n = 0; n < length; n++) {
      if (this.left <= 0) {
        members.push(`… ${length - n} more`)
        break
      }
      members.push(member(n))
    }
    return members
  }

  /** No more of the values than could be carried. */
  private taken<A>(values: Iterator<A>): Array<A> {
    const taken: Array<A> = []
    for (let next = values.next(); next.done !== true && taken.length * 8 < this.left; next = values.next()) {
      taken.push(next.value)
    }
    return taken
  }

  private view(view: ArrayBufferView): unknown {
    const text = `[${nameOfClass(view)}: ${view.byteLength} bytes]`
    if (view.byteLength > this.left || view instanceof DataView) return this.text(text)
    this.left -= view.byteLength
    return Reflect.apply(slice, view, [])
  }

  private property(object: object, key: string): unknown {
    const property = Object.getOwnPropertyDescriptor(object, key)
    if (property === undefined) return undefined
    return "value" in property ? this.safely(property.value) : "[Getter]"
  }

  private error(error: Error): EncodedError {
    const read = (key: string): unknown => attempt(() => (error as unknown as Record<string, unknown>)[key], undefined)
    const text = (key: string, otherwise: string): string => {
      const value = read(key)
      return this.text(typeof value === "string" ? value : otherwise)
    }
    this.around.push(error)
    try {
      const cause = read("cause")
      const errors = error instanceof AggregateError ? read("errors") : undefined
      const tag = read("_tag")
      const properties: Array<readonly [string, EncodedValue]> = []
      const name = text("name", "Error")
      const message = text("message", "")
      const stack = typeof read("stack") === "string" ? text("stack", "") : undefined
      if (typeof tag === "string") properties.push(["_tag", this.within(tag)])
      for (const key of attempt(() => Object.keys(error), [])) {
        if (!known.has(key) && this.left > 0) properties.push([key, this.within(this.property(error, key))])
      }
      return {
        _tag: "Error",
        name,
        message,
        stack,
        cause: cause === undefined ? undefined : this.within(cause),
        errors: Array.isArray(errors) ? this.errors(errors) : undefined,
        properties
      }
    } finally {
      this.around.pop()
    }
  }

  private errors(errors: ReadonlyArray<unknown>): ReadonlyArray<EncodedValue> {
    const carried: Array<EncodedValue> = []
    for (let n = 0; n < errors.length && this.left > 0; n++) carried.push(this.within(errors[n]))
    return carried
  }

  /** What is within an error. */
  private within(value: unknown): EncodedValue {
    if (typeof value === "object" && value !== null && this.around.includes(value)) {
      return { _tag: "Value", value: "[Circular]" }
    }
    if (this.around.length >= deepest) return { _tag: "Value", value: "…" }
    return this.part(value)
  }
}

/** A bigint that has this many digits or more is not carried. */
const mostDigits = 10n ** 1000n

/** Of all typed arrays. */
const slice = Reflect.get(Object.getPrototypeOf(Uint8Array.prototype) as object, "slice") as () => unknown

const isPlain = (object: object): boolean => {
  const prototype = Object.getPrototypeOf(object) as unknown
  return prototype === null || prototype === Object.prototype
}

const nameOfClass = (object: object): string => {
  const made: unknown = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object) as object, "constructor")?.value
  return typeof made === "function" ? nameOf(made) : "Object"
}

/** Properties of errors that have a field of their own, or are read first. */
const known = new Set(["name", "message", "stack", "cause", "errors", "_tag"])

const nameOf = (code: object): string => {
  const name: unknown = Object.getOwnPropertyDescriptor(code, "name")?.value
  return typeof name === "string" ? name : ""
}

/** Sets a property, also one that is called `__proto__`. */
const define = (object: object, key: string, value: unknown): void =>
  void Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })

/** An error within something else, as structured clone carries it. */
const made = ({ message, name, stack }: EncodedError): Error => {
  const error = new Error(message)
  for (const [key, value] of [
    ["name", name],
    ["stack", stack]
  ] as const) {
    if (value !== undefined) Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
  return error
}
