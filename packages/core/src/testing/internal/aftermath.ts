/** What holds after every accident: callers that wait get an outcome soon, and the pool goes on. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import * as assert from "./assert.ts"
import { plain } from "./case.ts"

/** A `killAfter` for cases in which something does not yield, in milliseconds. */
export const patience = 150

/** Starts a worker, gives it an item, and releases it: what the machine takes for that tells how busy it is. */
const control = Effect.scoped(Effect.flatMap(WorkerPool.make({ size: 1 }), (pool) => pool.run(plain.square, 3)))

/** How long an Effect takes, in milliseconds, but at least 100: a unit for limits that also hold on a busy machine. */
export const pace = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.map(Effect.timed(effect), ([took]) => Math.max(100, Duration.toMillis(took)))

/**
 * How long a worker may take to start, and a module to load, in milliseconds: twenty times as long as it takes to start a
 * worker that gives a result, which a machine that gets busy just then does not exceed. The best of three, since cases wait for
 * as long: one may have met a machine that stood still.
 */
export const startLimit = Effect.map(
  Effect.all([pace(control), pace(control), pace(control)]),
  (all) => 20 * Math.min(...all)
)

/** How long `within` waits for its own workers, in milliseconds: in a runtime that hangs they do not end either. */
const hung = 30_000

/**
 * Fails when `effect` has not ended after `millis` milliseconds and the lives of `workers` other workers, which are
 * then started, used and released one by one: on a busy machine these take longer, too.
 */
export const within = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit: { readonly millis: number; readonly workers: number }
): Effect.Effect<A, E | assert.AssertionFailed | WorkerPoolError, R | WorkerRuntime> => {
  const { millis, workers } = limit
  const lives = Effect.timeoutOption(Effect.replicateEffect(control, workers, { discard: true }), hung)
  const late = Effect.delay(lives, millis)
  const what = `not done after ${millis} milliseconds and the lives of ${workers} other workers`
  return Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
    Effect.raceFirst(Fiber.join(fiber), Effect.andThen(late, Effect.fail(assert.failed(what)))).pipe(
      // nobody waits for it: what hangs may not be interruptible either
      Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
    )
  )
}

/**
 * Fails when an Effect is not done soon, or soon `after` so many milliseconds, for which it has to wait. On fibers, the lives
 * of workers do not tell how busy another process is that a test runner loads modules by.
 */
export const promptly = <A, E, R>(effect: Effect.Effect<A, E, R>, after = 0) =>
  within(effect, { millis: 5000 + after, workers: 20 })

/** What is used here of a pool, whatever its state and services. */
export interface AnyPool {
  readonly run: (task: typeof plain.square, input: number) => Effect.Effect<number, WorkerPoolError>
  readonly stats: Effect.Effect<WorkerPool.Stats>
}

/** Checks that soon nothing runs or waits in a pool. */
export const settled = (pool: AnyPool) =>
  promptly(assert.eventually(Effect.map(pool.stats, ({ busy, calls, pending }) => busy + calls + pending === 0)))

/** Checks that a pool answers a plain call, and that nothing runs or waits in it. */
export const usable = Effect.fnUntraced(function* (pool: AnyPool) {
  yield* assert.equal(yield* promptly(pool.run(plain.square, 3)), 9, "a plain call")
  yield* settled(pool)
})
