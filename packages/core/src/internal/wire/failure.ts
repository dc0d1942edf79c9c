/**
 * How failures cross by structured clone, which alone would lose an error's class name and own properties (S1). Free of
 * Effect, because workers encode: a Cause is read by its shape.
 */
import type { CauseLike } from "../task/shapes.ts"
import { isList } from "./checks.ts"

/** A value as structured clone carries it: as it is, an error taken apart, or what a Schema encoded it to. */
export type EncodedValue =
  | { readonly _tag: "Value"; readonly value: unknown }
  | EncodedError
  | { readonly _tag: "Schema"; readonly value: unknown }

/**
 * An error as plain data; `errors` are those of an AggregateError, `properties` its other own ones and its `_tag`. One that
 * was logged has `json`, what its own `toJSON` shows, and `text`, what its own `toString` does.
 */
export interface EncodedError {
  readonly _tag: "Error"
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause: EncodedValue | undefined
  readonly errors: ReadonlyArray<EncodedValue> | undefined
  readonly properties: ReadonlyArray<readonly [name: string, value: EncodedValue]>
  readonly json?: EncodedValue | undefined
  readonly text?: string | undefined
}

/** A reason of a Cause as plain data. */
export type EncodedReason =
  | { readonly _tag: "Fail"; readonly error: EncodedValue }
  | { readonly _tag: "Die"; readonly defect: EncodedValue }
  | { readonly _tag: "Interrupt"; readonly fiberId: number | undefined }

/** Properties that have a field of their own in `EncodedError`; so have the `errors`, but only of an AggregateError. */
const known = new Set(["name", "message", "stack", "cause"])

/** How many errors may be within each other: a Proxy can have a new one for its cause as often as it is asked. */
const most = 10_000

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Takes one value apart. Getters and Proxies are users' code: it throws what they throw. */
class Encoder {
  /** The errors that have been met: one that is met again, or is within itself, crosses once. */
  private readonly met = new Map<Error, EncodedError>()

  encode(value: unknown): EncodedValue {
    if (!(value instanceof Error)) return { _tag: "Value", value }
    const met = this.met.get(value)
    if (met !== undefined) return met
    if (this.met.size === most) throw new RangeError(`More than ${most} errors are within each other`)
    const encoded: Mutable<EncodedError> = described("", "")
    this.met.set(value, encoded)
    return Object.assign(encoded, this.takeApart(value))
  }

  private takeApart(error: Error): EncodedError {
    const { cause, message, name, stack } = error
    const own = Object.entries(error).filter(([key]) => !known.has(key))
    const tag = (error as { readonly _tag?: unknown })._tag
    if (typeof tag === "string" && !Object.hasOwn(error, "_tag")) own.unshift(["_tag", tag])
    let errors: unknown
    let properties = own
    if (error instanceof AggregateError) {
      errors = error.errors
      properties = own.filter(([key]) => key !== "errors")
      if (!Array.isArray(errors) && errors !== undefined) properties.push(["errors", errors])
    }
    return {
      _tag: "Error",
      name,
      message,
      stack,
      cause: cause === undefined && !Object.hasOwn(error, "cause") ? undefined : this.encode(cause),
      errors: Array.isArray(errors) ? Array.from(errors, (inner) => this.encode(inner)) : undefined,
      properties: properties.map(([key, inner]) => [key, this.encode(inner)])
    }
  }
}

/**
 * Takes an error apart, with its causes and own properties; leaves any other value as it is. Throws when the error
 * cannot be read, such as what one of its getters throws.
 */
export const encode = (value: unknown): EncodedValue => new Encoder().encode(value)

/** As `encode`, where something has to be told: of an error that cannot be read, what can be is told, and why (F8). */
export const encodeOrDescribe = (value: unknown): EncodedValue => {
  try {
    return encode(value)
  } catch (why) {
    return encodeUncloneable(value, why)
  }
}

/** What `read` returns; `otherwise` when it throws, or returns what `isRight` does not accept (F8). */
const attempt = <A>(read: () => unknown, isRight: (value: unknown) => value is A, otherwise: A): A => {
  try {
    const value = read()
    return isRight(value) ? value : otherwise
  } catch {
    return otherwise
  }
}

const isText = (value: unknown): value is string => typeof value === "string"

const isError = (value: unknown): value is Error => {
  try {
    return value instanceof Error
  } catch {
    // a revoked Proxy, or one with a trap that throws
    return false
  }
}

