import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import type * as Tasks from "./worker-state.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./worker-state.tasks.ts", import.meta.url))

const verses = [
  "Row, row, row your boat",
  "Gently down the stream",
  "Merrily, merrily, merrily, merrily",
  "Life is but a dream"
]

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, init: tasks.makeCounts, exit: tasks.reportCounts })
  yield* pool.forEach(verses, tasks.countWords)
  // the call has released its workers: what their exit hooks returned is here, a Map from each
  const total = new Map<string, number>()
  for (const counts of yield* pool.exitResults) {
    for (const [word, count] of counts) total.set(word, (total.get(word) ?? 0) + count)
  }
  return total
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
