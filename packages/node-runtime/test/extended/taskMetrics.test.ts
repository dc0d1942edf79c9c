/** Many metrics of tasks on real workers: every count and sum, over HTTP too, and that nothing is kept of calls. */
import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Layer, Metric } from "effect"
import { HttpClient, HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { handle } from "../fixtures/metrics.tasks.ts"
import { bare } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/metrics.tasks.ts")>(
  new URL("../fixtures/metrics.tasks.ts", import.meta.url)
)

const nested = Portable.module<typeof import("../fixtures/nested.tasks.ts")>(
  new URL("../fixtures/nested.tasks.ts", import.meta.url)
)

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["NodeWorkerRuntime.layerThreads", NodeWorkerRuntime.layerThreads(bare)],
  ["NodeWorkerRuntime.layerProcesses", NodeWorkerRuntime.layerProcesses(bare)],
  ["WorkerRuntime.layerFibers", WorkerRuntime.layerFibers()]
]

const newRegistry = Effect.provideServiceEffect(
  Metric.MetricRegistry,
  Effect.sync((): Metric.MetricRegistry => new Map())
)

/** What Prometheus reads over HTTP, its lines sorted. */
const scraped = HttpClient.get("/metrics").pipe(
  Effect.flatMap(({ text }) => text),
  Effect.map((text) => text.split("\n").toSorted())
)

const server = HttpRouter.serve(PrometheusMetrics.layerHttp(), { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest)
)

const items = Array.range(0, 4999)

describe.each(runtimes)("metrics of tasks on %s", (_, runtime) => {
  it.live(
    "O3 every count and sum of 5,000 items is exact, and Prometheus reads over HTTP what it would of the caller",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, tasksPerWorker: 4 })
        const lines = (program: Effect.Effect<unknown, unknown>) =>
          newRegistry(Effect.provide(Effect.andThen(program, scraped), server))
        const found = yield* lines(pool.map(items, tasks.handle))
        const expected = yield* lines(Effect.forEach(items, handle, { discard: true }))
        assert.deepStrictEqual(found, expected)
        for (const line of [
          "orders_total 5000",
          "order_bytes 12497500",
          "order_sizes_sum 12497500",
          "orders_in_flight 0"
        ]) {
          assert.include(found, line)
        }
      }).pipe(Effect.scoped, Effect.provide(runtime))
  )

  it.live("O3 1,000 calls of as many callers leave in a worker nothing but its series", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const call = (n: number) =>
        newRegistry(
          Effect.gen(function* () {
            yield* pool.map([n, n + 1], tasks.handle)
            assert.strictEqual((yield* Metric.snapshot).length, 6)
          })
        )
      const calls = (from: number, count: number) =>
        Effect.forEach(Array.range(from, from + count - 1), call, { concurrency: 10, discard: true })
      yield* newRegistry(pool.run(tasks.askHeld, 0))
      yield* calls(0, 300)
      const before = yield* newRegistry(pool.run(tasks.askHeld, 0))
      yield* calls(300, 1000)
      const after = yield* newRegistry(pool.run(tasks.askHeld, 0))
      // on fibers the worker's series are the caller's
      assert.strictEqual(after.series, before.series)
      const grown = after.heap - before.heap
      assert.isBelow(grown, 1_000_000, `bytes after ${before.heap}`)
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )
})

describe("metrics of nested pools", () => {
  it.live("O3 what is measured in a task's own pool is in the registry of the task's caller", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const counted = (kind: "fibers" | "threads") =>
        Effect.andThen(pool.run(nested.measureBelow, kind), Metric.snapshot).pipe(
          Effect.map((snapshot) => snapshot.find(({ id }) => id === "orders_total")?.state),
          Effect.provideService(Metric.MetricRegistry, new Map())
        )
      const found = yield* Effect.all([counted("fibers"), counted("threads")], { concurrency: 2 })
      assert.deepStrictEqual(found, [
        { count: 3, incremental: true },
        { count: 3, incremental: true }
      ])
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
  )
})
