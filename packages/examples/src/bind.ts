import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Effect } from "effect"

// #region program
import type * as Tasks from "./bind.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./bind.tasks.ts", import.meta.url))

// some 10 MB
const dictionary = new Set(Array.makeBy(400_000, (i) => `a-rather-long-word-${i}`))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2 })
  const texts = Array.makeBy(10_000, (i) => `a-rather-long-word-${i} a-rather-long-word-${i * 100}`)
  // the dictionary crosses twice, once to each worker, and not 10,000 times
  const unknown = yield* pool.map(texts, Portable.bind(tasks.findUnknown, dictionary))
  return Array.flatten(unknown).length
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
