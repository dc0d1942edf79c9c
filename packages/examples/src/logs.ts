import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Effect, Logger } from "effect"
import type * as Tasks from "./logs.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./logs.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2 })
  return yield* pool.map(Array.range(1, 8), tasks.check).pipe(Effect.annotateLogs("batch", "november"))
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.provide([NodeWorkerRuntime.layerThreads(), Logger.layer([Logger.consoleLogFmt])]),
    NodeRuntime.runMain
  )
}
