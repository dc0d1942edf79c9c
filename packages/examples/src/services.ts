import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"

// #region program
import type * as Tasks from "./services.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./services.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  // without the services this does not compile: nothing would provide the Db that priceOf requires
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, services: tasks.layerDb })
  const prices = yield* pool.map(["cheese", "apple", "bread"], tasks.priceOf)
  const unknown = yield* Effect.flip(pool.run(tasks.priceOf, "cake"))
  return { prices, unknown }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
