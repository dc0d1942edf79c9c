import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Effect, Layer, Metric } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import type * as Tasks from "./task-metrics.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./task-metrics.tasks.ts", import.meta.url))

const orders = (count: number): ReadonlyArray<Tasks.Order> =>
  Array.makeBy(count, (n) => ({ goods: n % 3 === 0 ? "apples" : "pears", amount: n }))

/** Two shops share a pool; what each of them measures has its name. */
export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const shop = (name: string, count: number) =>
    pool.map(orders(count), tasks.handle).pipe(Effect.provideService(Metric.CurrentMetricAttributes, { shop: name }))
  yield* Effect.all([shop("North", 500), shop("South", 2000)], { concurrency: "unbounded" })
}).pipe(Effect.scoped)

/** What Prometheus scrapes. */
export const server = HttpRouter.serve(PrometheusMetrics.layerHttp({ path: "/metrics" }), { disableLogger: true })
// #endregion

if (process.argv[1] === import.meta.filename) {
  Layer.effectDiscard(program).pipe(
    Layer.provideMerge(server),
    Layer.provide([NodeWorkerRuntime.layerThreads(), NodeHttpServer.layer(createServer, { port: 9464 })]),
    Layer.launch,
    NodeRuntime.runMain
  )
}
