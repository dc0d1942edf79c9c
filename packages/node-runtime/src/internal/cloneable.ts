/**
 * What V8's serializer, which writes what crosses to another process, does not write as structured clone would. It knows
 * nothing of the platform's classes, and makes a plain object of a URL or a Blob (S3).
 */
import { Serializer } from "node:v8"

/** Throws for a value what sending it to a process would throw. */
export const check = (value: unknown): void => {
  const serializer = new Serializer()
  serializer.writeHeader()
  serializer.writeValue(value)
}

/** Prototypes of objects that arrive as structured clone has them: users' classes, as plain objects. */
const known = new WeakSet<object>()

/** What errors of users' classes arrive as. */
const errors = new Set<unknown>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(({ prototype }) => prototype)
)

// tasks can replace them
const { getPrototypeOf, prototype: plain } = Object
const clone = structuredClone

/**
 * Throws for an object that would arrive as something else. Structured clone knows which these are: it throws for a
 * platform's object that cannot be cloned, and keeps the class of one that can. One object of each class is tried.
 */
export const inspect = (object: object): void => {
  const prototype: object = getPrototypeOf(object)
  if (known.has(prototype)) return
  const arrived: unknown = getPrototypeOf(clone(object))
  const isSame = object instanceof Error ? errors.has(arrived) : arrived === plain
  if (!isSame) throw new TypeError(`An object of the class ${nameOf(object)} cannot cross to another process`)
  known.add(prototype)
}

const nameOf = (object: object): string => {
  const { constructor } = object
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "(anonymous)"
}
