/**
 * Portables: things with an address, which `resolver.ts` finds again in a worker. Free of Effect, because task modules
 * import it in workers.
 */
import * as registry from "./registry.ts"
import { toUrl } from "./url.ts"
import * as workerFile from "./workerFile.ts"

export const TypeId = "~effect-mpire/Portable" as const

/** Says where a portable is found. */
export type Address = Export | Inline | Bound | Closure

/** An export of a module, or what `Portable.make` registered under the module's URL and that name. */
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

/** The thing itself, in this process: the address of a `FiberPool`'s tasks and hooks. */
export interface Closure {
  readonly _tag: "Closure"
  readonly value: unknown
}

/** The Schemas given to `Portable.make`, untyped: this file does not import Schema. */
export interface Schemas {
  readonly input?: unknown
  readonly output?: unknown
  readonly error?: unknown
}

/** What a portable carries under its TypeId. */
export interface Definition {
  readonly address: Address
  readonly schemas: Schemas | undefined
  /** Whether it is the task of a `mapArray`: items are slices of an array, results parts of one. */
  readonly slices?: boolean
}

/** Anything with a definition: every `Portable`, whatever its types. */
export interface Addressed {
  readonly [TypeId]: object
}

export const isPortable = (u: unknown): u is Addressed =>
  (typeof u === "object" || typeof u === "function") && u !== null && TypeId in u

export const definition = (portable: Addressed): Definition => portable[TypeId] as Definition

/** An address that can be told to another thread. */
export type Remote = Exclude<Address, Closure>

/** Two addresses have the same key exactly if they are equal; bound ones are equal if they come from one `bind`. */
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

/** The URLs of the modules that there are references to. */
const urls = new WeakMap<object, string>()

/** The URL of the module that references lead to, or that is given itself. */
export const urlOf = (module: object | URL | string): string =>
  (typeof module === "object" ? urls.get(module) : undefined) ?? toUrl(module as URL | string)

export const module = (of: URL | string): any => moduleAt(toUrl(of))

export const modules = (): any => byName((name) => moduleAt(workerFile.urlOf(name)))

const moduleAt = (url: string): any => {
  const references = byName((name) => reference({ _tag: "Export", url, name }, undefined))
  urls.set(references, url)
  return references
}

/** An object whose properties are made when they are first asked for: what there is, only workers know. */
const byName = (make: (name: string) => object): object => {
  const made = new Map<string, object>()
  return new Proxy(
    {},
    {
      get(_, name) {
        if (typeof name === "symbol") return undefined
        let value = made.get(name)
        if (value === undefined) {
          value = make(name)
          made.set(name, value)
        }
        return value
      }
    }
  )
}

export const make = (of: URL | string, name: string, value: any, schemas?: Schemas): any => {
  const url = toUrl(of)
  const definition: Definition = { address: { _tag: "Export", url, name }, schemas }
  // an Effect or Layer may be a constant that others use too, such as Effect.void: brands an object inheriting from it
  const branded = brand(typeof value === "function" ? value : Object.create(value), definition)
  registry.register(url, name, branded)
  return branded
}

let nextBound = 0

const onCollected = new Set<(key: string) => void>()
const collected = new FinalizationRegistry<string>((key) => onCollected.forEach((listener) => listener(key)))

/** Calls `listener` with the key of each bound address that has been garbage-collected; returns how to stop that. */
export const listenCollected = (listener: (key: string) => void): (() => void) => {
  onCollected.add(listener)
  return () => onCollected.delete(listener)
}

export const bind = (portable: Addressed, value: unknown): any => {
  const { address, schemas } = definition(portable)
  const bound: Bound = { _tag: "Bound", id: nextBound++, target: address as Remote, value }
  const result = reference(bound, schemas)
  // registers the address, not the portable: running calls and hooks keep only the address in memory
  collected.register(bound, key(bound))
  return result
}

export const inline = (f: (...args: any) => any): any => reference({ _tag: "Inline", source: String(f) }, undefined)

/** The task as `mapArray` runs it: slices and results cross without Schemas, so only the one for errors is kept. */
export const slicing = (task: Addressed): any => {
  const { address, schemas } = definition(task)
  return brand(
    {},
    { address, schemas: schemas?.error === undefined ? undefined : { error: schemas.error }, slices: true }
  )
}

/** A portable whose address is the closure itself. */
export const closure = (value: unknown): any => reference({ _tag: "Closure", value }, undefined)

/** The address of the code itself, without the values that are bound to it. */
export const unbound = (code: Addressed): Exclude<Address, Bound> => {
  let { address } = definition(code)
  while (address._tag === "Bound") address = address.target
  return address
}

/** The URL of the module that the code is loaded from; `undefined` for code without a module. */
export const moduleOf = (code: Addressed): string | undefined => {
  const address = unbound(code)
  return address._tag === "Export" ? address.url : undefined
}
