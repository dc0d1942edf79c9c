/**
 * What a task or hook sees of the worker that runs it.
 *
 * @since 0.1.0
 */

/**
 * What a task or hook sees of the worker that runs it: the last parameter of every task and of every hook that is a
 * function.
 *
 * **Details**
 *
 * `S` is the worker's state: what the pool's `init` returned; in `init` itself, `state` is `undefined`. A task that
 * does not use the state takes a plain `WorkerContext`, and runs on every pool.
 *
 * `signal` and `interrupted` tell a task that its result is unwanted: its call has failed or was interrupted, or its
 * time is over. A task that computes sees it too when it reads `interrupted` or `signal.aborted`, which costs some
 * nanoseconds on threads and about a microsecond on processes. A task that goes on for `killAfter` after that is ended
 * together with its worker.
 *
 * **Gotchas**
 *
 * On fibers they do not change while a synchronous task runs. Where a runtime's channel has no `control`, such a task
 * learns by them only that its time is over.
 *
 * @example
 * ```ts
 * import { FiberPool, type WorkerContext } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const where = (n: number, worker: WorkerContext.WorkerContext<{ readonly offset: number }>) =>
 *   Effect.succeed(`${n + worker.state.offset} in worker ${worker.id}, generation ${worker.generation}`)
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 1, init: Effect.succeed({ offset: 10 }) })
 *   return yield* pool.map([1, 2], where)
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => ["11 in worker 0, generation 1", "12 in worker 0, generation 1"]
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerContext<out S = unknown> {
  /** The slot that the worker lives in, 0 … size-1. */
  readonly id: number
  /** How many workers the slot has had, this one included: 1, 2, … */
  readonly generation: number
  /** What `init` returned. */
  readonly state: S
  /** Aborted when the item's result is unwanted; made on first use. */
  readonly signal: AbortSignal
  /** Whether the item's result is unwanted: a plain read, cheap enough to poll in a loop. */
  readonly interrupted: boolean
}
