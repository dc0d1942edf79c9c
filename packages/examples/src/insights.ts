import { Insights, Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"
import type * as Tasks from "./insights.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./insights.tasks.ts", import.meta.url))

// sixty frames of a film; the explosion is in the last one
const frames = Array.makeBy(60, (n) => ({ name: `frame-${n}`, millis: n === 59 ? 1500 : 10 }))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ name: "film", size: 2, keepAlive: true })
  yield* pool.map(frames, tasks.render, { describe: (frame: Tasks.Frame) => frame.name })
  const insights = yield* pool.insights
  return { text: Insights.format(insights), advice: Insights.advice(insights) }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.flatMap(({ text }) => Console.log(text)),
    Effect.provide(NodeWorkerRuntime.layerThreads()),
    NodeRuntime.runMain
  )
}
