import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"

// #region program
import type * as Tasks from "./lifespan.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./lifespan.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({
    size: 2,
    lifespan: 25,
    init: tasks.openLeakyLibrary,
    exit: tasks.measureLeak
  })
  const shouted = yield* pool.map(
    Array.makeBy(100, (i) => `word ${i}`),
    tasks.shout
  )
  return { shouted: shouted.length, leaks: yield* pool.exitResults }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
