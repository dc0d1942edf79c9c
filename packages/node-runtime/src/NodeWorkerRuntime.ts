/**
 * Where the workers of a `WorkerPool` live on Node.js: in worker threads.
 *
 * @since 0.1.0
 */
import * as WorkerRuntime from "@effect-mpire/core/WorkerRuntime"
import type * as Layer from "effect/Layer"
import type { ResourceLimits, SHARE_ENV } from "node:worker_threads"
import * as threads from "./internal/threads.ts"

/**
 * Options of worker threads; all but `compileCache` and `entry` go to `new Worker` as they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface ThreadOptions {
  /** Limits of a thread's JavaScript engine, such as `{ maxOldGenerationSizeMb: 512 }`. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** The threads' `process.env`, or `SHARE_ENV` of `node:worker_threads`. Default: a copy of this thread's. */
  readonly env?: NodeJS.Dict<string> | typeof SHARE_ENV | undefined
  /** Node's own options for the threads. Default: those of this process. */
  readonly execArgv?: ReadonlyArray<string> | undefined
  /** What the threads are called in debuggers and profiles. Default: `"effect-mpire"` and their worker's id. */
  readonly name?: string | undefined
  /** Whether threads use Node's on-disk cache of compiled modules, with which they start faster. Default: true. */
  readonly compileCache?: boolean | undefined
  /**
   * The module that a thread runs. Default: `@effect-mpire/node-runtime/entry`, found beside this module or, from within
   * a bundle, through the bundle's own `node_modules`. Set it when neither can be: bundle that module as well.
   */
  readonly entry?: URL | undefined
}

/**
 * Workers in threads of this process (`node:worker_threads`).
 *
 * **When to use**
 *
 * Use for work that computes. Threads start in milliseconds, share memory (`SharedArrayBuffer`) and move buffers.
 *
 * **Details**
 *
 * TypeScript task modules run as they are: Node strips their types. What workers write to stdout and stderr reaches this
 * process's. A worker's timeouts are in real time, even under `TestClock`.
 *
 * **Gotchas**
 *
 * A thread that exhausts its memory in one go, or runs into a native abort, takes the whole process with it.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool } from "@effect-mpire/core"
 * import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2 })
 *   return yield* pool.map([1, 2, 3], Portable.inline((n: number) => n * n))
 * }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerThreads()))
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerThreads = (options?: ThreadOptions): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "threads",
    open: (worker, controls) => threads.open(worker, controls, options ?? {})
  })
