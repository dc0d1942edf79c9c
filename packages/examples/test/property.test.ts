import { WorkerRuntime } from "@effect-mpire/core"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Askers, Quotes } from "../src/quotes.ts"
import { Shop } from "../src/quotes.tasks.ts"

const layer = Quotes.layer.pipe(Layer.provide(WorkerRuntime.layerFibers()))

it.effect.prop(
  "the lowest price of the shops that answer in time, whatever they ask for",
  {
    shops: Schema.Array(Shop)
  },
  ({ shops }) =>
    Effect.gen(function* () {
      const quotes = yield* Quotes
      const fiber = yield* Effect.forkChild(quotes.lowest(shops))
      yield* TestClock.adjust("1 hour") // which takes no time
      const lowest = yield* Fiber.join(fiber)

      const prices = shops.filter((shop) => shop.millis <= 2000).map((shop) => shop.cents)
      assert.deepStrictEqual(Option.getOrUndefined(lowest), prices.length === 0 ? undefined : Math.min(...prices))

      // a minute after the last of them had something to do, the workers were released
      const { live } = yield* (yield* Askers).stats
      assert.strictEqual(live, 0)
    }).pipe(Effect.provide(layer))
)
