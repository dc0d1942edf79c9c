/**
 * How a pool waits with what it does next: by the Clock where its workers are fibers, which live by the Clock too, and
 * else in real time, as its workers do, whatever Clock it has (T3). A pool of threads under `TestClock` would otherwise
 * wait for a test that waits for it.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Fork } from "../common/fork.ts"
import type { Later } from "../common/later.ts"
import type { Turn } from "../common/turn.ts"
import * as realTime from "../task/realTime.ts"

export const byClock =
  (fork: Fork, turn: Turn): Later =>
  (millis, step) => {
    const fiber = fork(Effect.map(Effect.sleep(millis), () => turn.take(step)))
    return () => fiber.interruptUnsafe()
  }

export const inRealTime =
  (turn: Turn): Later =>
  (millis, step) => {
    const timer = realTime.after(millis, () => turn.take(step))
    return () => realTime.cancel(timer)
  }

/** What the Clock says, in milliseconds; never goes back. */
export const byMonotonicClock =
  (clock: Clock.Clock): (() => number) =>
  () =>
    Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
