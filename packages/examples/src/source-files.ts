import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"

const Manifest = Schema.fromJsonString(Schema.Struct({ name: Schema.String, version: Schema.String }))

/** An installed package and the source files that it ships. */
export interface Sources {
  readonly name: string
  readonly version: string
  /** How many source files there are. */
  readonly total: number
  /** Every `every`-th of them, the largest first. */
  readonly selected: ReadonlyArray<string>
}

/** Finds the TypeScript files in `src` of the package with this manifest, and takes every `every`-th. */
export const find = Effect.fn("SourceFiles.find")(function* (manifest: URL, every: number) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* path.fromFileUrl(manifest)
  const { name, version } = yield* Effect.flatMap(fileSystem.readFileString(file), Schema.decodeEffect(Manifest))
  const directory = path.join(path.dirname(file), "src")
  const entries = yield* fileSystem.readDirectory(directory, { recursive: true })
  const sources = entries.filter((entry) => entry.endsWith(".ts")).sort()
  const sized = yield* Effect.forEach(
    sources.filter((_, index) => index % every === 0).map((entry) => path.join(directory, entry)),
    (source) => Effect.map(fileSystem.stat(source), ({ size }) => ({ source, size })),
    { concurrency: 16 }
  )
  // the largest first, so that none of them is started last and leaves the other workers waiting for it
  const selected = sized.sort((a, b) => Number(b.size - a.size)).map(({ source }) => source)
  return { name, version, total: sources.length, selected } satisfies Sources
})
