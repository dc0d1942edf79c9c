import { Insights, Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { pbkdf2Sync } from "node:crypto"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { bare } from "../support.ts"

const compute = Portable.inline((millis: number): number => {
  const end = performance.now() + millis
  while (performance.now() < end);
  return millis
})

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["layerThreads", NodeWorkerRuntime.layerThreads(bare)],
  ["layerProcesses", NodeWorkerRuntime.layerProcesses(bare)]
]

const untilUsage = (
  pool: WorkerPool.WorkerPool<void, unknown, never>,
  isWanted: (usage: Insights.WorkerUsage) => boolean = ({ working }) => working > 0
): Effect.Effect<Insights.Insights> =>
  Effect.flatMap(pool.insights, (insights) =>
    insights.slots.some(({ usage }) => usage !== undefined && isWanted(usage))
      ? Effect.succeed(insights)
      : Effect.flatMap(Effect.sleep(100), () => untilUsage(pool, isWanted))
  )

describe.each(runtimes)("insights on NodeWorkerRuntime.%s", (name, runtime) => {
  const live = Effect.provide(runtime)

  it.live.skipIf(process.platform !== "linux" && name === "layerProcesses")(
    "O1 a worker that computes has its memory and CPU told all the same, by the platform",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        yield* pool.start
        const fiber = yield* Effect.forkChild(pool.run(compute, 30_000), { startImmediately: true })
        // while it computes, it has a CPU or waits for one; of a machine that stands still it has less for once
        const isActive = ({ active = Infinity, working }: Insights.WorkerUsage) =>
          working > 0 && active >= 0.5 * working
        const { slots } = yield* untilUsage(pool, isActive)
        const usage = slots[0]!.usage!
        assert.strictEqual(usage.generation, 1)
        assert.isAbove(usage.memory!, 1_000_000)
        assert.isBelow(usage.memory!, 2_000_000_000)
        assert.isAtMost(usage.cpu!, (slots[0]!.live + 1000) * 4)
        // it is asked for at most once a second
        const isSame = Effect.zipWith(
          pool.insights,
          pool.insights,
          (first, second) => first.slots[0]!.usage === second.slots[0]!.usage
        )
        // a second may pass in between where the machine stands still
        assert.include(yield* Effect.all([isSame, isSame, isSame]), true)
        yield* Fiber.interrupt(fiber)
      }).pipe(live)
  )

  it.live("O1 insights come although a worker is in native code that answers nothing", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: "never" })
      yield* pool.start
      const derive = Portable.inline((rounds: number): number => {
        const crypto = process.getBuiltinModule("node:crypto")
        return crypto.pbkdf2Sync("password", "salt", rounds, 64, "sha512").length
      })
      yield* pool.run(derive, 1)
      // some of these may take longer because something else had the processor
      const times = Array.from({ length: 5 }, () => {
        const before = performance.now()
        pbkdf2Sync("password", "salt", 10_000, 64, "sha512")
        return performance.now() - before
      })
      const rounds = Math.ceil((10_000 * 6000) / Math.min(...times))
      const fiber = yield* Effect.forkChild(pool.run(derive, rounds), { startImmediately: true })
      yield* Effect.sleep(100)
      const { total } = yield* pool.insights
      assert.isUndefined(fiber.pollUnsafe(), "it goes on")
      assert.deepInclude(total, { items: 1, workers: 1 })
      yield* Fiber.join(fiber)
    }).pipe(live)
  )

  it.live("O1 a source that is slower than the workers is what the advice is about", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      yield* pool.start
      const slow = Stream.fromIterable(Array.from({ length: 30 }, () => 1)).pipe(
        Stream.mapEffect((item) => Effect.as(Effect.sleep(100), item))
      )
      yield* pool.map(slow, compute)
      const insights = yield* pool.insights
      const tags = Insights.advice(insights).map(({ _tag }) => _tag)
      // starting workers can take as long where the machine is busy with other things
      if (insights.total.ratios.startUp < 0.2 && insights.thread!.utilization < 0.9) {
        assert.deepStrictEqual(tags, ["SourceSlow"], Insights.format(insights))
      }
      assert.isAtMost(insights.total.times.working, insights.total.live)
      assert.isAbove(insights.thread!.utilization, 0)
    }).pipe(live)
  )

  it.live("O1 a pool that was terminated can be read, and goes on", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      yield* pool.start
      const fiber = yield* Effect.forkChild(Effect.exit(pool.map([10_000, 10_000], compute)), {
        startImmediately: true
      })
      yield* Effect.sleep(300)
      yield* pool.terminate
      yield* Fiber.join(fiber)
      const { total } = yield* pool.insights
      assert.deepInclude(total, { items: 0, lost: 0, killed: 0, workers: 2 })
      assert.isAtMost(total.times.working, total.live)
      assert.strictEqual(yield* pool.run(compute, 1), 1)
      assert.deepInclude((yield* pool.insights).total, { items: 1, runs: 1, workers: 3 })
    }).pipe(live)
  )
})

