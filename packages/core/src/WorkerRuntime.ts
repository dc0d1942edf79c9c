/**
 * The port between a pool and the place where its workers live: how a worker is started, initialised, given chunks of
 * items, interrupted, released and killed. Swap the layer, and a program's workers live on fibers, threads or processes.
 *
 * **Details**
 *
 * A runtime knows nothing of hooks' meaning, lifespans or the order of results. A platform that has a `Channel` gets one
 * by `layerChannel`; a runtime is done when it passes `@effect-mpire/core/testing/RuntimeSuite`.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Closed, Connection } from "./Channel.ts"
import * as fiberWorker from "./internal/fibers/fiberWorker.ts"
import * as remoteWorker from "./internal/remote/remoteWorker.ts"
import type * as Portable from "./Portable.ts"
import type { WorkerIdentity, WorkerPoolError } from "./WorkerPoolError.ts"

/**
 * Something portable of whatever type: a task, a hook or a services layer.
 *
 * @category models
 * @since 0.1.0
 */
export type Code = Portable.Portable<unknown, Portable.Crossing>

/**
 * A hook to run, with the time that it may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hook {
  readonly code: Code | undefined
  /** In milliseconds. */
  readonly timeout: number | undefined
}

/**
 * The items that a worker gets in one message, and where their outcomes go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly task: Code
  readonly items: ReadonlyArray<unknown>
  /** The place of an item in the call's input, from 0; `position` is its place in `items`. */
  readonly index: (position: number) => number
  /** How long an item may take, in milliseconds, from when it starts in the worker. */
  readonly timeout: number | undefined
  /** Whether results are dropped in the worker instead of being sent back. */
  readonly discard: boolean
  /**
   * Outcomes are reported at item boundaries at least so many milliseconds apart; with 0, each before the next item starts,
   * so that a loss takes none with it.
   */
  readonly reportInterval: number
  /** The caller's context. A runtime in this process takes References from it, and a `FiberPool` all of it. */
  readonly context: Context.Context<never>
  /** An item succeeded; `position` is its place in `items`. */
  readonly onSuccess: (position: number, value: unknown) => void
  /** Items that stand one after another in `items` succeeded, from `position` on. */
  readonly onSuccesses: (position: number, values: ReadonlyArray<unknown>) => void
  /** An item failed; `position` is its place in `items`. */
  readonly onFailure: (position: number, cause: Cause.Cause<unknown>) => void
  /**
   * So many items took so long, in milliseconds of the worker's time; waiting in its queue is not included. Called now and
   * then, and before the end, each time for the items that have ended since.
   */
  readonly onTime: (items: number, millis: number) => void
  /**
   * The chunk has ended, and no more is heard of it. Items without an outcome have not started, because the chunk was
   * interrupted, or no longer kept, or because of the failure: the task could not be loaded. Not called for a chunk that
   * `onLost` tells of.
   */
  readonly onEnd: (failure: WorkerPoolError | undefined) => void
}

/**
 * What a runtime is told when it starts a worker.
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
  /** How long starting, and loading a module, may take, in milliseconds. */
  readonly startTimeout: number | undefined
  /**
   * How long what was interrupted, or is out of time, may go on before the worker is killed, in milliseconds; `undefined`
   * when it is waited for.
   */
  readonly killAfter: number | undefined
  /** To be called, once, when the worker has ended without being asked to, or has been killed by the runtime. */
  readonly onLost: (loss: Loss) => void
}

/**
 * How a worker was lost, and with what in hand.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loss {
  readonly closed: Closed
  /** Whether the runtime killed it, because something in it did not yield. */
  readonly killed: boolean
  /** What it had of each chunk in progress. Nothing more is heard of these chunks. */
  readonly inHand: ReadonlyMap<Chunk, InHand>
  /** Completes when the worker has really ended, which a native call can delay after a kill. */
  readonly ended: Effect.Effect<void>
}

/**
 * What a lost worker had of a chunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface InHand {
  /** How many of the chunk's items, the first ones, had started. */
  readonly started: number
  /** Positions of items that had been out of time for `killAfter`. */
  readonly timedOut: ReadonlyArray<number>
  /** Whether the items cannot be sent again, because what they transfer has moved to the worker. */
  readonly moved: boolean
  /** Why none could start: the task's module ended the worker, or took too long. */
  readonly failure: WorkerPoolError | undefined
}

