/**
 * Finds what an address stands for, in the worker (F7). Free of Effect, because workers load it first.
 */
import * as loadFailure from "./loadFailure.ts"
import type { Export, Inline } from "./portable.ts"
import * as registry from "./registry.ts"
import { isNamed, isOnPage } from "./url.ts"
import * as workerFile from "./workerFile.ts"

/** What is known in this thread, by numbers; no Sets, because a task can break what these can do. */
interface Loading {
  next: number
  /** The task modules that this thread is loading. */
  readonly modules: Record<number, string>
  /** Of each worker in this thread, whether items run in it. */
  readonly atWork: Record<number, () => boolean>
  /** Whether the pool that has started this thread may have been made by a task's module as it was loaded. */
  isInDoubt: boolean
}

const loading = registry.shared("loading", (): Loading => ({ next: 0, modules: {}, atWork: {}, isInDoubt: false }))

/** A task module that is loaded while a pool is made (F3). */
export interface Loaded {
  readonly url: string
  /**
   * Whether the module's top level makes the pool, and not an item that runs meanwhile: it is a whole program then, about to start
   * again in a worker. Where items run nobody knows. The workers of such a pool are told to doubt no more, so that a program
   * that starts itself comes to its end in them.
   */
  readonly isSure: boolean
}

/** The task module that this thread is loading, if any. */
export const loadingModule = (): Loaded | undefined => {
  for (const number in loading.modules) {
    return { url: loading.modules[number]!, isSure: loading.isInDoubt || !areItemsRunning() }
  }
  return undefined
}

const areItemsRunning = (): boolean => {
  for (const number in loading.atWork) if (loading.atWork[number]!()) return true
  return false
}

/** A worker in this thread tells whether items run in it; returns how to stop that. */
export const tellWork = (areItemsRunning: () => boolean): (() => void) => {
  const number = loading.next++
  loading.atWork[number] = areItemsRunning
  return () => void delete loading.atWork[number]
}

