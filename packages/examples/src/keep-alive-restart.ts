import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"

// #region program
import type * as Tasks from "./keep-alive-restart.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./keep-alive-restart.tasks.ts", import.meta.url))

const prices = [
  { amount: 10, currency: "USD" },
  { amount: 1000, currency: "JPY" }
]

export const program = Effect.gen(function* () {
  const monday = Portable.bind(tasks.useRates, { USD: 0.5, JPY: 0.01 })
  const tuesday = Portable.bind(tasks.useRates, { USD: 1, JPY: 0.02 })

  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, init: monday })
  const before = yield* pool.map(prices, tasks.toEuros)
  // the workers are alive, so nothing runs the new init: they go on with Monday's rates, and a warning says so
  const stale = yield* pool.map(prices, tasks.toEuros, { init: tuesday })
  yield* pool.restart
  const after = yield* pool.map(prices, tasks.toEuros, { init: tuesday })
  return { before, stale, after }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
