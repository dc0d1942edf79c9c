import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Runs an Effect of the engine's own in a fiber, with the References of the pool's maker. */
export type Fork = (effect: Effect.Effect<void>) => Fiber.Fiber<void>
