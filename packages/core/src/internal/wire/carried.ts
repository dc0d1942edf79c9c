/**
 * Makes anything into something that every channel carries, and not too much of it: what cannot cross becomes text (O3).
 * No code of users' is run for it but `toJSON`, and whatever that does, this does not throw.
 */
import * as Redacted from "effect/Redacted"
import type { CauseLike } from "../task/shapes.ts"
import { attempt } from "./attempt.ts"
import type { EncodedError, EncodedReason, EncodedValue } from "./failure.ts"

/** How much is carried of one record, in characters. */
const longest = 16 * 1024

/** What anything counts as at the least: of what counted as nothing there could be any number. */
const least = 8

/** How many objects may be within each other. */
const deepest = 16

const unreadable = "(it cannot be read)"

/** Stands for what there was no more room for, or for the name of what cannot be read. */
const mark = "…"

/** A name as text, which it is by its type, and not too long. */
export const nameText = (name: unknown): string => {
  if (typeof name === "string" && name.length <= longest) return name
  const carried = new Carrier().safely(name)
  return typeof carried === "object" && carried !== null ? `[${nameOfClass(carried)}]` : String(carried)
}

/** Carries the parts of one record, which share what may be carried of it. */
export class Carrier {
  private left = longest
  /** The objects that it is in. */
  private readonly around: Array<object> = []

  /** Whether no more can be carried. */
  get isFull(): boolean {
    return this.left <= 0
  }

  /** What stands for the rest when it is full, of which so many are left. */
  rest(count: number): string {
    this.left -= least
    return `${mark} ${count} more`
  }

  /** As it crosses, an error taken apart. */
  part(value: unknown): EncodedError | { readonly _tag: "Value"; readonly value: unknown } {
    try {
      return value instanceof Error ? this.error(value) : { _tag: "Value", value: this.value(value) }
    } catch {
      return { _tag: "Value", value: this.text(unreadable) }
    }
  }

  /** A Cause, read by its shape. */
  cause(cause: CauseLike): ReadonlyArray<EncodedReason> {
    return attempt(() => this.reasons(cause.reasons), [{ _tag: "Die", defect: { _tag: "Value", value: unreadable } }])
  }

  private reasons(reasons: CauseLike["reasons"]): ReadonlyArray<EncodedReason> {
    return this.list(
      reasons.length,
      (n): EncodedReason => {
        const reason = reasons[n]!
        switch (reason._tag) {
          case "Fail":
            return { _tag: "Fail", error: this.part(reason.error) }
          case "Die":
            return { _tag: "Die", defect: this.part(reason.defect) }
          case "Interrupt":
            this.left -= least
            return { _tag: "Interrupt", fiberId: typeof reason.fiberId === "number" ? reason.fiberId : undefined }
          default:
            return { _tag: "Die", defect: this.part(reason) }
        }
      },
      (rest): EncodedReason => ({ _tag: "Die", defect: { _tag: "Value", value: rest } })
    )
  }

  /** Names and values by turns. */
  pairs(values: Readonly<Record<string, unknown>>): Array<unknown> {
    const pairs: Array<unknown> = []
    this.each(values, (key, value) => pairs.push(key, value))
    return pairs
  }

  /** The same of a Map, which can have any name. */
  entries(values: ReadonlyMap<unknown, unknown>): Array<unknown> {
    const pairs: Array<unknown> = []
    for (const [key, value] of values) {
      const name = nameText(key)
      if (!this.takes(name)) {
        pairs.push(mark, mark)
        break
      }
      pairs.push(name, this.safely(value))
    }
    return pairs
  }

  record(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const carried: Record<string, unknown> = {}
    this.each(values, (key, value) => define(carried, key, value))
    return carried
  }

  /** Reads what is users' own: it may be a Proxy, and have getters. */
  private each(values: Readonly<Record<string, unknown>>, put: (key: string, value: unknown) => void): void {
    const keys = attempt(() => Object.keys(values), undefined)
    if (keys === undefined) return put(mark, unreadable)
    for (const key of keys) {
      if (!this.takes(key)) return put(mark, mark)
      put(
        key,
        this.read(() => this.safely(values[key]))
      )
    }
  }

  /** Whether there is room for what has that name, which counts. */
  private takes(name: string): boolean {
    const takes = this.left > name.length
    this.left -= name.length
    return takes
  }

  safely(value: unknown): unknown {
    if (typeof value === "number" || typeof value === "boolean") {
      this.left -= least
      return value
    }
    if (typeof value === "string" && value.length <= this.left) {
      this.left -= Math.max(least, value.length)
      return value
    }
    return this.read(() => this.value(value))
  }

  /** What is read of users' own; that it cannot be read takes room, too. */
  private read(read: () => unknown): unknown {
    try {
      return read()
    } catch {
      return this.text(unreadable)
    }
  }

