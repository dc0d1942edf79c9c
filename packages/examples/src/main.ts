/**
 * The main job: compresses source files of the installed `effect` package, first here, then twice on one kept-alive pool
 * of threads, and prints what the workers saved. `--all` takes every file, `--help` shows the rest.
 */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime, ProgressBar } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Duration, Effect, FileSystem, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import * as zlib from "node:zlib"
import { type Compressed, compressFile } from "./compress.tasks.ts"
import * as Report from "./report.ts"
import * as SourceFiles from "./source-files.ts"
import * as Verification from "./verification.ts"
import type * as Tasks from "./compress.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./compress.tasks.ts", import.meta.url))

/** A thread per processor by default; one file per chunk, because files differ a thousandfold in size. */
class Compressors extends WorkerPool.Service<Compressors>()("examples/Compressors", {
  keepAlive: true,
  chunkSize: 1,
  init: tasks.makeTally,
  exit: tasks.reportTally
}) {}

/** The serial pass: the workers' work, in the main thread. It yields between files so that Ctrl-C is heard. */
const compressHere = (paths: ReadonlyArray<string>, quality: number) =>
  Effect.forEach(paths, (path) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => compressFile(quality, path))
    )
  )

const toPass = (
  name: string,
  remark: string,
  [duration, results]: [Duration.Duration, ReadonlyArray<Compressed>]
): Report.Pass => ({
  name,
  remark,
  files: results.length,
  bytesIn: results.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
  bytesOut: results.reduce((sum, { output }) => sum + output.byteLength, 0),
  seconds: Duration.toSeconds(duration)
})

const job = Effect.fn("job")(function* (options: { readonly every: number; readonly quality: number }) {
  const sources = yield* SourceFiles.find(new URL(import.meta.resolve("effect/package.json")), options.every)
  const paths = sources.selected
  const pool = yield* Compressors
  const { size } = yield* pool.stats
  yield* Console.log(
    `${paths.length} of the ${sources.total} source files of ${sources.name} ${sources.version}, ` +
      `brotli at quality ${options.quality}, ${size} threads\n`
  )

  const compress = Portable.bind(tasks.compress, options.quality)
  const serial = yield* Effect.timed(compressHere(paths, options.quality))
  const megabytes = new Map(paths.map((path, index) => [path, serial[1][index]!.bytesIn / 1_000_000]))
  const progress = (label: string) => ({ label, unit: "MB", weight: (path: string) => megabytes.get(path) ?? 0 })
  const roundOne = yield* Effect.timed(pool.map(paths, compress, { progress: progress("round one") }))
  const roundTwo = yield* Effect.timed(pool.map(paths, compress, { progress: progress("round two") }))

  // releases the workers: their exit hooks run now, once for both rounds
  const { live } = yield* pool.stats
  yield* pool.stop
  const reports = yield* pool.exitResults

  const rounds = [toPass("round one", "workers starting", roundOne), toPass("round two", "workers reused", roundTwo)]
  yield* Console.log(`${Report.passes([toPass("serial", "main thread", serial), ...rounds])}\n`)
  yield* Console.log(`${Report.workers(reports)}\n`)

  const fileSystem = yield* FileSystem.FileSystem
  for (const [index, path] of paths.entries()) {
    const input = yield* fileSystem.readFile(path)
    yield* Verification.output(path, input, serial[1][index], roundOne[1][index])
    yield* Verification.output(path, input, serial[1][index], roundTwo[1][index])
  }
  yield* Verification.reports(live, rounds, reports)
  yield* Console.log(
    "Verified: every output is the serial pass's and decompresses to its file; every worker's exit hook ran once."
  )
})

const command = Command.make(
  "start",
  {
    all: Flag.Boolean("all").pipe(Flag.withDescription("Compress every file"), Flag.withDefault(false)),
    every: Flag.Int("every").pipe(
      Flag.withDescription("Compress every n-th file"),
      Flag.filter(
        (every) => every >= 1,
        (every) => `Expected a number from 1, got ${every}`
      ),
      Flag.withDefault(3)
    ),
    quality: Flag.Int("quality").pipe(
      Flag.withDescription("Brotli's quality"),
      Flag.filter(
        (quality) => quality >= zlib.constants.BROTLI_MIN_QUALITY && quality <= zlib.constants.BROTLI_MAX_QUALITY,
        (quality) => `Expected a number from 0 to 11, got ${quality}`
      ),
      Flag.withDefault(zlib.constants.BROTLI_MAX_QUALITY)
    )
  },
  ({ all, every, quality }) => job({ every: all ? 1 : every, quality })
).pipe(Command.withDescription("Compresses source files on one thread, then on a pool of threads"))

command.pipe(
  Command.run({ version: "0.0.0" }),
  Effect.provide([Compressors.layer.pipe(Layer.provide(NodeWorkerRuntime.layerThreads())), ProgressBar.layer]),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
