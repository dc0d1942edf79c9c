import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"

// #region program
import type * as Tasks from "./keep-alive.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./keep-alive.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 4 })
  const first = yield* pool.map(Array.range(0, 99), tasks.whoAmI)
  const second = yield* pool.map(Array.range(0, 99), tasks.whoAmI) // workers are restarted
  yield* pool.setKeepAlive(true) // from the end of the next call
  const third = yield* pool.map(Array.range(0, 99), tasks.whoAmI) // workers are started once more, and kept
  const fourth = yield* pool.map(Array.range(0, 99), tasks.whoAmI) // workers are reused here
  return Array.map([first, second, third, fourth], Array.dedupe)
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
