/**
 * What is looked at before a value crosses, in one walk: Node's Buffers, which structured clone makes plain Uint8Arrays
 * of, views of large memory, which it copies all of, and objects that a channel would turn into something else (S3, S4).
 * Free of Effect.
 */
import type { Channel } from "../../Channel.ts"
import * as slices from "./slices.ts"
import type { TypedArray } from "./typedArray.ts"

/** Throws for an object, of a class or of the platform's, that would arrive as something else. */
type Inspect = NonNullable<Channel["inspect"]>

/** Errors with their causes, where structured clone leaves those out. */
type Causes = Array<readonly [error: Error, cause: unknown]>

// tasks can replace it
const cloneOf = structuredClone

let losesCauses: boolean | undefined

/** Whether structured clone leaves out the cause of an error, as JavaScriptCore's does, in Bun and in Safari. */
const hasToKeepCauses = (): boolean => (losesCauses ??= cloneOf(new Error("", { cause: 1 })).cause !== 1)

/** Node's class for bytes, where there is one: it is a Uint8Array with more methods. */
const NodeBuffer = (
  globalThis as { readonly Buffer?: (abstract new (...args: Array<never>) => Uint8Array) | undefined }
).Buffer

interface Util {
  readonly types: { readonly isProxy: (value: unknown) => boolean }
}

/** Whether an object is a Proxy, where the platform can tell: structured clone refuses it, and a copy would not be one. */
const isProxy: (object: object) => boolean =
  (
    globalThis as {
      readonly process?: { readonly getBuiltinModule?: (name: string) => Util | undefined } | undefined
    }
  ).process?.getBuiltinModule?.("node:util")?.types.isProxy ?? (() => false)

const isBuffer = (view: ArrayBufferView): boolean => NodeBuffer !== undefined && view instanceof NodeBuffer

/** Bytes that are to be Buffers at the other end. They are known there by identity, which structured clone keeps. */
type Buffers = Array<Uint8Array>

/**
 * How many objects are walked, and within each other, before it is noted which have been. What is in several places is
 * walked several times until then, and what is within itself again and again.
 */
const mostUnnoted = { together: 50_000, deep: 100 }

/** What arrives as it is, without a look inside. */
const leaves = [Date, RegExp, ArrayBuffer, Number, String, Boolean, BigInt]

const { getPrototypeOf, hasOwn, keys } = Object

class Walk {
  readonly buffers: Buffers = []
  readonly causes: Causes = []
  /** Whether there is a view that is to be replaced by one of less memory. */
  isLoose = false
  private readonly inspect: Inspect | undefined
  private readonly noted: Set<object> | undefined
  private count = 0
  private depth = 0

  constructor(inspect: Inspect | undefined, noted: Set<object> | undefined) {
    this.inspect = inspect
    this.noted = noted
  }

  /** Whether it went through: without noting objects it gives up where there are too many. */
  get isDone(): boolean {
    return this.count <= mostUnnoted.together
  }

  visit(value: unknown): void {
    if (typeof value !== "object" || value === null || this.isSeen(value)) return
    this.depth++
    this.enter(value)
    this.depth--
  }

  private enter(value: object): void {
    if (Array.isArray(value)) return this.visitEach(value)
    const prototype: unknown = getPrototypeOf(value)
    if (prototype === Object.prototype || prototype === null) return this.visitProperties(value)
    if (ArrayBuffer.isView(value)) return this.visitView(value)
    if (value instanceof Map) {
      for (const [key, of] of value) {
        this.visit(key)
        this.visit(of)
      }
    } else if (value instanceof Set) {
      for (const member of value) this.visit(member)
    } else if (value instanceof Error) {
      this.inspect?.(value)
      if (hasOwn(value, "cause")) this.visitCause(value)
    } else if (!leaves.some((leaf) => value instanceof leaf)) {
      this.inspect?.(value)
      this.visitOwn(value)
    }
  }

  private visitCause(error: Error): void {
    if (hasToKeepCauses()) this.causes[this.causes.length] = [error, error.cause]
    this.visit(error.cause)
  }

  private isSeen(object: object): boolean {
    const { noted } = this
    if (noted === undefined) {
      if (this.depth > mostUnnoted.deep) this.count = Number.POSITIVE_INFINITY
      return ++this.count > mostUnnoted.together
    }
    if (noted.has(object)) return true
    noted.add(object)
    return false
  }

  private visitEach(array: ReadonlyArray<unknown>): void {
    for (let index = 0; index < array.length; index++) {
      const element = array[index]
      if (typeof element === "object") this.visit(element)
    }
  }

  /** Of a plain object, which inherits none: to list an object's own takes twice as long. */
  private visitProperties(object: object): void {
    for (const key in object) {
      const property = (object as Record<string, unknown>)[key]
      if (typeof property === "object") this.visit(property)
    }
  }

  private visitOwn(object: object): void {
    for (const key of keys(object)) this.visit((object as Record<string, unknown>)[key])
  }

  private visitView(view: ArrayBufferView): void {
    if (isShared(view)) return this.inspect?.(view)
    if (isBuffer(view)) this.buffers[this.buffers.length] = view as Uint8Array
    if (isLoose(view)) this.isLoose = true
  }
}

const isShared = ({ buffer }: ArrayBufferView): boolean => buffer[Symbol.toStringTag] === "SharedArrayBuffer"

/** Whether most of a view's memory is not its own; of a Buffer's, which Node takes from a pool, whether any is not. */
const isLoose = (view: ArrayBufferView): boolean => {
  const { buffer, byteLength } = view
  return byteLength < buffer.byteLength && (isBuffer(view) || 2 * byteLength < buffer.byteLength)
}