/**
 * A started worker. The pool calls `init` once and first, then `run` and `interrupt`, then `exit` if `init` succeeded,
 * then `close`; closing the Scope of `start` ends it. After `kill` or `onLost` nothing else is called, and hooks that run end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Worker {
  /** Builds the services, then runs the hook, whose result is the worker's state. */
  readonly init: (hook: Hook) => Effect.Effect<void, WorkerPoolError>
  /** Interrupts `init`, which still succeeds when the hook had; does nothing when `init` is not running. */
  readonly interruptInit: () => void
  /** Starts a chunk. Its callbacks may be called before this returns. */
  readonly run: (chunk: Chunk) => void
  /**
   * Lets no more than the first so many items of a chunk start, and returns how many have started or still may: at least
   * those that have started; all, where nothing can be taken back. Then the chunk ends when these have, the rest without an
   * outcome.
   */
  readonly limitTo: (chunk: Chunk, items: number) => number
  /** How many of a chunk's items, the first ones, have started; `undefined` where nobody knows. */
  readonly started: (chunk: Chunk) => number | undefined
  /** Interrupts a chunk's running items and forgets those that have not started; `onEnd` follows. */
  readonly interrupt: (chunk: Chunk) => void
  /** Runs the hook and returns its result. */
  readonly exit: (hook: Hook) => Effect.Effect<unknown, WorkerPoolError>
  /**
   * Runs the finalizers that `init` registered, last first, then those of the services; they may take so many
   * milliseconds where they can be cut short.
   */
  readonly close: (timeout: number | undefined) => Effect.Effect<void, WorkerPoolError>
  /** Ends the worker now, without hooks; completes when it has ended. */
  readonly kill: Effect.Effect<void>
}

/**
 * Where the workers of pools live.
 *
 * @category services
 * @since 0.1.0
 */
export class WorkerRuntime extends Context.Service<
  WorkerRuntime,
  {
    /** For messages, such as `"threads"`. */
    readonly name: string
    /**
     * Whether messages to workers take time, so that a worker is given its next chunk before it needs it, and `run`s that
     * wait together share a chunk. Default: false.
     */
    readonly isRemote?: boolean | undefined
    /** Starts a worker; the Scope stops it. */
    readonly start: (options: StartOptions) => Effect.Effect<Worker, WorkerPoolError, Scope.Scope>
  }
>()("@effect-mpire/core/WorkerRuntime") {}

/**
 * Workers as fibers in this thread, for tests and for work that waits rather than computes.
 *
 * **Details**
 *
 * Time is the Clock's, so `TestClock` drives timeouts and idle time. Inputs, results and failures are cloned and
 * addresses resolved as they would be for a thread, so what passes here passes there; `clone: false` opts out of the
 * cloning. Tasks and hooks see the pool's `services` and the References (Clock, log level, …), never the ambient services.
 *
 * **Gotchas**
 *
 * Nothing runs in parallel, and nothing can be killed: the interruption of a task that does not yield waits for it. An
 * address made by `Portable.module` is resolved by a real, asynchronous import, which `TestClock.adjust` does not wait
 * for; those made by `Portable.make` and `Portable.inline` need none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFibers = (options?: {
  /** Whether what crosses is cloned, as it is for a thread; default true. */
  readonly clone?: boolean | undefined
}): Layer.Layer<WorkerRuntime> => Layer.succeed(WorkerRuntime, fiberWorker.runtime(options?.clone ?? true))

/**
 * A runtime over a platform's channels. `open` starts a worker, whose first act is `WorkerEntry.serve` with its end, and
 * returns the pool's end; it is told how many numbers the two ends' `control` needs. What it fails with becomes the cause
 * of `StartFailed`, unless it is a `WorkerPoolError` already.
 *
 * **When to use**
 *
 * Use to put workers on a platform of your own; see `NodeWorkerRuntime` for threads.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerChannel = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity, controls: number) => Effect.Effect<Connection, unknown, Scope.Scope>
}): Layer.Layer<WorkerRuntime> => Layer.succeed(WorkerRuntime, remoteWorker.runtime(options))
