/**
 * The worker file: the modules of tasks that a program names in one place, which is what a bundler has to know. Free of
 * Effect, because workers load it first.
 */
import * as loadFailure from "./loadFailure.ts"
import * as registry from "./registry.ts"

const TypeId = "~effect-mpire/WorkerFile" as const

/** Loads a module of the file. */
export type Load = () => Promise<unknown>

/** The modules of this thread's worker files, by name. They are named anew each time that such a file is loaded. */
const files = registry.shared("modules", () => new Map<string, Load>())

const scheme = "worker:"

/** The URL of a module that a worker file names. */
export const urlOf = (name: string): string => scheme + name

const nameOf = (url: string): string | undefined => (url.startsWith(scheme) ? url.slice(scheme.length) : undefined)

export const make = <M extends Readonly<Record<string, Load>>>(modules: M): { readonly [TypeId]: M } => {
  for (const [name, load] of Object.entries(modules)) {
    if (typeof load !== "function") {
      throw new TypeError(
        `The module "${name}" of a worker file must be a function that imports it: () => import("./x.ts")`
      )
    }
    files.set(name, load)
  }
  return { [TypeId]: modules }
}

/** How the module with that URL is loaded, if a worker file of this thread names it. Others may be named so: packages. */
export const find = (url: string): Load | undefined => files.get(nameOf(url) ?? url)

/** Whether only a worker file can have a module with that URL. */
export const isOfFile = (url: string): boolean => nameOf(url) !== undefined

/** Why the module with that URL cannot be loaded: no worker file names it. */
export const unknown = (url: string): Error => {
  const names = [...files.keys()]
  const name = nameOf(url) ?? url
  return loadFailure.told(
    names.length === 0
      ? "The worker has no worker file: name one by the runtime's option `spawn` or `entry`, on fibers by `load`"
      : `The worker file names no module "${name}", but ${names.join(", ")}`
  )
}
