/**
 * The options of pools and calls that have nothing to do with the types of tasks and hooks.
 */
import type * as Duration from "effect/Duration"

/**
 * What becomes of items that had started, and whose outcome had not been reported, when their worker vanished or was
 * killed. Items that had not started are sent to another worker in any case.
 *
 * **Details**
 *
 * - `"fail"`: they fail with `WorkerLost`. An item runs at most once.
 * - `{ retries: n }`: they are sent again. An item runs at least once. Only the item that was running is charged: it is
 *   sent again at most n times, alone, so that an item which ends its worker each time is found, and its neighbours
 *   complete; then it fails with `WorkerLost`.
 *
 * **Gotchas**
 *
 * Calls with a `timeout`, and those that give Exits, report each outcome before the next item starts; others report at
 * most once a millisecond, so with `"fail"` a loss can take some items that had ended with it. An input that was
 * transferred to the worker is gone with it: it is never sent again.
 *
 * @category options
 * @since 0.1.0
 */
export type OnWorkerLost = "fail" | { readonly retries: number }

/**
 * How the items of a call are sent and timed; also a pool's defaults.
 *
 * @category options
 * @since 0.1.0
 */
export interface DispatchOptions {
  /**
   * Items per chunk, an integer >= 1. Default: by measured time, see `Chunking.automatic`; with `dispatch: "ordered"` by the
   * number of items, see `Chunking.repeatable`.
   */
  readonly chunkSize?: number | undefined
  /** Number of chunks, an integer >= 1, in place of `chunkSize`. Needs items of a known length, or `length`. */
  readonly chunks?: number | undefined
  /** How many items there will be, an integer >= 0, where the items cannot tell; used for planning only. */
  readonly length?: number | undefined
  /**
   * How many items may be pulled from the source and not yet delivered, an integer >= 1. Default: two chunks per worker,
   * or twice `tasksPerWorker` items where that is more.
   */
  readonly maxActive?: number | undefined
  /** How many items a worker is given before it is replaced, an integer >= 1. Default: no limit. */
  readonly lifespan?: number | undefined
  /** How long an item may take from when it starts in the worker. Default: no limit. */
  readonly timeout?: Duration.Input | undefined
  /** How long `init` may take. Default: no limit. */
  readonly initTimeout?: Duration.Input | undefined
  /** How long `exit` may take. Default: 30 seconds. */
  readonly exitTimeout?: Duration.Input | undefined
  /** What becomes of items that had started when their worker was lost. Default: `"fail"`. */
  readonly onWorkerLost?: OnWorkerLost | undefined
  /**
   * Which worker gets a chunk: `"available"` (default) takes whichever is free, the most recently used first;
   * `"ordered"` takes the slots in turn, so that chunk i goes to slot i modulo size, and what a worker has is not
   * given to another.
   */
  readonly dispatch?: "available" | "ordered" | undefined
}

/**
 * What is fixed or defaulted for a whole pool.
 *
 * @category options
 * @since 0.1.0
 */
export interface PoolOptions extends DispatchOptions {
  /** Number of slots, an integer >= 1: at most as many live workers. Default: the platform's available parallelism. */
  readonly size?: number | undefined
  /** How many live workers idle time leaves, an integer >= 0. Default: 0. */
  readonly minSize?: number | undefined
  /**
   * Whether workers outlive a call: `false` (default) releases them when the last running map-family call ends; `true`
   * keeps them until the pool's scope closes; a duration keeps those that have not been idle for so long.
   */
  readonly keepAlive?: boolean | Duration.Input | undefined
  /** How many items of async tasks a worker runs at once, an integer >= 1. Default: 1. */
  readonly tasksPerWorker?: number | undefined
  /** How many `run`s may wait for a worker, an integer >= 1; one more fails with `Overloaded`. Default: no limit. */
  readonly maxPending?: number | undefined
  /**
   * How long an item that was interrupted, or whose time is over, may go on without yielding before its worker is killed:
   * synchronous code, or a Promise that ignores the `signal`. `"never"` waits for the item. Default: 1 second. Nothing
   * can be killed on fibers.
   */
  readonly killAfter?: Duration.Input | "never" | undefined
  /** How long a worker may take to start, and to load a module. Default: 30 seconds. */
  readonly startTimeout?: Duration.Input | undefined
}