  private value(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "function":
      case "symbol":
        return this.text(typeof value === "function" ? `[Function: ${nameOf(value)}]` : value.toString())
      case "object":
        if (value !== null) return this.object(value)
        this.left -= least
        return null
      case "bigint":
        this.left -= least
        // one of millions of digits would take minutes to become text, and much memory to cross
        return value > -mostDigits && value < mostDigits ? value : "[BigInt]"
      default:
        this.left -= least
        return value
    }
  }

  private text(text: string): string {
    const { left } = this
    this.left -= Math.max(least, text.length)
    if (text.length <= left) return text
    const kept = Math.max(0, left)
    return `${text.slice(0, kept)}… (${text.length - kept} more characters)`
  }

  private object(object: object): unknown {
    if (Redacted.isRedacted(object)) return this.text("<redacted>")
    this.left -= least
    if (this.around.includes(object)) return "[Circular]"
    if (this.left <= 0 || this.around.length >= deepest) return mark
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
    if (Array.isArray(object)) return this.list(object.length, (n) => this.property(object, String(n)), same)
    if (object instanceof Map) {
      const entries: Iterator<[unknown, unknown]> = Map.prototype.entries.call(object)
      return new Map(this.taken(entries, ([key, value]) => [this.safely(key), this.safely(value)] as const))
    }
    if (object instanceof Set) {
      return new Set(this.taken(Set.prototype.values.call(object) as Iterator<unknown>, (value) => this.safely(value)))
    }
    const { toJSON } = object as { readonly toJSON?: unknown }
    if (typeof toJSON === "function") return this.value(toJSON.call(object))
    if (ArrayBuffer.isView(object)) return this.view(object)
    const keys = Object.keys(object)
    // what has nothing to show but what it is: a Promise, say
    if (keys.length === 0 && !isPlain(object)) return this.text(`[${nameOfClass(object)}]`)
    const carried: Record<string, unknown> = {}
    for (const key of keys) {
      if (!this.takes(key)) {
        define(carried, mark, mark)
        break
      }
      define(carried, key, this.property(object, key))
    }
    return carried
  }

  /** What `member` makes of each, and what `cut` makes of how many more there are. */
  private list<A, B>(length: number, member: (n: number) => A, cut: (rest: string) => B): Array<A | B> {
    const members: Array<A | B> = []
    for (let n = 0; n < length; n++) {
      if (this.isFull) {
        members.push(cut(this.rest(length - n)))
        break
      }
      members.push(member(n))
    }
    return members
  }

  /** What `member` makes of each while there is room. */
  private taken<A, B>(values: Iterator<A>, member: (value: A) => B): Array<B> {
    const taken: Array<B> = []
    for (let next = values.next(); next.done !== true && !this.isFull; next = values.next()) {
      taken.push(member(next.value))
    }
    return taken
  }

  private view(view: ArrayBufferView): unknown {
    const text = `[${nameOfClass(view)}: ${view.byteLength} bytes]`
    const kind = kinds.get(Reflect.apply(kindOf, view, []))
    if (view.byteLength > this.left || kind === undefined) return this.text(text)
    this.left -= view.byteLength
    return new kind(view as unknown as ArrayLike<never>)
  }

  private property(object: object, key: string): unknown {
    const property = Object.getOwnPropertyDescriptor(object, key)
    if (property !== undefined && "value" in property) return this.safely(property.value)
    this.left -= least
    return property === undefined ? undefined : "[Getter]"
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
        if (known.has(key)) continue
        if (!this.takes(key)) break
        properties.push([key, this.within(attempt(() => this.property(error, key), unreadable))])
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
    return this.list(
      errors.length,
      (n) => this.within(attempt(() => errors[n], unreadable)),
      (rest): EncodedValue => ({ _tag: "Value", value: rest })
    )
  }

  /** What is within an error. */
  private within(value: unknown): EncodedValue {
    if (typeof value !== "object" || value === null) return { _tag: "Value", value: this.safely(value) }
    const isAround = this.around.includes(value)
    if (!isAround && this.around.length < deepest) return this.part(value)
    this.left -= least
    return { _tag: "Value", value: isAround ? "[Circular]" : mark }
  }
}

/** A bigint that has this many digits or more is not carried. */
const mostDigits = 10n ** 1000n

/** The typed arrays that all channels carry, by what they are called. */
const kinds = new Map(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array
  ].map((kind) => [kind.name, kind as new (values: ArrayLike<never>) => ArrayBufferView] as const)
)

/** Tells what a typed array is called, whatever its class says. */
const kindOf = Reflect.get(
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!,
  "get"
) as () => string

const same = <A>(value: A): A => value

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
