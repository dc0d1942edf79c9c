import * as Portable from "@effect-mpire/core/Portable"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A shop, what it asks for the thing, and how long it takes to say so. */
export const Shop = Schema.Struct({
  cents: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })),
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))
})

/** Stands for a slow request. */
export const ask = Portable.make(import.meta.url, "ask", (shop: typeof Shop.Type) =>
  Effect.as(Effect.sleep(shop.millis), shop.cents)
)
