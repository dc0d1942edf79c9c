/**
 * From an address to the thing itself, where the worker runs. Free of Effect, because workers load it first.
 */
import type { Export, Inline } from "./portable.ts"
import * as registry from "./registry.ts"

/** Counts the task modules that this thread is loading, on globalThis so that all copies of this package see it. */
const loadingKey = Symbol.for("effect-mpire/loading")
const loading: { modules: Array<string> } = ((globalThis as any)[loadingKey] ??= { modules: [] })

/**
 * The task module that this thread is loading, if any: a program that makes or uses a pool meanwhile is the module's own
 * top level, started again in a worker.
 */
export const loadingModule = (): string | undefined => loading.modules[0]

/** What stops such a program, naming the trap. */
export const trap = (url: string): Error =>
  new Error(
    `A worker was loading ${url} for a task when the module itself used a pool: the program in it would start again in ` +
      `every worker. Keep tasks in a module of their own, or guard the program, for example with \`if (isMainThread)\``
  )

/** What stops a call whose results nobody could decode. */
export const schemasOnOneSide = (): Error =>
  new Error(
    "The task's export has Schemas, which must be known on both sides: import it instead of using Portable.module"
  )

/** Says of a worker that it is loading a task module, for as long as that takes. */
export const whileLoading = async <A>(url: string, load: () => A): Promise<Awaited<A>> => {
  loading.modules.push(url)
  try {
    return await load()
  } finally {
    loading.modules.splice(loading.modules.indexOf(url), 1)
  }
}

const load = (url: string): Promise<Record<string, unknown>> => import(/* @vite-ignore */ url)

/** Compilers leave `new URL("./x.ts", import.meta.url)` alone, so a missing source may have its output beside it. */
const compiled = (url: string): string | undefined => (/\.[mc]?ts$/.test(url) ? `${url.slice(0, -2)}js` : undefined)

const isMissing = (error: unknown, url: string): boolean => {
  const { code, url: missing } = error as { readonly code?: unknown; readonly url?: unknown }
  return (code === "ERR_MODULE_NOT_FOUND" || code === "ENOENT") && (missing === undefined || missing === url)
}

const loadOrCompiled = async (url: string): Promise<Record<string, unknown>> => {
  const other = compiled(url)
  try {
    return await load(url)
  } catch (error) {
    if (other === undefined || !isMissing(error, url)) throw error
    try {
      return await load(other)
    } catch (second) {
      if (!isMissing(second, other)) throw second
      throw new Error(`Neither ${url} nor ${other} was found`, { cause: second })
    }
  }
}

/** At once when `Portable.make` registered it, or else a Promise, which rejects when it cannot be loaded. */
export const resolveExport = (address: Export): unknown => {
  const registered = registry.lookup(address.url, address.name)
  return registered === undefined ? importExport(address) : registered
}

const importExport = async (address: Export): Promise<unknown> => {
  const module = await loadOrCompiled(address.url)
  const value = registry.lookup(address.url, address.name) ?? module[address.name]
  if (value === undefined) {
    throw new Error(
      `${address.url} has no export "${address.name}". It has ${Object.keys(module).join(", ") || "none"}`
    )
  }
  return value
}

/** Makes the function anew from its source text; throws when that is not a function's. */
export const resolveInline = (address: Inline): unknown => {
  // oxlint-disable-next-line typescript/no-implied-eval -- shipping source text is what inline is for
  const value: unknown = new Function(`return (${address.source}\n)`)()
  if (typeof value !== "function") throw new Error(`Portable.inline needs a function, got: ${address.source}`)
  return value
}

/** A function whose first parameter is given. */
export const bindFirst = (f: unknown, value: unknown): unknown => {
  if (typeof f !== "function") throw new Error("Portable.bind needs a function, and the bound export is none")
  return (...args: ReadonlyArray<unknown>) => f(value, ...args)
}