/** Copies a value's structure, as structured clone will, but for views, which get memory of their own. */
class Tightening {
  readonly buffers: Buffers = []
  readonly causes: Causes = []
  private readonly kept: ReadonlySet<unknown>
  private readonly copies = new Map<object, unknown>()

  /** `kept` is memory that is to be moved, and so must stay that of its views. */
  constructor(kept: ReadonlySet<unknown>) {
    this.kept = kept
  }

  copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value
    const copied = this.copies.get(value)
    if (copied !== undefined) return copied
    if (isProxy(value)) return value
    if (Array.isArray(value)) return this.properties(value, new Array(value.length))
    if (ArrayBuffer.isView(value)) return this.noted(value, this.view(value))
    if (value instanceof Map) {
      const copy = this.noted(value, new Map<unknown, unknown>())
      for (const [key, of] of value) copy.set(this.copy(key), this.copy(of))
      return copy
    }
    if (value instanceof Set) {
      const copy = this.noted(value, new Set<unknown>())
      for (const member of value) copy.add(this.copy(member))
      return copy
    }
    if (value instanceof Error) return hasOwn(value, "cause") ? this.error(value) : value
    if (leaves.some((leaf) => value instanceof leaf)) return value
    const prototype: unknown = getPrototypeOf(value)
    // what has no properties of its own may be a platform's object, which only the channel can copy
    if (prototype !== Object.prototype && prototype !== null && keys(value).length === 0) return value
    return this.properties(value, {})
  }

  private noted<A extends object>(value: object, copy: A): A {
    this.copies.set(value, copy)
    return copy
  }

  /** Copies what structured clone takes of an error. */
  private error(error: Error): Error {
    const copy = this.noted(error, new Error(error.message))
    const define = (key: string, value: unknown) => Object.defineProperty(copy, key, { value, configurable: true })
    define("name", error.name)
    define("stack", error.stack)
    const cause = this.copy(error.cause)
    define("cause", cause)
    if (hasToKeepCauses()) this.causes[this.causes.length] = [copy, cause]
    return copy
  }

  private properties(from: object, to: object): object {
    this.noted(from, to)
    for (const key of keys(from)) {
      const value = this.copy((from as Record<string, unknown>)[key])
      if (key !== "__proto__") (to as Record<string, unknown>)[key] = value
      // to assign it would set the prototype
      else Object.defineProperty(to, key, { value, configurable: true, enumerable: true, writable: true })
    }
    return to
  }

  private view(view: ArrayBufferView): ArrayBufferView {
    if (isShared(view)) return view
    const tight = !isLoose(view) || this.kept.has(view.buffer) ? view : own(view)
    if (isBuffer(view)) this.buffers[this.buffers.length] = tight as Uint8Array
    return tight
  }
}

/** A copy of a view with memory of its own, and no more than it needs. */
const own = (view: ArrayBufferView): ArrayBufferView => {
  const kind = slices.kindOf(view)
  const { buffer, byteLength, byteOffset } = view
  if (kind === undefined) return new DataView((buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength))
  return slices.copy(view as TypedArray)
}

/** A message, with what is to be restored at the other end. */
interface Packed {
  readonly buffers?: ReadonlyArray<Uint8Array> | undefined
  readonly causes?: Readonly<Causes> | undefined
}

const noTransfers: ReadonlyArray<object> = []

/**
 * Prepares a message: returns it, or a copy where memory is to be left out. Throws what `inspect` throws, and what a
 * getter or a Proxy of users' does. Memory in `transfers` is moved, not copied.
 */
export const pack = <M extends object>(
  message: M,
  inspect: Inspect | undefined,
  transfers: ReadonlyArray<object> = noTransfers
): M & Packed => {
  let walk = new Walk(inspect, undefined)
  walk.visit(message)
  if (!walk.isDone) {
    walk = new Walk(inspect, new Set())
    walk.visit(message)
  }
  if (!walk.isLoose) return withRestored(message, walk)
  const tightening = new Tightening(new Set(transfers))
  return withRestored(tightening.copy(message) as M, tightening)
}

const withRestored = <M extends object>(
  message: M,
  { buffers, causes }: { readonly buffers: Buffers; readonly causes: Causes }
): M & Packed => {
  if (buffers.length === 0 && causes.length === 0) return message
  return causes.length === 0 ? { ...message, buffers } : { ...message, buffers, causes }
}

/** Throws what sending the value over a channel would throw. */
export const check = (
  value: unknown,
  { check = structuredClone, inspect }: { readonly check?: Channel["check"]; readonly inspect?: Channel["inspect"] }
): void => {
  check(pack({ value }, inspect))
}

/** Makes Buffers again of what were Buffers, and gives errors their causes where they lost them. */
export const unpack = (message: unknown): void => {
  const { buffers, causes } = message as Packed
  if (causes !== undefined) restoreCauses(causes)
  if (buffers === undefined || NodeBuffer === undefined) return
  for (const bytes of buffers) if (bytes instanceof Uint8Array) Object.setPrototypeOf(bytes, NodeBuffer.prototype)
}

const restoreCauses = (causes: Readonly<Causes>): void => {
  for (const [error, value] of causes) {
    if (error instanceof Error) Object.defineProperty(error, "cause", { value, configurable: true, writable: true })
  }
}

/** Clones a value as it arrives from a channel that carries what structured clone does. */
export const clone = (value: unknown, transfers?: Array<object>): unknown => {
  if (typeof value === "function" || typeof value === "symbol") return structuredClone(value)
  if (typeof value !== "object" || value === null) return value
  const message: { readonly value: unknown } = structuredClone(
    pack({ value }, undefined, transfers),
    transfers && { transfer: transfers as Array<ArrayBuffer> }
  )
  unpack(message)
  return message.value
}
