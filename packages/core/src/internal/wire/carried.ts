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

  record(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const carried: Record<string, unknown> = {}
    for (const key of Object.keys(values)) define(carried, key, this.safely(values[key]))
    return carried
  }

  safely(value: unknown): unknown {
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
      const entries = [...Map.prototype.entries.call(object)] as ReadonlyArray<readonly [unknown, unknown]>
      return new Map(
        this.list(entries.length, (n) => [this.safely(entries[n]![0]), this.safely(entries[n]![1])] as const)
      )
    }
    if (object instanceof Set) {
      const values = [...Set.prototype.values.call(object)] as ReadonlyArray<unknown>
      return new Set(this.list(values.length, (n) => this.safely(values[n])))
    }
    const { toJSON } = object as { readonly toJSON?: unknown }
    if (typeof toJSON === "function") return this.value(toJSON.call(object))
    if (ArrayBuffer.isView(object)) return this.text(`[${object.constructor.name}: ${object.byteLength} bytes]`)
    const carried: Record<string, unknown> = {}
    for (const key of Object.keys(object)) {
      if (this.left <= 0) {
        define(carried, "…", "…")
        break
      }
      this.left -= key.length
      define(carried, key, this.property(object, key))
    }
    return carried
  }

  private list<A>(length: number, member: (n: number) => A): Array<A> {
    const members: Array<A> = []
    for (let n = 0; n < length && this.left > 0; n++) members.push(member(n))
    return members
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
        errors: Array.isArray(errors) ? this.list(errors.length, (n) => this.within(errors[n])) : undefined,
        properties
      }
    } finally {
      this.around.pop()
    }
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
