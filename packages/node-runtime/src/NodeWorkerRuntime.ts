/**
 * The runtimes of a `WorkerPool` on Node.js: workers in threads, or in child processes.
 *
 * @since 0.1.0
 */
import * as WorkerRuntime from "@effect-mpire/core/WorkerRuntime"
import type * as Layer from "effect/Layer"
import type { WorkerOptions as NodeWorkerOptions, ResourceLimits, SHARE_ENV, Worker } from "node:worker_threads"
import { refuseMainModule } from "./internal/mainModule.ts"
import * as processes from "./internal/processes.ts"
import * as threads from "./internal/threads.ts"

/**
 * What workers in threads and in processes have in common. An option that is out of its range fails the calls that need a worker,
 * with `InvalidOptions`.
 *
 * @category options
 * @since 0.1.0
 */
export interface WorkerOptions {
  /** Node's own options for the workers. Default: those of this process. */
  readonly execArgv?: ReadonlyArray<string> | undefined
  /** Whether workers use Node's on-disk cache of compiled modules, with which they start faster. Default: true. */
  readonly compileCache?: boolean | undefined
  /**
   * The file that a worker runs: a worker file of the program's own, as by `new URL("./worker.ts", import.meta.url)`; the
   * compiled one beside it is taken where that is missing. Default: `@effect-mpire/node-runtime/entry`, found beside this
   * module or, from within a bundle, in the `node_modules` around the bundle. Where it is not found there, bundle a worker
   * file, or that module, and set this to its file.
   *
   * @see `NodeWorkerEntry.serve` for a worker file
   */
  readonly entry?: URL | undefined
  /**
   * Where what workers write to stdout and stderr goes. `"inherit"`: where this process's goes. `"log"`: into the log of the
   * pool's maker, a line at a time, stdout at level Info and stderr at Warn, with the annotations `worker` (its slot) and
   * `generation`; the levels, annotations and Loggers of calls do not reach it. Default: `"inherit"`.
   */
  readonly output?: "inherit" | "log" | undefined
  /**
   * Whether tasks and hooks may stand in the program's main file, because the program in it is guarded, as by
   * `if (import.meta.main)`: a worker that loads the file runs its top level. Without this such tasks are refused, with
   * `StartFailed`, before any worker loads the file. Default: false.
   */
  readonly mainModule?: boolean | undefined
}

/**
 * Options of worker threads; all but `compileCache`, `entry`, `output`, `spawn` and `mainModule` go to `new Worker` as they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface ThreadOptions extends WorkerOptions {
  /**
   * Starts a thread of the program's worker file, with these options, in place of `entry`. Bundlers find a worker file by
   * the very text `new Worker(new URL("./worker.ts", import.meta.url), options)`.
   *
   * @see `NodeWorkerEntry.serve` for a worker file
   */
  readonly spawn?: ((options: NodeWorkerOptions) => Worker) | undefined
  /** Limits of a thread's JavaScript engine, such as `{ maxOldGenerationSizeMb: 512 }`. */
  readonly resourceLimits?: ResourceLimits | undefined
  /** The threads' `process.env`, or `SHARE_ENV` of `node:worker_threads`. Default: a copy of this thread's. */
  readonly env?: NodeJS.Dict<string> | typeof SHARE_ENV | undefined
  /** The threads' name in debuggers and profiles. Default: `"effect-mpire"` and their worker's id. */
  readonly name?: string | undefined
}

/**
 * Options of child processes; all but `compileCache`, `entry`, `output`, `mainModule` and `cpus` go to `child_process.spawn` as they are.
 *
 * @category options
 * @since 0.1.0
 */
export interface ProcessOptions extends WorkerOptions {
  /** The processes' `process.env`. Default: a copy of this process's. */
  readonly env?: NodeJS.Dict<string> | undefined
  /** The directory that the processes start in. Default: this process's. */
  readonly cwd?: string | URL | undefined
  /**
   * The CPUs that workers are pinned to, all their threads included, on Linux where util-linux's `taskset` is
   * installed: the first entry for the worker in slot 0, and so on, or one entry for all. An entry is a CPU's number or
   * a list of them. Where workers cannot be pinned so, none starts, and calls fail with `InvalidOptions`. Default: any
   * CPU.
   */
  readonly cpus?: ReadonlyArray<number | ReadonlyArray<number>> | undefined
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
 * TypeScript task modules run as they are: Node strips their types. What workers write to stdout and stderr reaches
 * this process's. A worker's timeouts are in real time, even under `TestClock`. The pool
 * speaks over a port of its own: `parentPort` and `workerData` are the tasks', who find nothing there.
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
export const layerThreads = (options: ThreadOptions = {}): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "threads",
    open: (worker, controls) => threads.open(worker, controls, options),
    refuse: refuseMainModule("layerThreads", options)
  })

/**
 * Workers in child processes (`node:child_process`).
 *
 * **When to use**
 *
 * Use for work that may crash or exhaust its memory, for native code that is not safe in threads or blocks them, and to
 * pin workers to CPUs. A process that dies takes no other worker with it.
 *
 * **Details**
 *
 * TypeScript task modules run as they are: Node strips their types. What workers write to stdout and stderr goes where
 * this process's goes. Workers ignore SIGINT and SIGTERM, so that exit hooks run when this process ends its pools, and
 * they end within a second when this process dies, even while they compute. A worker's timeouts are in real time, even
 * under `TestClock`.
 *
 * **Gotchas**
 *
 * Everything is copied: a buffer is not moved, and a `SharedArrayBuffer`, a `WebAssembly.Module`, a `Blob` or a `KeyObject`
 * cannot cross. What a task sends by `process.send` is read by nobody. A process takes some 10 ms
 * longer than a thread to start, and to end, and needs some 50 MB of memory. A small message takes as long as to a
 * thread, one of megabytes several times as long. A worker also prints the uncaught error that ends it.
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
 * }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerProcesses()))
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProcesses = (options: ProcessOptions = {}): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({
    name: "processes",
    open: (worker, controls) => processes.open(worker, controls, options),
    refuse: refuseMainModule("layerProcesses", options)
  })
