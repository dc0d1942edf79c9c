/** What holds after every accident: who waits is told soon, and the pool goes on. */
import * as Effect from "effect/Effect"
import type { Stats } from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import * as assert from "./assert.ts"
import { plain } from "./case.ts"

/** Within so many milliseconds whoever waits is told, on a busy machine as well. */
const soon = 2000

/** How long what does not yield is given, in milliseconds: long enough for what does. */
export const patience = 150

/** How long a worker may take to start, and a module to load, in milliseconds: long enough on a busy machine. */
export const startLimit = 1000

/** Sees to it that an Effect is done soon. */
export const promptly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(effect, {
    duration: soon,
    orElse: () => Effect.fail(assert.failed(`not settled after ${soon} milliseconds`))
  })

/** A pool of whatever state and services. */
export interface AnyPool {
  readonly run: (task: typeof plain.square, input: number) => Effect.Effect<number, WorkerPoolError>
  readonly stats: Effect.Effect<Stats>
}

/** Sees to it that nothing waits in a pool. */
export const settled = (pool: AnyPool) =>
  promptly(assert.eventually(Effect.map(pool.stats, ({ busy, calls, pending }) => busy + calls + pending === 0)))

/** Sees to it that a pool answers a plain call, and that nothing waits in it. */
export const usable = Effect.fnUntraced(function* (pool: AnyPool) {
  yield* assert.equal(yield* promptly(pool.run(plain.square, 3)), 9, "a plain call")
  yield* settled(pool)
})
