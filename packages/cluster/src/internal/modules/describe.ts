/**
 * The driver's side of task modules (K10): what a module is called on every machine, and which file it is here.
 */
import * as Effect from "effect/Effect"
import { relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import type { ModuleRefused } from "../../ClusterError.ts"
import * as address from "./address.ts"
import * as files from "./files.ts"

/** A module as a driver names it to runners. */
export interface Described {
  /** What a runner resolves. */
  readonly address: string
  /**
   * The sha256 of the file that a worker here would load, in hex. `undefined` for a name of a worker file, and where the file
   * is missing here, as in a program that a bundler made.
   */
  readonly sha256: string | undefined
}

export type Describe = (url: string) => Effect.Effect<Described, ModuleRefused>

/**
 * Describes modules by their URLs. What has been found once is kept: a program's modules do not move.
 *
 * **Details**
 *
 * A module belongs to the nearest folder above it whose package.json has a name; a package.json that only says
 * `"type": "module"` has none. Symbolic links are resolved first, so that a package of a workspace is the same whichever way
 * leads to it.
 */
export const make = (isRegistered?: (name: string) => boolean): Describe => {
  const hash = files.hashes()
  const found = new Map<string, InFolder>()

  const locate = Effect.fnUntraced(function* (url: string): Effect.fn.Return<InFolder, ModuleRefused> {
    const path = yield* pathOf(url)
    // the file itself may be missing, and be compiled to another one beside it
    const folder = files.foldersAbove(path)[0]!
    const realFolder = (yield* files.real(folder)) ?? folder
    const name = path.slice(folder.length).replace(/^[/\\]/, "")
    const file = (yield* files.real(`${realFolder}${sep}${name}`)) ?? `${realFolder}${sep}${name}`
    for (const above of files.foldersAbove(file)) {
      const packageName = yield* files.packageNameIn(above)
      if (packageName === undefined) continue
      const parts = relative(above, file).split(sep).join("/")
      const suffix = /(?:\?[^#]*)?(?:#.*)?$/s.exec(url)![0]
      const text = address.format({ package: packageName, path: parts, suffix })
      // what could not be read again is not sent
      const parsed = address.parse(text, () => false)
      if (parsed._tag === "ModuleRefused")
        return yield* Effect.fail(address.refused(url, `in ${text}: ${parsed.problem}`))
      return { address: text, file }
    }
    return yield* Effect.fail(
      address.refused(url, "no folder above it has a package.json with a name, by which runners could find it")
    )
  })

  return Effect.fnUntraced(function* (url) {
    if (address.parse(url, isRegistered)._tag === "Registered") return { address: url, sha256: undefined }
    const known = found.get(url) ?? (yield* locate(url))
    found.set(url, known)
    let sha256: string | undefined
    for (const spelling of files.spellings(known.file)) sha256 ??= yield* hash(spelling)
    return { address: known.address, sha256 }
  })
}

interface InFolder {
  readonly address: string
  readonly file: string
}

const pathOf = (url: string): Effect.Effect<string, ModuleRefused> =>
  Effect.suspend(() => {
    if (!url.startsWith("file:")) return Effect.fail(address.refused(url, address.problemOf(url)))
    return Effect.try({
      try: () => fileURLToPath(url),
      catch: () => address.refused(url, "its URL names no file of this machine")
    })
  })
