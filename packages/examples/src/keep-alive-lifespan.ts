import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"

// #region program
import type * as Tasks from "./keep-alive.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./keep-alive.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({
    size: 2,
    keepAlive: true,
    lifespan: 3,
    // one item after the other to the slots in turn, so that it is known who gets how many
    chunkSize: 1,
    dispatch: "ordered",
    init: tasks.init1,
    exit: tasks.exit1
  })
  // of five items worker 0 gets three: its lifespan is used up, and exit1 runs; worker 1 gets two, and lives on
  yield* pool.map(Array.range(0, 4), tasks.whoAmI)
  // worker 1 gets its third item: exit2 runs, which was never its own; worker 0's successor begins with init2
  yield* pool.map(Array.range(0, 1), tasks.whoAmI, { init: tasks.init2, exit: tasks.exit2 })
  yield* pool.stop
  return yield* pool.exitResults
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
