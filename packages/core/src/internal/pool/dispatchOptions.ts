/**
 * Options of pools and calls, all but the hooks: they have no type parameters, so that every part of the engine can
 * read them.
 */
import type * as Duration from "effect/Duration"
import type { Describe } from "../common/printed.ts"
import type * as callProgress from "../progress/callProgress.ts"

/**
 * What becomes of items that had started, and whose outcome had not been reported, when their worker vanished or was
 * killed. Items that had not started are sent to another worker in any case.
 *
 * **Details**
 *
 * - `"fail"`: they fail with `WorkerLost`. An item runs at most once.
 * - `{ retries: n }`: they are sent again. An item runs at least once. Only the item that was running is charged with
 *   the loss: it is sent again at most n times, alone, and then fails with `WorkerLost`. So an item that ends its
 *   worker each time is found, and its neighbours complete. n is an integer >= 0.
 *
 * **Gotchas**
 *
 * Calls with a `timeout`, and those that give Exits, report each outcome before the next item starts. Others report now
 * and then, so with `"fail"` a loss can take some items with it that had ended. An input that was transferred to the
 * worker is gone with the worker: it is never sent again.
 *
 * @see `WorkerPoolError.WorkerLost` for the failure
 *
 * @category options
 * @since 0.1.0
 */
export type OnWorkerLost = "fail" | { readonly retries: number }

/**
 * How the items of a call are sent and timed. As options of a pool they are the defaults of its calls.
 *
 * @see {@link PoolOptions} for what concerns a whole pool
 *
 * @category options
 * @since 0.1.0
 */
export interface DispatchOptions {
  /**
   * Items per chunk, which is what a worker gets in one message: an integer >= 1.
   *
   * Default: as many as take about 50 milliseconds by what has been measured of the call's task; a single item at
   * first, fewer toward the end of a known length, and never more than 2,048. With `dispatch: "ordered"` lengths
   * depend on the number of items alone, so that they are the same each time: about 64 chunks per worker, fewer items
   * toward the end.
   */
  readonly chunkSize?: number | undefined
  /**
   * Number of chunks, an integer >= 1, in place of `chunkSize`. It needs to be known how many items there are: for an
   * iterable without `length` or `size`, and for a Stream, give the option `length`.
   */
  readonly chunks?: number | undefined
  /** How many items there will be, an integer >= 0, where they cannot tell; used to plan chunks only. */
  readonly length?: number | undefined
  /**
   * How many items may have been pulled from the source without their results having been delivered, an integer >= 1.
   * Default: two chunks per worker, or twice `tasksPerWorker` items per worker where that is more; and, where messages are
   * long on their way, what a worker does in two round trips.
   */
  readonly maxActive?: number | undefined
  /** How many items a worker is given before it is replaced, an integer >= 1. Default: no limit. */
  readonly lifespan?: number | undefined
  /**
   * How long an item may take from when it starts in the worker, in milliseconds or as a Duration; then it fails with
   * `TaskTimedOut`. Default: no limit.
   *
   * @see {@link PoolOptions.killAfter} for items that do not yield
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * How long `init` may take, in milliseconds or as a Duration; then the calls that wait for the worker fail with
   * `InitTimedOut`. Default: no limit.
   */
  readonly initTimeout?: Duration.Input | undefined
  /**
   * How long `exit` may take, in milliseconds or as a Duration; then what caused the release fails with `ExitTimedOut`.
   * Default: 30 seconds.
   */
  readonly exitTimeout?: Duration.Input | undefined
  /** What becomes of items that had started when their worker was lost. Default: `"fail"`. */
  readonly onWorkerLost?: OnWorkerLost | undefined
  /**
   * Which worker gets a chunk. `"available"` (default): whichever is free, the most recently used first. `"ordered"`:
   * the slots in turn, so that chunk i goes to slot i modulo `size`, and no items move from one worker to another.
   */
  readonly dispatch?: "available" | "ordered" | undefined
  /**
   * How items are shown to people, as `insights` does with those that took longest and `events` with those that failed: a function of the item, or `false` to
   * show their indices alone. An item for which the function throws is shown by its index. Default: the item in at most 120
   * characters, without calling its getters; what is `Redacted` stays so.
   */
  readonly describe?: Describe | undefined
  /**
   * Reports how far a call has come to the `Progress` service, which draws a bar for it, say: a label, or
   * `{ label, unit, weight }`. As an option of a pool it is for all calls but `run`s. Default: it does not report.
   *
   * @see `Progress.ProgressOptions` for what unit and weight are
   */
  readonly progress?: callProgress.ProgressOptions | undefined
  /**
   * Which spans of the pool's own a call has: `"calls"` (default) is one for the call and one for each chunk; `"items"` is
   * one for each item too; `false` is none, so that the spans of tasks are children of the caller's. Where the caller's
   * tracer is the default one, which shows its spans to nobody, there are none.
   */
  readonly trace?: "calls" | "items" | false | undefined
}

/**
 * Options of a pool, all but its hooks and services.
 *
 * @see {@link DispatchOptions} for the defaults of its calls
 *
 * @category options
 * @since 0.1.0
 */
export interface PoolOptions extends DispatchOptions {
  /**
   * The pool's name, which tags its events, metrics, insights and errors. Default: that of `WorkerPool.Service`, or `pool-1`,
   * `pool-2`, … in the order in which pools without a name are made in this process.
   */
  readonly name?: string | undefined
  /**
   * Number of slots, an integer >= 1: at most as many live workers. Default: the platform's available parallelism.
   *
   * @see `setSize` for changing it
   */
  readonly size?: number | undefined
  /** How many live workers are kept however long they have been idle, an integer >= 0. Default: 0. */
  readonly minSize?: number | undefined
  /**
   * Whether workers outlive a call: `false` (default) releases them when the last running map-family call ends; `true`
   * keeps them until the pool's Scope closes; a duration releases workers that have been idle for that long.
   *
   * @see `setKeepAlive` for changing it
   * @see {@link PoolOptions.minSize} for how many are kept however long they are idle
   */
  readonly keepAlive?: boolean | Duration.Input | undefined
  /** How many items of async tasks a worker runs at once, an integer >= 1. Default: 1. */
  readonly tasksPerWorker?: number | undefined
  /** How many `run`s may wait for a worker, an integer >= 1; another one fails with `Overloaded`. Default: no limit. */
  readonly maxPending?: number | undefined
  /**
   * How long an item that was interrupted or timed out may go on before its worker is killed, in milliseconds or as a
   * Duration: synchronous code, or a Promise that ignores the `signal`, does not end when it is interrupted. `"never"`
   * waits for the item. Default: 1 second. On fibers the item is given up: see `WorkerRuntime.layerFibers`.
   */
  readonly killAfter?: Duration.Input | "never" | undefined
  /**
   * How long a worker may take to start, and to load a module, in milliseconds or as a Duration; then the calls that
   * wait for it fail with `StartFailed`. Default: 30 seconds.
   */
  readonly startTimeout?: Duration.Input | undefined
}
