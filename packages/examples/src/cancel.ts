import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import type * as Tasks from "./cancel.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./cancel.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, init: tasks.makeState, exit: tasks.reportCancelled })
  yield* pool.start
  // the first to answer wins; the other call is interrupted, and so is its item in the worker
  const winner = yield* Effect.race(pool.run(tasks.poll, 60_000), pool.run(tasks.poll, 1000))
  // the workers are well, and end as always
  yield* pool.stop
  return { winner, cancelled: yield* pool.exitResults }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
