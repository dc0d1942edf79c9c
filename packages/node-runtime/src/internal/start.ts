/**
 * What is needed to start a worker, in a thread and in a process alike.
 */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { fileURLToPath, pathToFileURL } from "node:url"

/** Fails with what `evaluate` throws. */
export const attempt = <A>(evaluate: () => A): Effect.Effect<A, unknown> =>
  Effect.mapError(Effect.try(evaluate), ({ cause }) => cause)

/** This process's options for Node, without `--input-type`, which is an error for a program that is a file. */
export const inheritedArgv = (): ReadonlyArray<string> =>
  process.execArgv.filter((option) => !option.startsWith("--input-type"))

/**
 * The file that a worker runs: that of the program, or our own. Where a program was compiled, its URL may still name the
 * source, as `tsc` and most bundlers leave `new URL("./worker.ts", …)` as it is.
 */
export const file = (entry: URL | undefined): URL => {
  if (entry === undefined) return ownEntry()
  if (entry.protocol !== "file:") return notInlined(entry)
  if (exists(entry)) return entry
  const [extension] = /\.[cm]?[jt]sx?$/.exec(entry.href) ?? [""]
  const stem = entry.href.slice(0, entry.href.length - extension.length)
  const beside = (...ends: ReadonlyArray<string>) => ends.map((end) => new URL(stem + end)).find(exists)
  const compiled = beside(".js", ".mjs", ".cjs")
  const isSource = extension.includes("t")
  if (isSource && compiled !== undefined) return compiled
  // a loader such as tsx finds a source by the name of what it would be compiled to
  if (compiled ?? beside(".ts", ".mts", ".cts", ".tsx")) return entry
  throw new Error(
    `There is no file ${fileURLToPath(entry)}, nor has one .js, .mjs or .cjs beside it: where a bundler built the ` +
      "program, make the worker file an entry of its own"
  )
}

const exists = (url: URL): boolean => existsSync(fileURLToPath(url))

/** Vite, where it builds a library, puts the source of a file that is no entry into the URL itself. */
const notInlined = (entry: URL): URL => {
  const [type] = /^data:(?!text\/javascript)[^;,]*/.exec(entry.href) ?? []
  if (type === undefined) return entry
  throw new Error(
    `A bundler has put the source of the worker file into a URL which begins with ${type}: keep it from that, in Vite ` +
      "by `build: { ssr: true }`, and make the worker file an entry of its own"
  )
}

/** The entry's module: from source, from `dist`, or, from within a bundle, by the package's name. */
const ownEntry = (): URL => {
  const beside = new URL(import.meta.url.endsWith(".ts") ? "./entry.ts" : "./entry.js", import.meta.url)
  if (import.meta.url.includes("/internal/start.") && existsSync(fileURLToPath(beside))) return beside
  try {
    // There is no `import.meta.resolve` in a bundle that is CommonJS, and what is imported by its name webpack understands:
    // it would have the number here that the module has in its bundle.
    const { createRequire } = process.getBuiltinModule("node:module")
    return pathToFileURL(createRequire(import.meta.url).resolve("@effect-mpire/node-runtime/entry"))
  } catch (cause) {
    throw new Error(
      "@effect-mpire/node-runtime is not installed where this bundle runs: install it, or bundle " +
        "a worker file (NodeWorkerEntry.serve), or @effect-mpire/node-runtime/entry, as well and name its file by the layer's " +
        "option entry",
      { cause }
    )
  }
}
