/**
 * How portables are represented: an address each, found again in a worker by `resolver.ts`. Free of Effect, because
 * task modules import it in workers.
 */
import * as registry from "./registry.ts"

export const TypeId = "~effect-mpire/Portable" as const

/** Where a portable is found. */
export type Address = Export | Inline | Bound | Closure

/** An export of a module, or what `Portable.make` registered for it under that name. */
export interface Export {
  readonly _tag: "Export"
  readonly url: string
  readonly name: string
}

/** The source text of a self-contained function. */
export interface Inline {
  readonly _tag: "Inline"
  readonly source: string
}

/** A function at another address with its first parameter given. */
export interface Bound {
  readonly _tag: "Bound"
  /** Unique in this thread. */
  readonly id: number
  readonly target: Remote
  readonly value: unknown
}

/** The thing itself, in this process: how a `FiberPool` names its tasks and hooks. */
export interface Closure {
  readonly _tag: "Closure"
  readonly value: unknown
}

/** The schemas of `Portable.make`, whose types only the public signature knows. */
export interface Schemas {
  readonly input?: unknown
  readonly output?: unknown
  readonly error?: unknown
}

/** What a portable carries under its TypeId. */
export interface Definition {
  readonly address: Address
  readonly schemas: Schemas | undefined
  /** Whether its items are slices of an array, and its results parts of one. */
  readonly slices?: boolean
}

/** What carries a definition: every `Portable`, whatever its types. */
export interface Addressed {
  readonly [TypeId]: object
}

export const isPortable = (u: unknown): u is Addressed =>
  (typeof u === "object" || typeof u === "function") && u !== null && TypeId in u

/** Reads what `brand` put there. */
export const definition = (portable: Addressed): Definition => portable[TypeId] as Definition

/** An address that another thread can be told. */
export type Remote = Exclude<Address, Closure>

/** Equal addresses have equal keys, and only they; bound ones are equal by identity. */
export const key = (address: Remote): string => {
  switch (address._tag) {
    case "Export":
      return `${address.url}#${address.name}`
    case "Inline":
      return `inline:${address.source}`
    case "Bound":
      return `bound:${address.id}`
  }
}

const brand = <A extends object>(value: A, definition: Definition): A =>
  Object.defineProperty(value, TypeId, { value: definition, configurable: true })

const reference = (address: Address, schemas: Schemas | undefined): any => brand({}, { address, schemas })

export const module = (url: URL | string): any => {
  const exports = new Map<string | symbol, unknown>()
  return new Proxy(
    {},
    {
      get(_, name) {
        if (typeof name === "symbol") return undefined
        let portable = exports.get(name)
        if (portable === undefined) {
          portable = reference({ _tag: "Export", url: String(url), name }, undefined)
          exports.set(name, portable)
        }
        return portable
      }
    }
  )
}

export const make = (url: URL | string, name: string, value: any, schemas?: Schemas): any => {
  const definition: Definition = { address: { _tag: "Export", url: String(url), name }, schemas }
  // Effects and Layers may be shared constants: they get a view of their own to carry the address
  const branded = brand(typeof value === "function" ? value : Object.create(value), definition)
  registry.register(String(url), name, branded)
  return branded
}

let nextBound = 0

const onCollected = new Set<(key: string) => void>()
const collected = new FinalizationRegistry<string>((key) => onCollected.forEach((listener) => listener(key)))

/** Calls the listener with the key of each bound portable that has been collected, until the returned function is called. */
export const listenCollected = (listener: (key: string) => void): (() => void) => {
  onCollected.add(listener)
  return () => onCollected.delete(listener)
}

export const bind = (portable: Addressed, value: unknown): any => {
  const { address, schemas } = definition(portable)
  const bound: Bound = { _tag: "Bound", id: nextBound++, target: address as Remote, value }
  const result = reference(bound, schemas)
  // calls and hooks hold the address while they run, so the address is what must be unreachable
  collected.register(bound, key(bound))
  return result
}

export const inline = (f: (...args: any) => any): any => reference({ _tag: "Inline", source: String(f) }, undefined)

/** The task for slices of an array: these cross as they are, so that of its Schemas only that of failures is of use. */
export const slicing = (task: Addressed): any => {
  const { address, schemas } = definition(task)
  return brand(
    {},
    { address, schemas: schemas?.error === undefined ? undefined : { error: schemas.error }, slices: true }
  )
}

/** Names a closure by itself. */
export const closure = (value: unknown): any => reference({ _tag: "Closure", value }, undefined)

/** The module that something is loaded from, if it is loaded. */
export const moduleOf = (code: Addressed): string | undefined => {
  let { address } = definition(code)
  while (address._tag === "Bound") address = address.target
  return address._tag === "Export" ? address.url : undefined
}
