/**
 * The service that decides where the workers of pools live: on fibers, threads or processes. A program runs unchanged
 * on each of them: only the layer is another. A runtime starts workers, gives them hooks and chunks of items to run,
 * and interrupts, closes and kills them.
 *
 * **Details**
 *
 * A runtime runs hooks, but leaves it to the pool when which of them runs, how many items a worker gets in its life,
 * and in which order results are given. For a platform that can supply a `Channel`, `layerChannel` makes the runtime.
 * A runtime is done when it passes `@effect-mpire/core/testing/RuntimeSuite`.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Closed, Connection, Usage } from "./Channel.ts"
import * as fiberWorker from "./internal/fibers/fiberWorker.ts"
import * as remoteWorker from "./internal/remote/remoteWorker.ts"
import type * as Portable from "./Portable.ts"
import type { Unavailable, WorkerIdentity, WorkerPoolError } from "./WorkerPoolError.ts"

/**
 * Something portable of any type: a task, a hook or a services layer.
 *
 * @category models
 * @since 0.1.0
 */
export type Code = Portable.Portable<unknown, Portable.Crossing>

/**
 * A hook to run, with the time that it may take.
 *
 * @see {@link Worker} for when hooks run
 *
 * @category models
 * @since 0.1.0
 */
export interface Hook {
  /** The hook; `undefined` when the pool has none. */
  readonly code: Code | undefined
  /** How long it may take, in milliseconds; `undefined` when there is no limit. */
  readonly timeout: number | undefined
  /** The context that it runs in: the pool's, with the span of what it is run for. Default: that of `start`. */
  readonly context?: Context.Context<never> | undefined
}

/**
 * The items that a worker gets in one message, and the callbacks that take their outcomes. An item has an `index`,
 * its number in the input of its call, and a `position`, its number in `items`; both from 0.
 *
 * @see {@link Worker.run} for running one
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly task: Code
  readonly items: ReadonlyArray<unknown>
  /** The index of an item in its call's input, which errors tell. */
  readonly index: (position: number) => number
  /** How long an item may take from when it starts in the worker, in milliseconds; `undefined`: there is no limit. */
  readonly timeout: number | undefined
  /** Whether results are dropped in the worker instead of being sent back. */
  readonly discard: boolean
  /**
   * The least time between two reports of outcomes, in milliseconds; they are sent between items. With 0, each
   * outcome is reported before the next item starts, so that it cannot be lost with the worker.
   */
  readonly reportInterval: number
  /**
   * Whether it has to be known of each item, when the worker is lost, whether it had started (F2). Of other chunks a
   * runtime may say that all items had, where telling of each would take a message. Default: false.
   */
  readonly exactStarts?: boolean | undefined
  /**
   * How long one of its items takes in a worker, in milliseconds, by what has been measured of the task so far. It may be
   * asked for whenever the chunk is in progress.
   */
  readonly itemTime?: number | undefined
  /** The caller's context. A runtime in this process takes References from it; a `FiberPool`, all services. */
  readonly context: Context.Context<never>
  /**
   * The contexts of its items' callers, by position, where these differ: `run`s of several callers share chunks where
   * messages take time. Read it once, when the chunk is given.
   */
  readonly contexts?: ReadonlyArray<Context.Context<never>> | undefined
  /**
   * Functions that are called when its call ends. A runtime that keeps something of the caller for fibers that items have
   * detached adds one here when the chunk ends, and removes it when there is nothing to drop any more. `undefined` once the
   * call has ended, and for `run`s, each of which ends with its item.
   */
  readonly atCallEnd?: Set<() => void> | undefined
  /** Whether each item is to have a span `pool.item` of its own, a child of that in its caller's context. Default: false. */
  readonly traceItems?: boolean | undefined
  /** An item succeeded. */
  readonly onSuccess: (position: number, value: unknown) => void
  /** Consecutive items succeeded, the first of which is at `position`. */
  readonly onSuccesses: (position: number, values: ReadonlyArray<unknown>) => void
  /** An item failed. */
  readonly onFailure: (position: number, cause: Cause.Cause<unknown>) => void
  /**
   * Tells that `items` more items have ended, and took `millis` milliseconds in the worker together, without the time
   * that they waited in its queue. Called now and then, and before `onEnd`.
   */
  readonly onTime: (items: number, millis: number) => void
  /**
   * How long an item has to take, in milliseconds, to be one of the longest that the pool knows of. It rises while the
   * pool learns of more.
   */
  readonly longerThan: number
  /**
   * The item at `position` has ended and took longer than `longerThan`, in milliseconds of the worker. With `items` > 1
   * these are as many short items, one after another from `position` on, whose time was taken together. A runtime may
   * leave this out: then `insights` names no items. Called before `onEnd`.
   */
  readonly onLong: (position: number, items: number, millis: number) => void
  /**
   * The chunk has ended: no other callback of it is called any more. Items without an outcome have not started,
   * because the chunk was interrupted, because `limitTo` took them back, or because of `failure`: the task could not
   * be loaded. Not called for a chunk that was lost with its worker, which `StartOptions.onLost` tells.
   */
  readonly onEnd: (failure: WorkerPoolError | undefined) => void
}

