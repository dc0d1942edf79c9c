/**
 * The runner's side of task modules (K10): which file below `root` an address stands for, and whether it is the one that the
 * driver means. This keeps wrong files from being run by mistake; it is no barrier for whoever has the secret.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import { stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { ModuleMismatch, ModuleNotFound, type ModuleRefused } from "../../ClusterError.ts"
import { invalidOption, isText } from "../common/options.ts"
import * as address from "./address.ts"
import type { Described } from "./describe.ts"
import * as files from "./files.ts"
import * as packages from "./packages.ts"

/** A module as a worker loads it. */
export interface Resolved {
  /** The URL of its file, or the name that a worker file gives it. */
  readonly url: string
  /** The sha256 of the file, in hex; `undefined` for a name. */
  readonly sha256: string | undefined
}

export interface Options {
  /** The folder, by its path or URL, outside of which nothing is loaded. */
  readonly root: string | URL
  /** Whether the runner's worker file gives something this name. Default: every name that `Portable.modules` makes. */
  readonly isRegistered?: ((name: string) => boolean) | undefined
}

export type Resolve = (
  module: Described,
  /** Whether driver and runner say that they are the same deployment: then the files are not compared. */
  isSameDeployment: boolean
) => Effect.Effect<Resolved, ModuleRefused | ModuleNotFound | ModuleMismatch>

/** What has been found so far, when it was not what was looked for. */
interface Search {
  readonly tried: Array<string>
  refusal?: ModuleRefused
  mismatch?: ModuleMismatch
}

const isFolder = (path: string): Effect.Effect<boolean> =>
  Effect.catch(
    Effect.map(
      Effect.tryPromise(() => stat(path)),
      (stats) => stats.isDirectory()
    ),
    () => Effect.succeed(false)
  )

const rootOf = Effect.fnUntraced(function* (root: string | URL): Effect.fn.Return<string, WorkerPoolError> {
  const isGiven = isText(root) || (root instanceof URL && root.protocol === "file:")
  const path = isGiven ? yield* files.real(root instanceof URL ? fileURLToPath(root) : root) : undefined
  if (path === undefined || !(yield* isFolder(path)))
    return yield* Effect.fail(invalidOption("root", root instanceof URL ? root.href : root, "a folder that is there"))
  return path
})

export const make = Effect.fnUntraced(function* ({
  isRegistered,
  root: given
}: Options): Effect.fn.Return<Resolve, WorkerPoolError> {
  const root = yield* rootOf(given)
  const hash = files.hashes()
  const folders = yield* packages.make(root)
  const found = new Map<string, string>()

  /** The file, if it is there, inside of the root, and the one that is meant. */
  const look = Effect.fnUntraced(function* (file: string, module: Described, compares: boolean, search: Search) {
    const real = yield* files.real(file)
    const sha256 = real === undefined ? undefined : yield* hash(real)
    if (real === undefined || sha256 === undefined) {
      search.tried.push(relative(root, file))
      return undefined
    }
    // after links have been followed: a link in the package may lead anywhere
    if (!files.isInside(root, real)) {
      search.refusal ??= address.refused(module.address, "it leads out of the runner's root")
      return undefined
    }
    if (compares && sha256 !== module.sha256) {
      search.mismatch ??= new ModuleMismatch({ address: module.address, here: module.sha256, there: sha256 })
      return undefined
    }
    return { real, sha256 }
  })

  const resolved = (
    { real, sha256 }: { readonly real: string; readonly sha256: string },
    suffix: string
  ): Resolved => ({
    url: pathToFileURL(real).href + suffix,
    sha256
  })

  return Effect.fnUntraced(function* (module, isSameDeployment) {
    const parsed = address.parse(module.address, isRegistered)
    if (parsed._tag === "ModuleRefused") return yield* Effect.fail(parsed)
    if (parsed._tag === "Registered") return { url: parsed.name, sha256: undefined }
    const compares = !isSameDeployment
    const search: Search = { tried: [] }
    const key = `${module.address} ${compares ? module.sha256 : ""}`

    const before = found.get(key)
    if (before !== undefined) {
      // it may have been changed since, and another one may be the right one now
      const same = yield* look(before, module, compares, { tried: [] })
      if (same !== undefined) return resolved(same, parsed.suffix)
      found.delete(key)
    }

    for (const place of ["near", "far"] as const) {
      for (const folder of yield* folders[place](parsed.package)) {
        if (!(yield* isFolder(folder))) continue
        for (const file of files.spellings(join(folder, ...parsed.path.split("/")))) {
          const there = yield* look(file, module, compares, search)
          if (there === undefined) continue
          found.set(key, there.real)
          return resolved(there, parsed.suffix)
        }
      }
    }
    const { mismatch, refusal, tried } = search
    const nowhere = `a package "${parsed.package}" in its root, its workspace and their node_modules`
    return yield* Effect.fail(
      mismatch ??
        refusal ??
        new ModuleNotFound({
          address: module.address,
          tried: tried.length === 0 ? [nowhere] : [...new Set(tried)].map((file) => file.split(sep).join("/"))
        })
    )
  })
})
