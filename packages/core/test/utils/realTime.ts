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

/** As `heldClock`, with timers that end when a test lets so much time pass. */
export const heldTimers = () => {
  const clock = heldClock()
  const { setTimeout } = realTime.clock
  const timers = new Set<{ readonly timer: realTime.Timer; readonly due: number; readonly f: () => void }>()
  /** Those that have not been cancelled: Node says so of a timer of its own, which stands for each and never ends. */
  const waiting = () => [...timers].filter(({ timer }) => (timer as { _destroyed?: boolean })._destroyed !== true)
  beforeEach(() => {
    realTime.clock.setTimeout = (f, millis) => {
      const timer = setTimeout(() => {}, 2 ** 31 - 1)
      timers.add({ timer, due: clock.now + millis, f })
      return timer
    }
  })
  afterEach(() => {
    realTime.clock.setTimeout = setTimeout
    for (const { timer } of timers) realTime.cancel(timer)
    timers.clear()
  })
  return {
    clock,
    /** How many timers wait. */
    get waiting(): number {
      return waiting().length
    },
    /** Lets so many milliseconds pass, timer by timer. */
    pass: async (millis: number): Promise<void> => {
      const end = clock.now + millis
      for (;;) {
        const [next] = waiting().sort((left, right) => left.due - right.due)
        if (next === undefined || next.due > end) break
        clock.now = Math.max(clock.now, next.due)
        timers.delete(next)
        realTime.cancel(next.timer)
        next.f()
        await macrotask()
      }
      clock.now = end
    }
  }
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
