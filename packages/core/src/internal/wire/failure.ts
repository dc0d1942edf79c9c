/**
 * How failures cross by structured clone, which alone would lose an error's class name and own properties (S1). Free of
 * Effect, because workers encode: a Cause is read by its shape.
 */
import type { CauseLike } from "../task/shapes.ts"

/** A value as structured clone carries it: as it is, an error taken apart, or what a Schema encoded it to. */
export type EncodedValue =
  | { readonly _tag: "Value"; readonly value: unknown }
  | EncodedError
  | { readonly _tag: "Schema"; readonly value: unknown }

/** An error as plain data; `errors` are those of an AggregateError, `properties` its other own ones and its `_tag`. */
export interface EncodedError {
  readonly _tag: "Error"
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly cause: EncodedValue | undefined
  readonly errors: ReadonlyArray<EncodedValue> | undefined
  readonly properties: ReadonlyArray<readonly [name: string, value: EncodedValue]>
}

/** A reason of a Cause as plain data. */
export type EncodedReason =
  | { readonly _tag: "Fail"; readonly error: EncodedValue }
  | { readonly _tag: "Die"; readonly defect: EncodedValue }
  | { readonly _tag: "Interrupt"; readonly fiberId: number | undefined }

/** Properties that have a field of their own in `EncodedError`; so have the `errors`, but only of an AggregateError. */
const known = new Set(["name", "message", "stack", "cause"])

/** How many errors may contain each other, one within the next, and how many may cross together. */
const most = { deep: 100, together: 10_000 }

/** Takes one value apart. Getters and Proxies are users' code: it throws what they throw. */
class Encoder {
  /** The errors that contain the one that is being taken apart. */
  private readonly ancestors: Array<Error> = []
  private count = 0

  encode(value: unknown): EncodedValue {
    if (!(value instanceof Error)) return { _tag: "Value", value }
    const { ancestors } = this
    // an error within itself becomes text, or else this would not end
    if (ancestors.includes(value)) return { _tag: "Value", value: `[circular ${value.name}]` }
    // so do those beyond what a stack and a message can hold: a chain of thousands, a Proxy whose cause is always new
    if (ancestors.length === most.deep) return { _tag: "Value", value: `[left out: over ${most.deep} errors deep]` }
    if (++this.count > most.together) return { _tag: "Value", value: `[left out: over ${most.together} errors]` }
    ancestors.push(value)
    const encoded = this.takeApart(value)
    ancestors.pop()
    return encoded
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
      cause: cause === undefined ? undefined : this.encode(cause),
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

/** The inverse of `encode`; what a Schema encoded stays encoded. */
export const decode = (encoded: EncodedValue): unknown => {
  if (encoded._tag !== "Error") return encoded.value
  // users can give an error any message, and an object might not become text
  const message = typeof encoded.message === "string" ? encoded.message : undefined
  const error =
    encoded.errors === undefined
      ? new (classes.get(encoded.name) ?? Error)(message)
      : new AggregateError(encoded.errors.map(decode), message)
  const defineHidden = (name: string, value: unknown) =>
    Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false })
  if (message === undefined) defineHidden("message", encoded.message)
  if (error.name !== encoded.name) defineHidden("name", encoded.name)
  if (encoded.stack !== undefined) defineHidden("stack", encoded.stack)
  if (encoded.cause !== undefined) defineHidden("cause", decode(encoded.cause))
  for (const [name, value] of encoded.properties) {
    Object.defineProperty(error, name, { value: decode(value), configurable: true, writable: true, enumerable: true })
  }
  return error
}
