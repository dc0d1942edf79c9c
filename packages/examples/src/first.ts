import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime, ProgressBar } from "@effect-mpire/node-runtime"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import type * as Tasks from "./first.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./first.tasks.ts", import.meta.url))

class Primes extends WorkerPool.Service<Primes>()("app/Primes", { keepAlive: true }) {}

const program = Effect.gen(function* () {
  const pool = yield* Primes
  const ranges = Array.from({ length: 100 }, (_, i) => [i * 30_000, (i + 1) * 30_000] as const)
  const counts = yield* pool.map(ranges, tasks.countPrimes, { progress: { label: "Primes", unit: "ranges" } })
  yield* Console.log(`${counts.reduce((sum, count) => sum + count)} primes below 3,000,000`)
})

const layer = Primes.layer.pipe(Layer.provide(NodeWorkerRuntime.layerThreads()))

program.pipe(Effect.provide([layer, ProgressBar.layer]), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