/**
 * What a runtime is told when it starts a worker.
 *
 * @see `WorkerPool.PoolOptions` for the options that these come from
 *
 * @category models
 * @since 0.1.0
 */
export interface StartOptions {
  readonly worker: WorkerIdentity
  /** How many items of async tasks the worker runs at once. */
  readonly tasksPerWorker: number
  /** A Layer that provides what hooks and tasks require, built before `init` and closed after `exit`. */
  readonly services: Code | undefined
  /**
   * Set where the pool was made in a worker that was loading the module of a task, which may have made it as it was loaded: this
   * worker then makes no pools while it loads one.
   */
  readonly isInDoubt?: boolean | undefined
  /**
   * How long the worker may take to start, and to load a module, in milliseconds; `undefined` when there is no limit.
   */
  readonly startTimeout: number | undefined
  /**
   * How long an item or hook that was interrupted or timed out may go on before the runtime kills the worker, in
   * milliseconds; `undefined` when it is waited for.
   */
  readonly killAfter: number | undefined
  /** The runtime calls it, once, when the worker has ended without being asked to, or when it has killed the worker. */
  readonly onLost: (loss: Loss) => void
  /**
   * The runtime calls it, once, when it has given up something in the worker that does not yield, and the worker's other
   * items go on: the pool gives the worker nothing more, and ends it, without `exit`, when these have ended. A worker
   * that has to be killed for it is told by `onLost` instead.
   */
  readonly onCondemned: () => void
  /**
   * The runtime may call it, once, when it wants the worker's place back, as for another pool: the pool gives the worker
   * nothing more, takes back what has not started, and releases it, with `exit`. It starts another when it has work and there
   * is a place.
   */
  readonly onUnwanted: () => void
  /**
   * A runtime that may find no place for a worker (`Unavailable`) calls it, once, when it has found one: only then is the
   * worker's beginning told to those who listen to the pool's events, and only then has its acquisition a span. Others need
   * not call it.
   */
  readonly onPlaced?: (() => void) | undefined
  /** A runtime calls it when a worker's `isSettled` becomes true. */
  readonly onSettled?: (() => void) | undefined
}

/**
 * How a worker was lost, and which items it had in hand.
 *
 * @see `WorkerPoolError.WorkerLost` for what callers see of it
 *
 * @category models
 * @since 0.1.0
 */
export interface Loss {
  /** How the worker ended. */
  readonly closed: Closed
  /** Whether the runtime killed it, because something in it did not yield. */
  readonly killed: boolean
  /** What it had of each chunk in progress. No callback of these chunks is called any more. */
  readonly inHand: ReadonlyMap<Chunk, InHand>
  /**
   * Whether something that items have left behind, which had run there before, as a timer, may have ended it or kept it, in place of
   * what it was doing. Default: false.
   */
  readonly mayBeLeftBehind?: boolean | undefined
  /** Completes when the worker has really ended: a native call that cannot be cut short can delay that after a kill. */
  readonly ended: Effect.Effect<void>
}

/**
 * What a lost worker had of a chunk.
 *
 * @see {@link Loss} for the loss
 *
 * @category models
 * @since 0.1.0
 */
export interface InHand {
  /** How many of the chunk's items had started. They start in order, so these are the first ones. */
  readonly started: number
  /**
   * Whether that is exactly known. If not, no more had started, and any of them may have been running. Default: true.
   */
  readonly exact?: boolean | undefined
  /** The positions of items whose `timeout` was over, and which had gone on for `killAfter` since. */
  readonly timedOut: ReadonlyArray<number>
  /** Whether the items cannot be sent again, because memory of theirs was moved to the worker instead of copied. */
  readonly moved: boolean
  /** Why no item could start, where that is known: the task's module ended the worker, or took too long to load. */
  readonly failure: WorkerPoolError | undefined
}

