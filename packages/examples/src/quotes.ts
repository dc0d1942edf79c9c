import { WorkerPool, type WorkerPoolError } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Array, Console, Context, Effect, Exit, Layer, Option, Order } from "effect"
import { ask, type Shop } from "./quotes.tasks.ts"

// #region program
export class Askers extends WorkerPool.Service<Askers>()("app/Askers", {
  size: 3,
  keepAlive: "1 minute",
  timeout: "2 seconds"
}) {}

/** Finds the lowest price; shops that take longer than two seconds are left out. */
export class Quotes extends Context.Service<
  Quotes,
  {
    readonly lowest: (
      shops: ReadonlyArray<typeof Shop.Type>
    ) => Effect.Effect<Option.Option<number>, WorkerPoolError.WorkerPoolError>
  }
>()("app/Quotes") {
  static readonly layerNoDeps = Layer.effect(
    Quotes,
    Effect.gen(function* () {
      const askers = yield* Askers
      const lowest = Effect.fn("Quotes.lowest")(function* (shops: ReadonlyArray<typeof Shop.Type>) {
        const exits = yield* askers.mapExit(shops, ask)
        const prices = exits.filter(Exit.isSuccess).map((exit) => exit.value)
        return Array.isReadonlyArrayNonEmpty(prices) ? Option.some(Array.min(prices, Order.Number)) : Option.none()
      })
      return Quotes.of({ lowest })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provideMerge(Askers.layer))
}

export const program = Effect.gen(function* () {
  const quotes = yield* Quotes
  return yield* quotes.lowest([
    { cents: 120, millis: 10 },
    { cents: 99, millis: 20 },
    { cents: 1, millis: 4000 }
  ])
})
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(
    Effect.flatMap(Console.log),
    Effect.provide(Quotes.layer.pipe(Layer.provide(NodeWorkerRuntime.layerThreads()))),
    NodeRuntime.runMain
  )
}
