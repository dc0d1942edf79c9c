/** Real time that passes only where a test lets it: a busy machine ends no slice, and no item's time. */
import { afterEach, beforeEach } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as realTime from "../../src/internal/task/realTime.ts"

/** What the library takes for real time in each test of the file, or of the group, that this is called in. */
export const heldClock = (): { now: number } => {
  const clock = { now: 0 }
  const { now } = realTime.clock
  beforeEach(() => {
    clock.now = 1000
    realTime.clock.now = () => clock.now
  })
  afterEach(() => {
    realTime.clock.now = now
  })
  return clock
}

/** Real time is never up while an Effect runs, however long a busy machine takes for it. */
export const withoutTimers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const { setTimeout } = realTime.clock
      realTime.clock.setTimeout = () => undefined
      return setTimeout
    }),
    () => effect,
    (setTimeout) =>
      Effect.sync(() => {
        realTime.clock.setTimeout = setTimeout
      })
  )

export const macrotask = () => new Promise<void>((resolve) => realTime.defer(resolve))