/** The pool that has started this thread may have been made by a task's module. */
export const doubt = (): void => {
  loading.isInDoubt = true
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

/** What a module exports. */
export type Exports = Readonly<Record<string, unknown>>

/** Imports a module by its URL. */
export type Importer = (url: string) => Promise<unknown>

export const importModule: Importer = (url) => import(/* webpackIgnore: true */ /* @vite-ignore */ url)

/**
 * What compilers make of a TypeScript file, which may be missing then: they leave `new URL("./x.ts", …)` as it is.
 * Bundlers give `.mjs` or `.cjs` to what was `.ts`.
 */
const compiled: Readonly<Record<string, ReadonlyArray<string>>> = {
  ts: ["js", "mjs", "cjs"],
  tsx: ["js", "jsx", "mjs", "cjs"],
  mts: ["mjs", "js"],
  cts: ["cjs", "js"]
}

/** The URLs that a module may have, in the order in which they are tried. */
const spellings = (url: string): ReadonlyArray<string> => {
  const [, stem = "", extension = ""] = /^(.*\.)([mc]?tsx?)$/.exec(url) ?? []
  return [url, ...(compiled[extension] ?? []).map((other) => stem + other)]
}

/** What a message says is missing: as Node, test runners and Deno say it, the last in two ways. */
const said = /^(?:\[\w+\] )?(?:Cannot find (?:module|package)|Module not found) ['"]([^'"]+)['"]/

/**
 * Whether the very file is missing, and not something that it imports or reads. Node says which with `url`, loaders such as
 * tsx with `path`; test runners and Deno in the message alone.
 */
const isMissing = (error: unknown, url: string): boolean => {
  // not asked whether it is an Error: under a test runner it may be one of another realm
  if (typeof error !== "object" || error === null) return false
  const { code, message, path, url: missing } = error as Partial<Record<"code" | "message" | "path" | "url", unknown>>
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND" && code !== "ENOENT") return false
  return isNamed(url, missing ?? path ?? said.exec(String(message))?.[1])
}

/**
 * Whether the file is missing on a page's server, of which the browser says no more than that it could not load the module.
 * Many servers answer with a page where a file is missing, or give TypeScript as a video: no browser takes either for a
 * module.
 */
const isMissingOnServer = async (url: string): Promise<boolean> => {
  if (!isOnPage() || !/^https?:/.test(url)) return false
  try {
    const { headers, ok } = await fetch(url, { method: "HEAD" })
    return !ok || !/^(?:text|application)\/(?:javascript|ecmascript)\b/.test(headers.get("content-type") ?? "")
  } catch {
    return false
  }
}

/** Loads a module, from a worker file if one names it, or what was compiled of it. */
export const loadModule = async (url: string, importer: Importer): Promise<Exports> => {
  const load = workerFile.find(url)
  if (load !== undefined) return loadNamed(url, load)
  return workerFile.isOfFile(url) ? loadFromFile(url, importer) : loadFromUrl(url, importer)
}

const loadNamed = async (url: string, load: workerFile.Load): Promise<Exports> => {
  try {
    return (await load()) as Exports
  } catch (error) {
    throw loadFailure.make(url, error)
  }
}

/** Has the worker file loaded by an importer that knows it, if this thread's is one. */
const loadFromFile = async (url: string, importer: Importer): Promise<Exports> => {
  if (importer !== importModule) await loadNamed(url, () => importer(url))
  const load = workerFile.find(url)
  if (load === undefined) throw loadFailure.make(url, workerFile.unknown(url))
  return loadNamed(url, load)
}

/** Vite does so with a TypeScript file where it builds a library. */
const inlined =
  "A bundler has put the file itself into its URL: keep it from that, in Vite by `build: { ssr: true }`, or use a worker file"

const loadFromUrl = async (url: string, importer: Importer): Promise<Exports> => {
  if (url.startsWith("data:video/")) throw loadFailure.make("data:video/…", loadFailure.told(inlined))
  const tried = spellings(url)
  for (const spelling of tried) {
    try {
      return (await importer(spelling)) as Exports
    } catch (error) {
      if (!isMissing(error, spelling) && !(await isMissingOnServer(spelling))) throw loadFailure.make(spelling, error)
    }
  }
  const others = tried.slice(1).map((other) => other.slice(other.lastIndexOf(".")))
  const beside = others.length === 0 ? "" : `, nor has a file ${others.join(", ")} beside it`
  const cure = "where a bundler built the program, make it an entry of its own, or use a worker file"
  throw loadFailure.make(url, loadFailure.told(`There is no such file${beside}: ${cure}`))
}

/** What `Portable.make` registered, or a Promise of the module's export, which rejects when it cannot be loaded. */
export const resolveExport = (address: Export): unknown => {
  const registered = registry.lookup(address.url, address.name)
  return registered === undefined ? importExport(address) : registered
}

const importExport = async (address: Export): Promise<unknown> =>
  exportOf(address, await loadModule(address.url, importModule))

/** An export of a module that has been loaded. */
export const exportOf = ({ name, url }: Export, module: Exports): unknown => {
  const value = registry.lookup(url, name) ?? module[name]
  if (value !== undefined) return value
  const others = Object.keys(module).join(", ")
  const leftOut = "none: a bundler may have left out what the program does not import itself; use a worker file"
  const found = others === "" ? leftOut : others
  throw loadFailure.make(url, loadFailure.told(`It has no export "${name}", but ${found}`))
}

/** esbuild, and so tsx, names functions by a helper of this name, which the text of a function refers to, and lacks. */
const keepName = (f: unknown): unknown => f

/** Evaluates the source text; throws when it is not that of a function. */
export const resolveInline = (address: Inline): unknown => {
  // oxlint-disable-next-line typescript/no-implied-eval -- shipping source text is what inline is for
  const value: unknown = new Function("__name", `return (${address.source}\n)`)(keepName)
  if (typeof value !== "function") throw new Error(`Portable.inline needs a function, got: ${address.source}`)
  return value
}

/** `f` with its first parameter given; throws when it is not a function. */
export const bindFirst = (f: unknown, value: unknown): unknown => {
  if (typeof f !== "function") throw new Error("Portable.bind needs a function, and the bound export is none")
  return (...args: ReadonlyArray<unknown>) => f(value, ...args)
}
