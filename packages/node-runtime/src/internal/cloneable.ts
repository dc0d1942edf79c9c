/**
 * What V8's serializer, which writes what crosses to another process, does not write as structured clone would. It knows
 * nothing of the platform's classes, and makes a plain object of a URL or a Blob (S3).
 */
import { types } from "node:util"
import { Serializer } from "node:v8"
import { isDeno } from "./platform.ts"
import * as platformObjects from "./platformObjects.ts"
import { hasSerializer, writeWhole } from "./serializer.ts"

/** How many bytes a value takes that is sent to a process; throws what sending it would throw. */
export const sizeOf = (value: unknown): number => written(value).length

const written = (value: unknown): Buffer => {
  if (!hasSerializer) return writeWhole(value)
  const serializer = new Serializer()
  serializer.writeHeader()
  serializer.writeValue(value)
  return serializer.releaseBuffer()
}

/** Prototypes of objects that arrive as structured clone has them: users' classes, as plain objects. */
const known = new WeakSet<object>()

/** The names of the classes that errors of users' classes arrive as. */
const errors = new Set(["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"])

// tasks can replace them
const { getPrototypeOf } = Object
const clone = structuredClone
const {
  isAnyArrayBuffer,
  isArrayBufferView,
  isBoxedPrimitive,
  isDate,
  isMap,
  isNativeError,
  isRegExp,
  isSet,
  isSharedArrayBuffer
} = types

/** JavaScript's own kinds, of another realm: a module of `node:vm`, as test runners use it, has its own `Map`. */
const ofLanguage = [isMap, isSet, isDate, isRegExp, isAnyArrayBuffer, isArrayBufferView, isBoxedPrimitive]

/** Whether it is shared memory, or a view of it: V8's serializer throws for these itself. */
const isShared = (object: object): boolean => isSharedArrayBuffer(ArrayBuffer.isView(object) ? object.buffer : object)

const isPlain = (object: object): boolean => {
  const prototype: unknown = getPrototypeOf(object)
  return prototype === null || getPrototypeOf(prototype) === null
}

/**
 * Throws for an object that would arrive as something else. Structured clone knows which these are: it throws for a
 * platform's object that cannot be cloned, and keeps the class of one that can. One object of each class is tried.
 */
export const inspect = (object: object): void => {
  if (!hasSerializer && isShared(object)) throw new TypeError("Shared memory cannot cross to another process")
  if (isDeno) platformObjects.inspect(object)
  const prototype: object = getPrototypeOf(object)
  if (known.has(prototype) || ofLanguage.some((is) => is(object))) return
  const arrived: object = clone(object)
  const isSame = isNativeError(object) ? errors.has(nameOf(arrived)) : isPlain(arrived)
  if (!isSame) throw new TypeError(`An object of the class ${nameOf(object)} cannot cross to another process`)
  known.add(prototype)
}

const nameOf = (object: object): string => {
  const { constructor } = object
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "(anonymous)"
}
