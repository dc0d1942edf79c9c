import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"

// #region program
// the source text of this function is what crosses, so it may use nothing from around it
const fibonacci = Portable.inline(function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2)
})

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2 })
  return yield* pool.map([25, 26, 27, 28], fibonacci)
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
