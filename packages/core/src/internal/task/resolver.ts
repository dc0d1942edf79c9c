/**
 * Finds what an address stands for, in the worker. Free of Effect, because workers load it first.
 */
import type { Export, Inline } from "./portable.ts"
import * as registry from "./registry.ts"

/** The task modules that this thread is loading, by numbers; no Set, because a task can break what Sets can do. */
const loading = registry.shared("loading", (): { next: number; readonly modules: Record<number, string> } => ({
  next: 0,
  modules: {}
}))

/**
 * The task module that this thread is loading, if any. When a pool is used meanwhile, that module's top level does it:
 * it is a whole program, about to start again in a worker.
 */
export const loadingModule = (): string | undefined => {
  for (const number in loading.modules) return loading.modules[number]
  return undefined
}

/** The error that stops such a program before its workers start workers of their own, and so on. */
export const trap = (url: string): Error =>
  new Error(
    `A worker was loading ${url} for a task when the module itself used a pool: the program in it would start again in ` +
      `every worker. Keep tasks in a module of their own, or guard the program, for example with \`if (isMainThread)\``
  )

/** The error that stops a call whose results the pool could not decode. */
export const schemasOnOneSide = (): Error =>
  new Error(
    "The task's export has Schemas, which must be known on both sides: import it instead of using Portable.module"
  )

/** Calls `load`. Until it has ended, the URL counts as a module that is being loaded (`loadingModule`). */
export const whileLoading = async <A>(url: string, load: () => A): Promise<Awaited<A>> => {
  const number = loading.next++
  loading.modules[number] = url
  try {
    return await load()
  } finally {
    delete loading.modules[number]
  }
}

const load = (url: string): Promise<Record<string, unknown>> => import(/* @vite-ignore */ url)

/** The compiled file beside a TypeScript file that may be missing: compilers leave `new URL("./x.ts", …)` as it is. */
const compiledUrl = (url: string): string | undefined => (/\.[mc]?ts$/.test(url) ? `${url.slice(0, -2)}js` : undefined)

const isMissing = (error: unknown, url: string): boolean => {
  const { code, url: missing } = error as { readonly code?: unknown; readonly url?: unknown }
  return (code === "ERR_MODULE_NOT_FOUND" || code === "ENOENT") && (missing === undefined || missing === url)
}

const loadOrCompiled = async (url: string): Promise<Record<string, unknown>> => {
  const output = compiledUrl(url)
  try {
    return await load(url)
  } catch (error) {
    if (output === undefined || !isMissing(error, url)) throw error
    try {
      return await load(output)
    } catch (second) {
      if (!isMissing(second, output)) throw second
      throw new Error(`Neither ${url} nor ${output} was found`, { cause: second })
    }
  }
}

/** What `Portable.make` registered, or a Promise of the module's export, which rejects when it cannot be loaded. */
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

/** Evaluates the source text; throws when it is not that of a function. */
export const resolveInline = (address: Inline): unknown => {
  // oxlint-disable-next-line typescript/no-implied-eval -- shipping source text is what inline is for
  const value: unknown = new Function(`return (${address.source}\n)`)()
  if (typeof value !== "function") throw new Error(`Portable.inline needs a function, got: ${address.source}`)
  return value
}

/** `f` with its first parameter given; throws when it is not a function. */
export const bindFirst = (f: unknown, value: unknown): unknown => {
  if (typeof f !== "function") throw new Error("Portable.bind needs a function, and the bound export is none")
  return (...args: ReadonlyArray<unknown>) => f(value, ...args)
}
