/**
 * What is looked up in the file system for task modules, and kept: nearest manifests, and hashes of files that have not
 * changed.
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { readFile, realpath, stat } from "node:fs/promises"
import { dirname, isAbsolute, join, relative, sep } from "node:path"

/** What is there; `undefined` when that cannot be found out, because it is missing, for example. */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A | undefined> =>
  Effect.catch(Effect.tryPromise(run), () => Effect.succeed(undefined))

/** The name in a folder's package.json; `undefined` where there is none, or one without a name. */
export const packageNameIn = (folder: string): Effect.Effect<string | undefined> =>
  Effect.map(
    attempt(() => readFile(join(folder, "package.json"), "utf8").then(JSON.parse)),
    (manifest: unknown) => {
      const name = typeof manifest === "object" && manifest !== null ? (manifest as { name?: unknown }).name : undefined
      return typeof name === "string" && name !== "" ? name : undefined
    }
  )

/** A path without symbolic links; `undefined` when there is nothing. */
export const real = (path: string): Effect.Effect<string | undefined> => attempt(() => realpath(path))

/** Whether a path is a folder or is in it. Both without symbolic links. */
export const isInside = (folder: string, path: string): boolean => {
  const way = relative(folder, path)
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** The folders from that of a file up to the file system's root. */
export const foldersAbove = (file: string): ReadonlyArray<string> => {
  const folder = dirname(file)
  return folder === file ? [] : [folder, ...foldersAbove(folder)]
}

/**
 * What compilers make of a TypeScript file, which may be missing then. Core's workers try the same (its
 * `task/resolver.ts`), but cannot tell here which one they will find.
 */
const compiled: Readonly<Record<string, ReadonlyArray<string>>> = {
  ts: ["js", "mjs", "cjs"],
  tsx: ["js", "jsx", "mjs", "cjs"],
  mts: ["mjs", "js"],
  cts: ["cjs", "js"]
}

/** The files that a module may be, in the order in which they are tried. */
export const spellings = (path: string): ReadonlyArray<string> => {
  const [, stem = "", extension = ""] = /^(.*\.)([mc]?tsx?)$/s.exec(path) ?? []
  return [path, ...(compiled[extension] ?? []).map((other) => stem + other)]
}

interface Known {
  readonly stamp: string
  readonly sha256: string
}

export type Hashes = (file: string) => Effect.Effect<string | undefined>

/**
 * The sha256 of files, in hex; `undefined` for what is no regular file. A file is read again only once its size or times have
 * changed.
 */
export const hashes = (): Hashes => {
  const known = new Map<string, Known>()
  return Effect.fnUntraced(function* (file) {
    const stats = yield* attempt(() => stat(file, { bigint: true }))
    if (stats === undefined || !stats.isFile()) return undefined
    const stamp = `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
    const before = known.get(file)
    if (before?.stamp === stamp) return before.sha256
    const bytes = yield* attempt(() => readFile(file))
    if (bytes === undefined) return undefined
    const sha256 = createHash("sha256").update(bytes).digest("hex")
    known.set(file, { stamp, sha256 })
    return sha256
  })
}
