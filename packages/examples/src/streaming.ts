import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Ref, Stream } from "effect"
import type * as Tasks from "./streaming.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./streaming.tasks.ts", import.meta.url))

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, maxActive: 8 })
  const pulled = yield* Ref.make(0)
  // a source without an end; of its numbers at most eight are on their way at any time
  const numbers = Stream.iterate(1_000_000_000_001, (n) => n + 2).pipe(
    Stream.tap(() => Ref.update(pulled, (count) => count + 1))
  )
  const primes = yield* pool.stream(numbers, tasks.checkPrime).pipe(
    Stream.filter(({ isPrime }) => isPrime),
    Stream.map(({ n }) => n),
    Stream.take(5),
    Stream.runCollect
  )
  return { primes, pulled: yield* Ref.get(pulled) }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
