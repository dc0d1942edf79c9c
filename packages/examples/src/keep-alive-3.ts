import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"

// #region program
import type * as Tasks from "./keep-alive.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./keep-alive.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 4, keepAlive: true, init: tasks.init1, exit: tasks.exit1 })
  yield* pool.map(Array.range(0, 99), tasks.whoAmI)
  // one warning says that the hooks change while workers live: init2 does not run, since nothing starts
  yield* pool.map(Array.range(0, 99), tasks.whoAmI, { init: tasks.init2, exit: tasks.exit2 })
  yield* pool.stop // exit2 runs here; at the end of the scope it would run just so
  return yield* pool.exitResults
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
