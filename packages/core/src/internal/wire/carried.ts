/**
 * Makes anything into something that every channel carries, and not too much of it: what cannot cross becomes text, and what
 * is hidden from loggers does not cross (O3). No code of users' is run for it but what says how something is shown, and
 * whatever that does, this does not throw. `arrived.ts` is the inverse.
 */
import { redacted, redactedText } from "../common/redacted.ts"
import type { CauseLike } from "../task/shapes.ts"
import { errorMark } from "./arrived.ts"
import { attempt } from "../common/attempt.ts"
import type { EncodedError, EncodedReason, EncodedValue } from "./failure.ts"

/** How much is carried of one record, in characters. */
const longest = 16 * 1024

/** What anything counts as at the least: of what counted as nothing there could be any number. */
const least = 8

/** How much of that is kept for each part of a record that comes after others. */
const share = longest / 4

/** How many objects may be within each other; one that says what it shows, and what it shows, are two. */
const deepest = 32

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
  /** How much is kept for the parts that come after. */
  private kept = 0
  /** The objects that it is in. */
  private readonly around: Array<object> = []
  /** The errors that have been taken apart: one that is met again crosses once. */
  private met: Map<Error, EncodedError> | undefined = undefined

  /** Whether no more can be carried. */
  get isFull(): boolean {
    return this.left <= 0
  }

  /** What stands for the rest when it is full, of which so many are left. */
  rest(count: number): string {
    this.left -= least
    return `${mark} ${count} more`
  }

  /** Keeps room for so many parts of the record that come after those that are carried now. */
  keepFor(parts: number): void {
    const left = Math.max(0, this.left) + this.kept
    this.kept = parts * share
    this.left = left - this.kept
  }

  /** As it crosses, an error taken apart. */
  part(value: unknown): EncodedError | { readonly _tag: "Value"; readonly value: unknown } {
    const { left } = this
    const part = attempt<EncodedError | { readonly _tag: "Value"; readonly value: unknown }>(
      () => {
        const shown = redacted(value)
        return shown instanceof Error ? this.error(shown) : { _tag: "Value", value: this.shown(shown) }
      },
      { _tag: "Value", value: unreadable }
    )
    this.left = Math.min(this.left, left - least)
    return part
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
        attempt(() => this.safely(values[key]), unreadable)
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
    const { left } = this
    const carried = attempt(() => this.value(value), unreadable)
    // of what cannot be read there could be any number too
    this.left = Math.min(this.left, left - least)
    return carried
  }

  private value(value: unknown): unknown {
    // what it hides from loggers does not leave the worker (O3)
    return this.shown(redacted(value))
  }

  /** Of what may be seen. */
  private shown(value: unknown): unknown {
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
    const hidden = redactedText(object)
    if (hidden !== undefined) return this.text(hidden)
    this.left -= least
    if (this.around.includes(object)) return "[Circular]"
    if (this.left <= 0 || this.around.length >= deepest) return mark
    if (object instanceof Error) return { [errorMark]: this.error(object) }
    this.around.push(object)
    try {
      return this.members(object)
    } finally {
      this.around.pop()
    }
  }

  private members(object: object): unknown {
    if (object instanceof Date) return new Date(Date.prototype.getTime.call(object))
    const { toJSON } = object as { readonly toJSON?: unknown }
    if (typeof toJSON === "function") return this.value(toJSON.call(object))
    if (object instanceof RegExp) return this.text(String(object))
    if (Array.isArray(object)) return this.list(object.length, (n) => this.property(object, String(n)), same)
    if (object instanceof Map) {
      const entries: Iterator<[unknown, unknown]> = Map.prototype.entries.call(object)
      return new Map(this.taken(entries, ([key, value]) => [this.safely(key), this.safely(value)] as const))
    }
    if (object instanceof Set) {
      return new Set(this.taken(Set.prototype.values.call(object) as Iterator<unknown>, (value) => this.safely(value)))
    }
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
    const met = this.met?.get(error)
    this.left -= least
    if (met !== undefined) return met
    this.around.push(error)
    try {
      const encoded = this.takenApart(error)
      this.met ??= new Map()
      this.met.set(error, encoded)
      return encoded
    } finally {
      this.around.pop()
    }
  }

  private takenApart(error: Error): EncodedError {
    const read = (key: string): unknown => attempt(() => (error as unknown as Record<string, unknown>)[key], undefined)
    const text = (key: string, otherwise: string): string => {
      const value = read(key)
      return this.text(typeof value === "string" ? value : otherwise)
    }
    const cause = read("cause")
    const errors = error instanceof AggregateError ? read("errors") : undefined
    const tag = read("_tag")
    const name = text("name", "Error")
    const message = text("message", "")
    const stack = typeof read("stack") === "string" ? text("stack", "") : undefined
    const json = this.json(error)
    return {
      _tag: "Error",
      name,
      message,
      stack,
      cause: cause === undefined ? undefined : this.within(cause),
      errors: Array.isArray(errors) ? this.errors(errors) : undefined,
      properties: [
        ...(typeof tag === "string" ? [["_tag", this.within(tag)] as const] : []),
        // which of them may be seen, what it shows says (O3)
        ...(json === undefined ? this.properties(error) : [])
      ],
      ...(json === undefined ? undefined : { json }),
      ...(read("toString") === Error.prototype.toString
        ? undefined
        : { text: this.text(attempt(() => String(error), unreadable)) })
    }
  }

  /** What an error shows of itself, where it says so. */
  private json(error: Error): EncodedValue | undefined {
    const json = attempt<unknown>(() => {
      const { toJSON } = error as { readonly toJSON?: unknown }
      return typeof toJSON === "function" ? toJSON.call(error) : error
    }, unreadable)
    return json === error ? undefined : this.within(json)
  }

  private properties(error: Error): Array<readonly [string, EncodedValue]> {
    const properties: Array<readonly [string, EncodedValue]> = []
    for (const key of attempt(() => Object.keys(error), [])) {
      if (known.has(key)) continue
      if (!this.takes(key)) break
      const property = attempt(() => Object.getOwnPropertyDescriptor(error, key), { value: unreadable })
      properties.push([key, this.within(property !== undefined && "value" in property ? property.value : "[Getter]")])
    }
    return properties
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

/** Sets a property, also one that is called `__proto__`; none that is called as what marks an error. */
const define = (object: Record<string, unknown>, key: string, value: unknown): void => {
  const name = key === errorMark ? `${key} ` : key
  // several times as fast, and the same, for what nothing is called yet: neither `__proto__` nor what is frozen there
  if (!(name in object)) object[name] = value
  else Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true })
}
