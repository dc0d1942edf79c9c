/**
 * What is needed to start a worker, in a thread and in a process alike.
 */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Fails with what `evaluate` throws. */
export const attempt = <A>(evaluate: () => A): Effect.Effect<A, unknown> =>
  Effect.mapError(Effect.try(evaluate), ({ cause }) => cause)

/** This process's options for Node, without `--input-type`, which is an error for a program that is a file. */
export const inheritedArgv = (): ReadonlyArray<string> =>
  process.execArgv.filter((option) => !option.startsWith("--input-type"))

/** The entry's module: from source, from `dist`, or, from within a bundle, by the package's name. */
export const entry = (): URL => {
  const beside = new URL(import.meta.url.endsWith(".ts") ? "./entry.ts" : "./entry.js", import.meta.url)
  if (import.meta.url.includes("/internal/start.") && existsSync(fileURLToPath(beside))) return beside
  try {
    return new URL(import.meta.resolve("@effect-mpire/node-runtime/entry"))
  } catch (cause) {
    throw new Error(
      "@effect-mpire/node-runtime is not installed where this bundle runs: install it, or bundle " +
        "@effect-mpire/node-runtime/entry as well and name its file by the layer's option entry",
      { cause }
    )
  }
}
