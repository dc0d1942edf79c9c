import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer } from "effect"
import type * as Tasks from "./first.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./first.tasks.ts", import.meta.url))

class Primes extends WorkerPool.Service<Primes>()("app/Primes", { keepAlive: true }) {}

const program = Effect.gen(function* () {
  const pool = yield* Primes
  const ranges = Array.from({ length: 100 }, (_, i) => [i * 30_000, (i + 1) * 30_000] as const)
  const [time, counts] = yield* Effect.timed(pool.map(ranges, tasks.countPrimes))
  const primes = counts.reduce((sum, count) => sum + count)
  yield* Console.log(`${primes} primes below 3,000,000 in ${Duration.toSeconds(time).toFixed(1)} s`)
})

const layer = Primes.layer.pipe(Layer.provide(NodeWorkerRuntime.layerThreads()))

program.pipe(Effect.provide(layer), NodeRuntime.runMain)
