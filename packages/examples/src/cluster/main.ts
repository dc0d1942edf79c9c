/**
 * The work of `pnpm start` on a cluster: two runners on this machine, each in a process of its own, of which one is killed
 * midway. What comes back is compared with what this process makes of the same files.
 */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { PoolEvent, Portable, WorkerPool } from "@effect-mpire/core"
import { ProgressBar } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, Duration, Effect, Fiber, FileSystem, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import * as zlib from "node:zlib"
import { type Compressed, compressFile } from "../compress.tasks.ts"
import type * as Tasks from "../compress.tasks.ts"
import * as Report from "../report.ts"
import * as SourceFiles from "../source-files.ts"
import * as Verification from "../verification.ts"
import * as Loss from "./loss.ts"
import * as Runners from "./runners.ts"
import * as Secret from "./secret.ts"

export interface Options {
  /** Every how many of the files is compressed. */
  readonly every: number
  /** Brotli's. */
  readonly quality: number
  /** How many workers each runner has. */
  readonly slots: number
}

const { ChunkDone, CallEnded } = PoolEvent.PoolEvent.guards

/** Maps over the workers of all runners, and kills one of the runners when half of the files are done. */
const mapAndKill = Effect.fn("mapAndKill")(function* (
  paths: ReadonlyArray<string>,
  quality: number,
  tasks: Portable.Module<typeof Tasks>,
  victim: Runners.Runner
) {
  const pool = yield* WorkerPool.make({
    keepAlive: true,
    chunkSize: 1,
    // what a lost runner had in hand is done again: compressing a file twice does no harm
    onWorkerLost: { retries: 2 },
    init: tasks.makeTally,
    exit: tasks.reportTally
  })
  yield* pool.start
  const listening = yield* pool.events.pipe(
    Stream.takeUntil(CallEnded),
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )
  const killing = yield* pool.events.pipe(
    Stream.filter(ChunkDone),
    Stream.take(Math.max(1, Math.floor(paths.length / 2))),
    Stream.runDrain,
    Effect.andThen(Runners.kill(victim)),
    Effect.andThen(Clock.currentTimeMillis),
    Effect.forkChild({ startImmediately: true })
  )
  const [duration, results] = yield* Effect.timed(
    pool.map(paths, Portable.bind(tasks.compress, quality), { progress: { label: "two runners", unit: "files" } })
  )
  const killedAt = yield* Fiber.join(killing)
  const loss = Loss.of(yield* Fiber.join(listening))
  if (loss === undefined) {
    const message = "no worker was lost while there was something to do: there were too few files"
    return yield* new Verification.VerificationFailed({ message })
  }
  yield* pool.stop
  return { duration, killedAt, loss, reports: yield* pool.exitResults, results }
})

/** Says what became of the workers of the runner that was killed. */
const story = (victim: Runners.Runner, killedAt: number, loss: Loss.Loss): string =>
  `Runner 2, process ${victim.pid} at ${victim.address}, was killed midway.\n` +
  `${Math.max(0, Math.round(loss.noticedAt - killedAt))} ms later that was noticed. Workers lost with it: ${loss.workers}. ` +
  `Files that they had in hand, and that were sent again, to runner 1: ${loss.sentAgain}.`

const toPass = (name: string, duration: Duration.Duration, results: ReadonlyArray<Compressed>): Report.Pass => ({
  name,
  remark: "",
  files: results.length,
  bytesIn: results.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
  bytesOut: results.reduce((sum, { output }) => sum + output.byteLength, 0),
  seconds: Duration.toSeconds(duration)
})

// #region driver
/** Workers on the runners at these addresses, such as "10.0.0.1:7433". */
const overRunners = (addresses: ReadonlyArray<string>, secretFile: string) =>
  ClusterRuntime.layer({
    members: Members.fromList(addresses),
    secret: { file: secretFile }
  })
// #endregion

export const job = Effect.fn("job")(function* (options: Options, tasks: Portable.Module<typeof Tasks>) {
  const { every, quality, slots } = options
  const sources = yield* SourceFiles.find(new URL(import.meta.resolve("effect/package.json")), every)
  const paths = sources.selected
  const secretFile = yield* Secret.make()
  const start = Runners.start(slots, secretFile)
  const [survivor, victim] = yield* Effect.all([start, start], { concurrency: 2 })
  yield* Console.log(
    `${paths.length} of the ${sources.total} source files of ${sources.name} ${sources.version}, brotli at quality ` +
      `${quality}, on runners with ${slots} workers each:\n` +
      `process ${survivor.pid} at ${survivor.address}, process ${victim.pid} at ${victim.address}\n`
  )
  const serial = yield* Effect.timed(
    Effect.forEach(paths, (path) =>
      // Ctrl-C is heard between two files
      Effect.andThen(
        Effect.yieldNow,
        Effect.sync(() => compressFile(quality, path))
      )
    )
  )
  const cluster = overRunners([survivor.address, victim.address], secretFile)
  const mapped = yield* mapAndKill(paths, quality, tasks, victim).pipe(Effect.scoped, Effect.provide(cluster))

  const { duration, killedAt, loss, reports, results } = mapped
  yield* Console.log(`${story(victim, killedAt, loss)}\n`)
  const passes = [toPass("serial, here", ...serial), toPass("two runners, later one", duration, results)]
  yield* Console.log(`${Report.passes(passes)}\n`)
  yield* Console.log(`The workers that lived to the end:\n\n${Report.workers(reports)}\n`)

  const fileSystem = yield* FileSystem.FileSystem
  for (const [index, path] of paths.entries()) {
    yield* Verification.output(path, yield* fileSystem.readFile(path), serial[1][index], results[index])
  }
  yield* Console.log("Verified: every output is the one made here, and decompresses to its file.")
}, Effect.scoped)

const between = (flag: Flag.Flag<number>, least: number, most: number) =>
  Flag.filter(
    flag,
    (n) => n >= least && n <= most,
    (n) => `Expected a number from ${least} to ${most}, got ${n}`
  )

const { BROTLI_MAX_QUALITY, BROTLI_MIN_QUALITY } = zlib.constants

const command = Command.make(
  "start:cluster",
  {
    every: between(Flag.Int("every"), 1, 100).pipe(
      Flag.withDescription("Compress every n-th file"),
      Flag.withDefault(3)
    ),
    quality: between(Flag.Int("quality"), BROTLI_MIN_QUALITY, BROTLI_MAX_QUALITY).pipe(
      Flag.withDescription("Brotli's quality"),
      Flag.withDefault(BROTLI_MAX_QUALITY)
    ),
    slots: between(Flag.Int("slots"), 1, 64).pipe(
      Flag.withDescription("How many workers each runner has"),
      Flag.withDefault(2)
    )
  },
  (options) => job(options, Portable.module<typeof Tasks>(new URL("../compress.tasks.ts", import.meta.url)))
).pipe(Command.withDescription("Compresses source files on two runners, of which one is killed midway"))

if (process.argv[1] === import.meta.filename) {
  command.pipe(
    Command.run({ version: "0.0.0" }),
    Effect.provide(ProgressBar.layer),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )
}
