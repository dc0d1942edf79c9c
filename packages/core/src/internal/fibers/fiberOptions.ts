/**
 * The options of `layerFibers`, checked (C8). A layer that has no errors tells of a mistake when a worker is wanted.
 */
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import { areOptions, invalidOption, noOptions } from "../common/options.ts"

type Check = readonly [expected: string, accepts: (value: unknown) => boolean]

const isModule = (value: unknown): boolean => typeof value === "string" || (typeof value === "object" && value !== null)

const checks: { readonly [option: string]: Check } = {
  clone: ["a boolean", (value) => typeof value === "boolean"],
  load: ["a function that imports a module by its URL", (value) => typeof value === "function"],
  modules: ["a list of URLs, or of what Portable.module gave", (value) => Array.isArray(value) && value.every(isModule)]
}

/** The error for the first option that is out of its range, if any. */
export const invalid = (options: unknown): WorkerPoolError | undefined => {
  if (!areOptions(options)) return noOptions(options)
  for (const [option, [expected, accepts]] of Object.entries(checks)) {
    const value = (options as { readonly [option: string]: unknown })[option]
    if (value !== undefined && !accepts(value)) return invalidOption(option, value, expected)
  }
  return undefined
}
