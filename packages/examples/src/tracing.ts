import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Otlp from "effect/observability/Otlp"
import type * as Tasks from "./tracing.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./tracing.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ name: "pictures", size: 2 })
  return yield* pool.map(["a.png", "b.png", "c.png"], tasks.resize, { trace: "items" })
}).pipe(Effect.withSpan("album"), Effect.scoped)

/** Sends spans and logs to an OpenTelemetry collector. */
export const telemetry = (baseUrl: string) =>
  Layer.provide(Otlp.layerJson({ baseUrl, resource: { serviceName: "album" } }), FetchHttpClient.layer)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.provide([NodeWorkerRuntime.layerThreads(), telemetry("http://localhost:4318")]),
    NodeRuntime.runMain
  )
}
