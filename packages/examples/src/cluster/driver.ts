/**
 * A driver that is deployed: it counts primes on runners that it knows by a list, `RUNNERS=10.0.0.1:7433,10.0.0.2:7433`, or by
 * a name, `RUNNERS_NAME=runner`, which has an address for each of them.
 */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { ProgressBar } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Config, Console, Effect, Layer, Number, Option } from "effect"
import type * as Tasks from "../first.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("../first.tasks.ts", import.meta.url))

// #region cluster
const byName = Config.all({
  name: Config.String("RUNNERS_NAME"),
  port: Config.Port("RUNNERS_PORT").pipe(Config.withDefault(7433))
})

const members = Effect.gen(function* () {
  const list = yield* Config.option(Config.String("RUNNERS"))
  return yield* Option.match(list, {
    onSome: (list) => Members.fromList(list.split(",")),
    onNone: () => Effect.flatMap(byName, Members.fromDns)
  })
})

const cluster = Layer.unwrap(
  Effect.gen(function* () {
    const file = yield* Config.String("SECRET_FILE")
    const deployment = yield* Config.option(Config.String("DEPLOYMENT"))
    return ClusterRuntime.layer({ members, secret: { file }, deployment: Option.getOrUndefined(deployment) })
  })
)
// #endregion

const ranges = Array.from({ length: 100 }, (_, i) => [i * 30_000, (i + 1) * 30_000] as const)

const program = Effect.gen(function* () {
  // as many workers as the runners have slots; a range that is lost with its runner is counted again
  const pool = yield* WorkerPool.make({ onWorkerLost: { retries: 2 } })
  const counts = yield* pool.map(ranges, tasks.countPrimes, { progress: { label: "Primes", unit: "ranges" } })
  yield* Console.log(`${Number.sumAll(counts)} primes below 3,000,000`)
}).pipe(Effect.scoped)

program.pipe(
  Effect.provide(cluster),
  Effect.provide(ProgressBar.layer),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
