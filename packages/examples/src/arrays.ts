import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import type * as Tasks from "./arrays.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./arrays.tasks.ts", import.meta.url))

// a minute of sound in shared memory: threads work on this memory itself
const samples = new Float64Array(new SharedArrayBuffer(8 * 60 * 44_100))
for (let i = 0; i < samples.length; i++) samples[i] = 0.25 * Math.sin(i / 16)

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const peaks = yield* pool.mapArray(samples, tasks.loudest)
  // the result is in shared memory as well, so that nothing is copied on its way to the next call
  const louder = yield* pool.mapArray(samples, Portable.bind(tasks.amplify, 1 / Math.max(...peaks)))
  const sound = yield* pool.mapArray(louder, tasks.toPcm)
  return { samples: sound.length, loudest: sound.reduce((loudest, x) => Math.max(loudest, x), 0) }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
