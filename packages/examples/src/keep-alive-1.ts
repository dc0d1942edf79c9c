import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"
import type * as Tasks from "./keep-alive.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./keep-alive.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 4, keepAlive: true })
  const first = yield* pool.map(Array.range(0, 99), tasks.whoAmI)
  const second = yield* pool.map(Array.range(0, 99), tasks.whoAmI) // workers are reused here
  return { first: Array.dedupe(first), second: Array.dedupe(second) }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