const busy = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

const square = Portable.inline((n: number): number => n * n)

/** The advice for a pool, as it is told of it. */
const told = Effect.fnUntraced(function* (pool: WorkerPool.WorkerPool<void, unknown, never>) {
  const insights = yield* pool.insights
  return { text: Insights.format(insights), tags: Insights.advice(insights).map(({ _tag }) => _tag) }
})

// whatever else a busy machine has it say: workers that take long to start, and too few cores
describe("advice for contrived pools on threads", () => {
  const threads = Effect.provide(NodeWorkerRuntime.layerThreads(bare))

  it.live("O1 a consumer that keeps this thread busy", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const [started] = yield* Effect.timed(pool.start)
      // this thread waits while the workers start
      const length = Math.ceil(Math.max(4500, 16 * Duration.toMillis(started)) / 30)
      yield* pool
        .streamUnordered(
          Array.from({ length }, (_, n) => n),
          square
        )
        .pipe(Stream.runForEach(() => Effect.sync(() => busy(30))))
      const { tags, text } = yield* told(pool)
      assert.include(tags, "PoolThreadBusy", text)
    }).pipe(threads)
  )

  it.live("O1 chunks of one short item each", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      const { live } = (yield* pool.insights).total
      const numbers = Array.from({ length: 2000 }, (_, n) => n)
      // so long that the worker's start does not matter, nor that the machine is busy with other things now and then
      const calls = (more: number): Effect.Effect<Insights.Insights, unknown> =>
        Effect.flatMap(pool.insights, (insights) => {
          const isKnown = insights.total.times.waiting > 3 * live + 1000 && Insights.advice(insights).length > 0
          const isTold = isKnown && Insights.advice(insights).some(({ _tag }) => _tag === "ChunksShort")
          if (isTold || more === 0) return Effect.succeed(insights)
          return Effect.andThen(pool.forEach(numbers, square, { chunkSize: 1 }), () => calls(more - 1))
        })
      const insights = yield* calls(200)
      assert.include(
        Insights.advice(insights).map(({ _tag }) => _tag),
        "ChunksShort",
        Insights.format(insights)
      )
    }).pipe(threads)
  )

  it.live.skipIf(!("cpuUsage" in Worker.prototype))("O1 more workers that compute than cores", () =>
    Effect.gen(function* () {
      const size = Math.min(24, 3 * availableParallelism())
      const pool = yield* WorkerPool.make({ size, keepAlive: true })
      yield* pool.start
      yield* pool.map(
        Array.from({ length: 20 * size }, () => 50),
        compute
      )
      // asked when all have worked
      yield* Effect.sleep(1000)
      const { tags, text } = yield* told(pool)
      if (availableParallelism() <= 8) assert.include(tags, "CoresShort", text)
    }).pipe(threads)
  )

  it.live("O1 workers that vanish", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, onWorkerLost: { retries: 3 } })
      const exits = Portable.inline((n: number, worker: { readonly generation: number }): number => {
        if (n === 7 && worker.generation === 1) process.exit(3)
        return n
      })
      yield* pool.map(
        Array.from({ length: 40 }, (_, n) => n),
        exits
      )
      yield* Effect.sleep(1000)
      const { tags, text } = yield* told(pool)
      assert.include(tags, "WorkersLost", text)
    }).pipe(threads)
  )

  it.live("O1 workers that work are let be", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      const { live } = (yield* pool.insights).total
      yield* pool.map(
        Array.from({ length: 40 }, () => Math.ceil((6 * live + 1500) / 40)),
        compute
      )
      const insights = yield* pool.insights
      const tags = Insights.advice(insights).map(({ _tag }) => _tag)
      assert.deepStrictEqual(
        tags.filter((tag) => tag !== "CoresShort"),
        [],
        Insights.format(insights)
      )
    }).pipe(threads)
  )
})