/**
 * Why a worker was not initialised, and whose failure that is: of the pool's services, which all of its calls share, or
 * of the hook, which only some calls may have named.
 *
 * @see {@link Worker.init} for what fails with it
 *
 * @category models
 * @since 0.1.0
 */
export interface InitFailure {
  readonly error: WorkerPoolError
  /** What could not be loaded, failed, or took too long. */
  readonly of: "services" | "init"
}

/**
 * A started worker. The pool calls `init` first and once; then, as often as it likes, `run`, `limitTo`, `started` and
 * `interrupt`; then `exit`, if `init` succeeded, and `close`. It ends the worker by closing the Scope of `start`.
 * After `kill` or `onLost` it calls nothing else, and hooks that are running must end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Worker {
  /** Builds the services, then runs the hook, whose result is the worker's state. */
  readonly init: (hook: Hook) => Effect.Effect<void, InitFailure>
  /** Interrupts `init`; does nothing when `init` is not running. A hook that has succeeded already stays successful. */
  readonly interruptInit: () => void
  /** Starts a chunk. The chunk's callbacks may be called before this returns. */
  readonly run: (chunk: Chunk) => void
  /**
   * Takes items back that have not started: lets at most the first `items` items of the chunk start, and returns how
   * many have started or still may, which is more than `items` where more have started, or where none can be taken
   * back. The chunk ends when these have ended; the others get no outcome.
   */
  readonly limitTo: (chunk: Chunk, items: number) => number
  /** How many of a chunk's items have started, which are the first ones; `undefined` where that is not known. */
  readonly started: (chunk: Chunk) => number | undefined
  /**
   * How many of a chunk's items, the first ones, may have started, where that is not known better because numbers lag: no
   * fewer than have, and all others can be taken back. `undefined` for a chunk that has ended. Left out where numbers do not
   * lag: `started` says it.
   */
  readonly granted?: ((chunk: Chunk) => number | undefined) | undefined
  /**
   * How long it takes until the worker has heard of something and that has been heard of here, in milliseconds, where that
   * is much: then it is given as many chunks ahead as fill that time. Asked often. Default: 0.
   */
  readonly lag?: (() => number) | undefined
  /**
   * Whether the worker has told the end of each chunk whose `onEnd` has been called. It may be reading one yet whose items have
   * all been taken back, which may end it; an item that is to be alone in its worker is sent to none of which that is so. Asked
   * often. Default: true.
   */
  readonly isSettled?: boolean | undefined
  /** Interrupts a chunk's running items and drops those that have not started; `onEnd` follows. */
  readonly interrupt: (chunk: Chunk) => void
  /** Runs the hook and returns its result. */
  readonly exit: (hook: Hook) => Effect.Effect<unknown, WorkerPoolError>
  /**
   * Runs the finalizers that `init` registered, the last one first, then those of the services. Where finalizers can be
   * cut short, they may take `timeout` milliseconds together; `undefined` is no limit.
   */
  readonly close: (timeout: number | undefined) => Effect.Effect<void, WorkerPoolError>
  /** Ends the worker now, without hooks; completes when it has ended. */
  readonly kill: Effect.Effect<void>
  /** What the worker uses, as in `Connection`; left out where nobody knows. */
  readonly usage?: Effect.Effect<Usage | undefined> | undefined
}

/**
 * Where the workers of pools live.
 *
 * @see {@link layerFibers} for fibers in this thread
 * @see {@link layerChannel} for a platform of your own
 * @see `NodeWorkerRuntime` of `@effect-mpire/node-runtime` for threads and processes
 *
 * @category services
 * @since 0.1.0
 */
export class WorkerRuntime extends Context.Service<
  WorkerRuntime,
  {
    /** What it is called, such as `"threads"`. */
    readonly name: string
    /**
     * Whether messages to workers take time. Then a worker is given its next chunk before it needs it, and `run`s
     * that wait at the same time share a chunk. Default: false.
     */
    readonly isRemote?: boolean | undefined
    /**
     * How long a chunk without `exactStarts` may take, in milliseconds, where all of its items count as started when its
     * worker is lost. Default: as long as any other.
     */
    readonly chunkTime?: number | undefined
    /**
     * How many workers a pool has that says no `size`, an integer >= 1; asked once, when the pool is made. Default: as many as
     * this machine has processors.
     */
    readonly parallelism?: Effect.Effect<number> | undefined
    /**
     * Completes, with the new number, once more workers than that are possible, as when machines join: a pool that says no
     * `size` grows then. It does not shrink with its platform: slots for which there is no place stay empty. Left out where
     * the number does not change.
     */
    readonly parallelismAbove?: ((workers: number) => Effect.Effect<number>) | undefined
    /**
     * Starts a worker, which ends when the Scope closes. `Unavailable` says that there is no place for one now, which is no
     * failure while the pool has a worker.
     */
    readonly start: (options: StartOptions) => Effect.Effect<Worker, WorkerPoolError | Unavailable, Scope.Scope>
  }
