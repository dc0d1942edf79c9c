import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import type * as Tasks from "./insights.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./insights.tasks.ts", import.meta.url))

/** A pool that the whole app shares: its metrics are called after it. */
class Film extends WorkerPool.Service<Film>()("app/Film", { size: 2, keepAlive: true }) {}

/** Renders a scene of so many frames. */
export const scene = Effect.fn("scene")(function* (length: number) {
  const film = yield* Film
  return yield* film.map(
    Array.makeBy(length, (n) => ({ name: `frame-${n}`, millis: 5 })),
    tasks.render
  )
})

/** What Prometheus scrapes. */
export const metrics = HttpRouter.serve(PrometheusMetrics.layerHttp({ path: "/metrics" }), { disableLogger: true })

export const app = Layer.mergeAll(Film.layer, metrics)
// #endregion

if (process.argv[1] === import.meta.filename) {
  Layer.effectDiscard(Effect.forever(Effect.delay(scene(60), "1 second"))).pipe(
    Layer.provideMerge(app),
    Layer.provide([NodeWorkerRuntime.layerThreads(), NodeHttpServer.layer(createServer, { port: 9464 })]),
    Layer.launch,
    NodeRuntime.runMain
  )
}
