/** Tasks whose module is loaded while a test holds the Clock. */
import * as Effect from "effect/Effect"
import { rate } from "./rate.ts"

/** Waits by the Clock. */
export const sleepy = (millis: number) => Effect.as(Effect.sleep(millis), millis)

/** Uses what a test may put another in the place of. */
export const rated = (n: number): number => n * rate
