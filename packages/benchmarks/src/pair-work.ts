/** What one process of `pnpm bench:compare` measures, in milliseconds: medians of a few repetitions, as JSON. */
import { FiberPool, Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { sibling } from "./sibling.ts"
import { median } from "./statistics.ts"

// as in case-process.ts: no run pays for what the one before left behind
setFlagsFromString("--expose-gc")
setFlagsFromString("--no-flush-bytecode")
const collectGarbage: () => void = runInNewContext("gc")

const tasks = Portable.module<typeof import("./tasks/plain.tasks.ts")>(sibling(import.meta.url, "tasks/plain.tasks"))

const items = Array.from({ length: 200_000 }, (_, n) => n)

const measure = (warmUps: number, repetitions: number, work: Effect.Effect<unknown, unknown>): Effect.Effect<number> =>
  Effect.promise(async () => {
    const samples: Array<number> = []
    for (let n = 0; n < warmUps + repetitions; n++) {
      collectGarbage()
      const start = performance.now()
      await Effect.runPromise(work)
      samples.push(performance.now() - start)
    }
    return median(samples.slice(warmUps))
  })

const onThreads = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  yield* pool.start
  const runs = (count: number, concurrency: number | "unbounded") =>
    Effect.forEach(items.slice(0, count), (n) => pool.run(tasks.square, n), { concurrency, discard: true })
  return {
    "P1 map": yield* measure(4, 9, pool.map(items, tasks.square)),
    "P3 at once": yield* measure(4, 9, runs(10_000, "unbounded")),
    "P3 one at a time": yield* measure(2, 5, runs(2000, 1))
  }
}).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerThreads()))

const onFibers = Effect.gen(function* () {
  const pool = yield* FiberPool.make({ size: 8, keepAlive: true })
  const some = items.slice(0, 100_000)
  return {
    "P8 succeed": yield* measure(
      4,
      11,
      pool.map(some, (n) => Effect.succeed(n))
    ),
    "P8 yieldNow": yield* measure(
      2,
      7,
      pool.map(some, () => Effect.yieldNow)
    )
  }
}).pipe(Effect.scoped)

const work = Effect.gen(function* () {
  return { ...(yield* onThreads), ...(yield* onFibers) }
})

export type PairTimes = Effect.Success<typeof work>

console.log(JSON.stringify(await Effect.runPromise(work)))
