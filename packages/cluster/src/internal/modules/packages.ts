/**
 * Where packages are below a folder: the folder's own, those of its workspace, and those in their node_modules.
 *
 * Packages of a workspace are found by looking for manifests, not by reading what each package manager writes about them. What
 * is in node_modules is looked up by its name: going through all of it takes seconds.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import * as files from "./files.ts"

/** How deep below the root a package of the workspace may be: more than any is, and less than a loop of mounts. */
const deepest = 8

/** How long it is believed that nothing was added to the workspace. */
const age = Duration.seconds(5)

interface Package {
  readonly name: string
  readonly folder: string
}

/** The packages of the workspace, the shallowest first; hidden folders, links and node_modules are left out. */
const workspaceOf = Effect.fnUntraced(function* (root: string) {
  const found: Array<Package> = []
  let level: ReadonlyArray<string> = [root]
  for (let depth = 0; depth <= deepest && level.length > 0; depth++) {
    const next: Array<string> = []
    for (const folder of level) {
      const entries = yield* Effect.catch(
        Effect.tryPromise(() => readdir(folder, { withFileTypes: true })),
        () => Effect.succeed([])
      )
      for (const entry of entries) {
        if (entry.name === "package.json") {
          const name = yield* files.packageNameIn(folder)
          if (name !== undefined) found.push({ name, folder })
        } else if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith(".")) {
          next.push(join(folder, entry.name))
        }
      }
    }
    level = next.toSorted()
  }
  return found
})

/** Looks for the folders of a package: the likely ones, and then, if they were not what was looked for, all. */
export interface Packages {
  /** Its folder if it is the root's own package, and in the root's node_modules. */
  readonly near: (name: string) => Effect.Effect<ReadonlyArray<string>>
  /** Its folders in the workspace, and in the node_modules of the workspace's packages. */
  readonly far: (name: string) => Effect.Effect<ReadonlyArray<string>>
}

export const make = Effect.fnUntraced(function* (root: string): Effect.fn.Return<Packages> {
  const workspace = yield* Effect.cachedWithTTL(workspaceOf(root), age)
  return {
    near: (name) =>
      Effect.map(files.packageNameIn(root), (own) => [
        ...(own === name ? [root] : []),
        join(root, "node_modules", name)
      ]),
    far: (name) =>
      Effect.map(workspace, (packages) => [
        ...packages.filter((other) => other.name === name).map(({ folder }) => folder),
        ...packages.map(({ folder }) => join(folder, "node_modules", name)),
        // where pnpm keeps what packages need that no package of the workspace names
        join(root, "node_modules", ".pnpm", "node_modules", name)
      ])
  }
})
