/**
 * `pnpm soak:leaks pools|binds|calls [--count n] [--runtime threads|processes]`: does one thing very often and says, as
 * JSON, what is left of it. What is more than it may be is an exit code of 1.
 */
import { Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import { gc, type Resources, resources, surplus } from "./resources.ts"
import * as runtimes from "./runtimes.ts"
import type { RuntimeName } from "./script.ts"

interface Report {
  readonly what: string
  readonly count: number
  readonly seconds: number
  readonly before: Resources
  readonly after: Resources
  readonly problems: ReadonlyArray<string>
  readonly [more: string]: unknown
}

const tasks = Portable.module<typeof import("./plain.tasks.ts")>(new URL("./plain.tasks.ts", import.meta.url))

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string" }, runtime: { type: "string", default: "threads" } }
})

const runtime = values.runtime as RuntimeName

/** How many of them there are first, which may leave something for ever: caches, arenas. */
const warm = (count: number) => Math.ceil(count / 20)

/** What is left after a while. */
const settled = async (before?: Resources): Promise<Resources> => {
  let after = resources()
  for (let wait = 0; wait < 100 && (before === undefined ? wait < 3 : surplus(before, after).length > 0); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    after = resources()
  }
  return after
}

const repeat = (count: number, one: (n: number) => Effect.Effect<unknown, unknown, WorkerRuntime.WorkerRuntime>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      for (let n = 0; n < count; n++) yield* one(n)
    }).pipe(Effect.provide(runtimes.layer(runtime)))
  )

/** Makes a pool, uses it once and closes it, again and again. */
const pools = async (count: number): Promise<Report> => {
  const one = (n: number) =>
    Effect.scoped(Effect.flatMap(WorkerPool.make({ size: 1 }), (pool) => pool.run(tasks.square, n)))
  return around("pools", count, (times) => repeat(times, one))
}

/** The same with threads alone. */
const bare = async (count: number): Promise<Report> =>
  around("bare", count, async (times) => {
    for (let n = 0; n < times; n++) {
      const worker = new Worker(new URL("./bare.ts", import.meta.url))
      worker.postMessage(n)
      await once(worker, "message")
      await worker.terminate()
    }
  })

const around = async (what: string, count: number, times: (count: number) => Promise<void>): Promise<Report> => {
  const started = performance.now()
  const warnings: Array<string> = []
  process.on("warning", (warning) => warnings.push(`a warning: ${warning.name}: ${warning.message}`))
  await times(warm(count))
  const before = await settled()
  await times(count)
  const after = await settled(before)
  const problems = [...surplus(before, after), ...warnings]
  return { what, count, seconds: Math.round((performance.now() - started) / 100) / 10, before, after, problems }
}

/** Many calls on one pool. */
const calls = (count: number): Promise<Report> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, timeout: "1 minute" })
      yield* pool.start
      const one = (n: number) =>
        n % 2 === 0
          ? Effect.asVoid(pool.run(tasks.square, n))
          : Effect.asVoid(pool.map([n, n + 1], tasks.square, { chunkSize: 1 }))
      return yield* Effect.promise(() =>
        around("calls", count, (times) =>
          Effect.runPromise(
            Effect.forEach(
              Array.from({ length: times }, (_, n) => n),
              one,
              { concurrency: 16, discard: true }
            )
          )
        )
      )
    }).pipe(Effect.scoped, Effect.provide(runtimes.layer(runtime)))
  )

/** By how much memory may differ, in megabytes. */
const flat = 20

/** Workers with small young generations. */
const small =
  runtime === "threads"
    ? NodeWorkerRuntime.layerThreads({ resourceLimits: { maxYoungGenerationSizeMb: 2 } })
    : runtimes.layer(runtime)

/** One use of each of many bound tasks; `bytes` are bound to each. */
const binds = (count: number, bytes: number): Promise<Report> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const size = 2
      const pool = yield* WorkerPool.make({ size, keepAlive: true })
      yield* pool.start
      const one = (n: number) =>
        Effect.suspend(() => pool.run(Portable.bind(tasks.lengthOf, new Uint8Array(bytes).fill(n)), n))
      const memory = Effect.gen(function* () {
        // collected first, told then, forgotten last
        for (let round = 0; round < 3; round++) {
          gc()
          yield* Effect.sleep(50)
          yield* pool.map([0, 1], tasks.nothing, { chunkSize: 1, dispatch: "ordered" })
        }
        const all = yield* pool.map([0, 1], tasks.memory, { chunkSize: 1, dispatch: "ordered" })
        const workers = all.reduce((sum, { external, heap }) => sum + heap + external, 0)
        return Math.round((workers / 2 ** 20) * 10) / 10
      })
      const times = (from: number, to: number) =>
        Effect.forEach(
          Array.from({ length: to - from }, (_, n) => from + n),
          one,
          { concurrency: 50, discard: true }
        )
      let workersBefore = 0
      const started = performance.now()
      // engines and allocators take what they will keep: most of it early, all of it by then
      const half = count / 2
      yield* times(0, half)
      workersBefore = yield* memory
      const before = resources()
      yield* times(half, count)
      const workersAfter = yield* memory
      const after = resources()
      const problems: Array<string> = []
      if (workersAfter > workersBefore + flat)
        problems.push(`the workers hold ${workersAfter} MB, ${workersBefore} MB before`)
      if (bytes < 1000 && after.rss > before.rss + flat)
        problems.push(`RSS is ${after.rss} MB, ${before.rss} MB before`)
      const seconds = Math.round((performance.now() - started) / 100) / 10
      return { what: "binds", count, seconds, before, after, workersBefore, workersAfter, problems }
    }).pipe(Effect.scoped, Effect.provide(small))
  )

/**
 * The same in a process of its own, so that memory can be compared: young generations that grow with the allocation rate
 * are no leak, and hide one.
 */
const child = (what: string, count: number): Report => {
  const args = ["--max-semi-space-size=1", import.meta.filename, what, "--count", String(count), "--runtime", runtime]
  const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  return JSON.parse(stdout.trim().split("\n").at(-1)!)
}

/** By how many megabytes RSS may grow more with pools than with bare threads. */
const dearer = 10

const compare = (count: number): Report => {
  const ours = child("only-pools", count)
  const theirs = child("bare", count)
  const grown = ({ after, before }: Report) => after.rss - before.rss
  const problems = [...ours.problems]
  if (grown(ours) > grown(theirs) + dearer)
    problems.push(`RSS has grown by ${grown(ours)} MB with pools, by ${grown(theirs)} MB with bare threads`)
  return { ...ours, problems, grown: grown(ours), bareGrown: grown(theirs), bare: theirs }
}

const run = async (): Promise<Report> => {
  const count = (normal: number) => Number(values.count ?? normal)
  switch (positionals[0]) {
    case "pools":
      return compare(count(1000))
    case "only-pools":
      return pools(count(1000))
    case "bare":
      return bare(count(1000))
    case "calls":
      return calls(count(10_000))
    case "binds":
      return child("only-binds", count(100_000))
    case "only-binds":
      return binds(count(100_000), 8)
    case "large-binds":
      return binds(count(5000), 100_000)
    default:
      throw new Error("usage: pnpm soak:leaks pools|bare|calls|binds|large-binds [--count n] [--runtime threads]")
  }
}

const report = await run()
console.log(JSON.stringify(report))
if (report.problems.length > 0) process.exitCode = 1