const unreadable = "(it cannot be read)"

const described = (name: string, message: string, stack?: string, cause?: EncodedError): EncodedError => ({
  _tag: "Error",
  name,
  message,
  stack,
  cause,
  errors: undefined,
  properties: []
})

const nameOf = (error: Error): string => attempt(() => error.name, isText, "Error")

const messageOf = (error: Error): string => attempt(() => error.message, isText, unreadable)

/** Describes a value that cannot be cloned: says `why`, and if it is an error, keeps its text and stack as a cause. */
export const encodeUncloneable = (value: unknown, why: unknown): EncodedError => {
  const name = isError(why) ? nameOf(why) : "Error"
  const text = isError(why) ? messageOf(why) : attempt(() => String(why), isText, unreadable)
  if (!isError(value)) return described(name, text)
  const original = `${nameOf(value)}: ${messageOf(value)}`
  const stack = attempt(() => value.stack, isText, "")
  return described(name, `${text}\nThe error was ${original}`, undefined, described("Error", original, stack))
}

/** Takes a Cause apart; `encodeFail` encodes its typed errors, by the task's error Schema where it has one. */
export const encodeCause = (
  cause: CauseLike,
  encodeFail: (error: unknown) => EncodedValue = encode
): ReadonlyArray<EncodedReason> =>
  cause.reasons.map((reason) => {
    switch (reason._tag) {
      case "Fail":
        return { _tag: "Fail", error: encodeFail(reason.error) }
      // a defect stays a defect, with the stack of the worker (C6)
      case "Die":
        return { _tag: "Die", defect: encode(reason.defect) }
      case "Interrupt":
        return { _tag: "Interrupt", fiberId: reason.fiberId }
    }
  })

/** Errors of these classes arrive as instances of them, as they do by structured clone; others as an Error. */
const classes = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [Class.name, Class])
)

/** Puts one value together again. */
class Decoder {
  private readonly met = new Map<EncodedError, Error>()

  decode(encoded: EncodedValue): unknown {
    if (encoded._tag !== "Error") return encoded.value
    return this.met.get(encoded) ?? this.put(encoded)
  }

  private put(encoded: EncodedError): Error {
    // users can give an error any message, and an object might not become text
    const message = typeof encoded.message === "string" ? encoded.message : undefined
    const { errors } = encoded
    // one that says to have billions of errors would be gone through for minutes (F6)
    if (errors !== undefined && !isList(errors)) throw new TypeError("Its errors are no list")
    const error =
      errors === undefined ? new (classes.get(encoded.name) ?? Error)(message) : new AggregateError([], message)
    this.met.set(encoded, error)
    const defineHidden = (name: string, value: unknown) =>
      Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false })
    if (errors !== undefined) {
      defineHidden(
        "errors",
        errors.map((inner) => this.decode(inner))
      )
    }
    if (message === undefined) defineHidden("message", encoded.message)
    if (error.name !== encoded.name) defineHidden("name", encoded.name)
    if (encoded.stack !== undefined) defineHidden("stack", encoded.stack)
    if (encoded.cause !== undefined) defineHidden("cause", this.decode(encoded.cause))
    const defineShown = (name: string, value: unknown) =>
      Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: true })
    for (const [name, inner] of encoded.properties) defineShown(name, this.decode(inner))
    const { json, text } = encoded
    if (json !== undefined) {
      const shown = this.decode(json)
      if (typeof shown === "object" && shown !== null && !Array.isArray(shown) && !(shown instanceof Error)) {
        for (const [name, value] of Object.entries(shown)) if (!known.has(name)) defineShown(name, value)
      }
      defineHidden("toJSON", () => shown)
    }
    if (typeof text === "string") defineHidden("toString", () => text)
    return error
  }
}

/** The inverse of `encode`; what a Schema encoded stays encoded. Throws for errors nested too deeply for the stack. */
export const decode = (encoded: EncodedValue): unknown => new Decoder().decode(encoded)

/** As `decode`, of errors that are within each other in any way: each is put together once. */
export const decoder = (): ((encoded: EncodedValue) => unknown) => {
  const decoder = new Decoder()
  return (encoded) => decoder.decode(encoded)
}

/** As `decode`, where something has to be told: of an error that cannot be put together, why it cannot. */
export const decodeOrDescribe = (encoded: EncodedValue): unknown => {
  try {
    return decode(encoded)
  } catch (why) {
    return why
  }
}