>()("@effect-mpire/core/WorkerRuntime") {}

/**
 * Workers as fibers in this thread, for tests and for work that waits rather than computes.
 *
 * **Details**
 *
 * Time is the Clock's, so `TestClock` drives timeouts, `killAfter` and idle time. Inputs, results and failures are cloned, and
 * addresses resolved, as they would be for a thread, so that what works here works there; `clone: false` opts out of
 * the cloning. Tasks and hooks see the pool's `services` and the References (Clock, log level, …), never the services
 * of the caller.
 *
 * **Gotchas**
 *
 * Nothing runs in parallel, and synchronous code cannot be cut short. A task that waits and ignores its interruption, as
 * a Promise does that ignores its `signal`, is given up after `killAfter`: it goes on by itself, unheard, and its worker
 * is replaced when the worker's other items have ended.
 *
 * A module of tasks is imported when it is first needed, in real time, which `TestClock.adjust` does not wait for: a test
 * gives its modules as `modules`. What `Portable.make` and `Portable.inline` made needs no import.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const path = Portable.module<typeof import("node:path")>("node:path")
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2 })
 *   return yield* pool.map(["/a/b", "/c"], Portable.inline((text: string) => text.length))
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers({ modules: [path] })))
 *
 * await Effect.runPromise(program) // => [4, 2]
 * ```
 *
 * @see {@link layerChannel} for workers elsewhere
 * @see `FiberPool` for closures on fibers, which see the caller's services
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFibers = (options?: {
  /** Whether what crosses is cloned, as it is for a thread; default true. */
  readonly clone?: boolean | undefined
  /**
   * Modules that are loaded when the layer is built, so that their tasks begin at once: what `Portable.module` gave, or a
   * module's URL. One that cannot be loaded fails the calls that need it, as `StartFailed`.
   */
  readonly modules?: ReadonlyArray<Portable.Module<any> | URL | string> | undefined
  /**
   * Imports a module by its URL; default: `import(url)`, in this library. A test runner has its own ways with what a test
   * imports (aliases, mocks, enums, coverage): given as `(url) => import(url)` in a test's file, these reach tasks too.
   */
  readonly load?: ((url: string) => Promise<unknown>) | undefined
}): Layer.Layer<WorkerRuntime> =>
  Layer.effect(
    WorkerRuntime,
    Effect.suspend(() => fiberWorker.runtime(options))
  )

/**
 * A runtime over a platform's channels. `open` starts a worker, whose first act is to call `WorkerEntry.serve` with
 * its end of the channel, and returns the pool's end. `controls` is how many numbers the `Control` of the two ends
 * must hold. What `open` fails with becomes the cause of `StartFailed`, unless it is a `WorkerPoolError` already, or an
 * `Unavailable`, which says that there is no place for a worker now. `refuse`
 * is asked about each module, by its URL, before a worker is told to load it: the reason that it gives for that not to
 * happen becomes the cause of `StartFailed`. `sharesNumbers: false` says that the connections have no `control`. `parallelism`
 * is how many workers a pool has that says no `size`, and `parallelismAbove` tells when there can be more.
 *
 * **When to use**
 *
 * Use to put workers on a platform of your own.
 *
 * @see `Channel.Connection` and `Channel.Channel` for the two ends
 * @see `WorkerEntry.serve` for what the worker does
 * @see {@link layerFibers} for workers in this thread
 *
 * @category layers
 * @since 0.1.0
 */
export const layerChannel = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity, controls: number) => Effect.Effect<Connection, unknown, Scope.Scope>
  readonly refuse?: ((url: string) => string | undefined) | undefined
  readonly sharesNumbers?: boolean | undefined
  readonly parallelism?: Effect.Effect<number> | undefined
  readonly parallelismAbove?: ((workers: number) => Effect.Effect<number>) | undefined
}): Layer.Layer<WorkerRuntime> => Layer.succeed(WorkerRuntime, remoteWorker.runtime(options))
