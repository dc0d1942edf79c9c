/**
 * The options of the layers, checked (C8), as far as Node.js does not: what it would pass over, or take for something else. A
 * layer that has no errors tells of a mistake when a worker is wanted.
 */
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"

type Check = readonly [expected: string, accepts: (value: unknown) => boolean]

const isText = (value: unknown): boolean => typeof value === "string"

const isBoolean = (value: unknown): boolean => typeof value === "boolean"

const checks: { readonly [option: string]: Check } = {
  execArgv: ["a list of texts", (value) => Array.isArray(value) && value.every(isText)],
  compileCache: ["a boolean", isBoolean],
  // a URL of another realm, as test runners have, is no instance of this one's class
  entry: [
    'a URL, as new URL("./worker.ts", import.meta.url) is',
    (value) => typeof value === "object" && value !== null && "href" in value && isText(value.href)
  ],
  output: ['"inherit" or "log"', (value) => value === "inherit" || value === "log"],
  mainModule: ["a boolean", isBoolean],
  spawn: ["a function that returns a new Worker", (value) => typeof value === "function"],
  cpus: ["a list of CPU numbers (integers >= 0) or lists of them", Array.isArray]
}

const areOptions = (input: unknown): input is { readonly [option: string]: unknown } =>
  typeof input === "object" && input !== null && !Array.isArray(input)

/** The error for an option out of its range. */
export const invalidOption = (option: string, value: unknown, expected: string): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.InvalidOptions({ option, value, expected }))

/** Fails for the first option that is out of its range. */
export const check = (options: unknown): Effect.Effect<void, WorkerPoolError.WorkerPoolError> =>
  Effect.suspend(() => {
    if (!areOptions(options)) return Effect.fail(invalidOption("options", options, "an object"))
    for (const [option, [expected, accepts]] of Object.entries(checks)) {
      const value = options[option]
      if (value !== undefined && !accepts(value)) return Effect.fail(invalidOption(option, value, expected))
    }
    return Effect.void
  })
