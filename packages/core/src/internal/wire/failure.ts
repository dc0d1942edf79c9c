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

/** `ancestors` are the errors that contain `value`. An error within itself becomes text, or else this would not end. */
const encodeWithin = (value: unknown, ancestors: ReadonlyArray<unknown>): EncodedValue => {
  if (!(value instanceof Error)) return { _tag: "Value", value }
  if (ancestors.includes(value)) return { _tag: "Value", value: `[circular ${value.name}]` }
  const path = [...ancestors, value]
  const encode = (inner: unknown) => encodeWithin(inner, path)
  const own: ReadonlyArray<[string, unknown]> = Object.entries(value)
  const tag = (value as { readonly _tag?: unknown })._tag
  const properties = typeof tag === "string" && !Object.hasOwn(value, "_tag") ? [["_tag", tag] as const, ...own] : own
  return {
    _tag: "Error",
    name: value.name,
    message: value.message,
    stack: value.stack,
    cause: value.cause === undefined ? undefined : encode(value.cause),
    errors: value instanceof AggregateError ? value.errors.map(encode) : undefined,
    properties: properties
      .filter(([name]) => !known.has(name) && !(name === "errors" && value instanceof AggregateError))
      .map(([name, inner]) => [name, encode(inner)])
  }
}

/** Takes an error apart, with its causes and own properties; leaves any other value as it is. */
export const encode = (value: unknown): EncodedValue => encodeWithin(value, [])

/** Describes a value that cannot be cloned: says `why`, and if it is an error, keeps its text and stack as a cause. */
export const encodeUncloneable = (value: unknown, why: unknown): EncodedError => {
  const text = why instanceof Error ? why.message : String(why)
  const original = value instanceof Error ? new Error(`${value.name}: ${value.message}`) : undefined
  if (original !== undefined && value instanceof Error) original.stack = value.stack ?? ""
  const name = why instanceof Error ? why.name : "Error"
  return {
    _tag: "Error",
    name,
    message: original === undefined ? text : `${text}\nThe error was ${original.message}`,
    stack: undefined,
    cause: original === undefined ? undefined : encode(original),
    errors: undefined,
    properties: []
  }
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
  const error =
    encoded.errors === undefined
      ? new (classes.get(encoded.name) ?? Error)(encoded.message)
      : new AggregateError(encoded.errors.map(decode), encoded.message)
  const defineHidden = (name: string, value: unknown) =>
    Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false })
  if (error.name !== encoded.name) defineHidden("name", encoded.name)
  if (encoded.stack !== undefined) defineHidden("stack", encoded.stack)
  if (encoded.cause !== undefined) defineHidden("cause", decode(encoded.cause))
  for (const [name, value] of encoded.properties) {
    Object.defineProperty(error, name, { value: decode(value), configurable: true, writable: true, enumerable: true })
  }
  return error
}
