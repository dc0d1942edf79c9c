/**
 * The engine of `WorkerPool` over closures, in this process: workers are fibers, tasks and hooks are plain functions
 * that return Effects and may require the caller's services.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as internal from "./internal/fiberPool.ts"
import type { WorkerContext } from "./WorkerContext.ts"
import type * as WorkerPool from "./WorkerPool.ts"
import type { WorkerPoolError } from "./WorkerPoolError.ts"

/**
 * The key that marks a `FiberPool`.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId: "~effect-mpire/FiberPool" = internal.TypeId

/**
 * A hook of a `FiberPool`: an Effect, or a function of the worker that returns one.
 *
 * @see {@link Options} for what hooks are for
 *
 * @category models
 * @since 0.1.0
 */
export type Hook<S, A, R> = Effect.Effect<A, any, R> | ((worker: WorkerContext<S>) => Effect.Effect<A, any, R>)

/**
 * Options of the map family (`map`, `mapExit`, `forEach`, `stream` and their variants). Hooks given here may require a
 * Scope and nothing else.
 *
 * @see {@link Options} for the pool's defaults
 * @see {@link WorkerPool.CallOptions} for how long an option stays replaced
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions<in out S, in out X> extends WorkerPool.DispatchOptions {
  /** The hook that acquires workers from now on. It must return the pool's state. */
  readonly init?: Hook<void, S, Scope.Scope> | undefined
  /** The hook that releases workers from now on. */
  readonly exit?: Hook<S, X, Scope.Scope> | undefined
}

/**
 * Options of `mapArray`, whose items are slices of an array: `maxActive` and `lifespan` count slices, and `timeout`
 * is the time for one slice.
 *
 * @see {@link CallOptions} for those of `map`
 *
 * @category options
 * @since 0.1.0
 */
export interface MapArrayOptions<in out S, in out X> extends Omit<CallOptions<S, X>, "length"> {
  /** Elements per slice, an integer >= 1; the last slice may be shorter. Default: see `mapArray` of `WorkerPool`. */
  readonly chunkSize?: number | undefined
  /** Number of slices, an integer >= 1, in place of `chunkSize`; fewer where there are fewer elements. */
  readonly chunks?: number | undefined
}

/**
 * Options of a pool. Its hooks take the services that they require from where the pool is made.
 *
 * @see {@link CallOptions} for what a single call can replace
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<S, X, R1, R2> extends WorkerPool.PoolOptions {
  /**
   * The hook that acquires a worker; what it returns becomes the worker's state. It may register finalizers in the
   * worker's Scope. When it fails, the calls that wait for the worker fail with `InitFailed`.
   */
  readonly init?: Hook<void, S, R1> | undefined
  /** The hook that releases a worker. It sees the worker's state, and `exitResults` collects what it returns. */
  readonly exit?: Hook<NoInfer<S>, X, R2> | undefined
}

/**
 * A task of a `FiberPool`: a function of an item and the worker that returns an `R`, which is an Effect.
 *
 * @see {@link WorkerPool.Task} for tasks that can run elsewhere
 *
 * @category models
 * @since 0.1.0
 */
export type Task<A, S, R> = (item: A, worker: WorkerContext<S>) => R

/** What a task requires of its caller: everything but the Scope, which each item has of its own. */
type WithoutScope<R> = Exclude<R, Scope.Scope>

type MapMethod<S, X> = <A, R extends Effect.Effect<any, any, any>, E = never, R0 = never>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, S, R>,
  options?: CallOptions<S, X>
) => Effect.Effect<
  Array<Effect.Success<R>>,
  WorkerPool.Given<E> | Effect.Error<R> | WorkerPoolError,
  WithoutScope<Effect.Services<R>> | WorkerPool.Given<R0>
>

type StreamMethod<S, X> = <A, R extends Effect.Effect<any, any, any>, E = never, R0 = never>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, S, R>,
  options?: CallOptions<S, X>
) => Stream.Stream<
  Effect.Success<R>,
  WorkerPool.Given<E> | Effect.Error<R> | WorkerPoolError,
  WithoutScope<Effect.Services<R>> | WorkerPool.Given<R0>
>

type StreamExitMethod<S, X> = <A, R extends Effect.Effect<any, any, any>, E = never, R0 = never>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, S, R>,
  options?: CallOptions<S, X>
) => Stream.Stream<
  WorkerPool.Outcome<Effect.Success<R>, Effect.Error<R> | WorkerPoolError>,
  WorkerPool.Given<E> | WorkerPoolError,
  WithoutScope<Effect.Services<R>> | WorkerPool.Given<R0>
>

/**
 * A pool of fibers with state `S` and exit results `X`: the methods of `WorkerPool`, over closures.
 *
 * **Gotchas**
 *
 * A task that calls the pool it runs in can deadlock: it holds a worker while it waits for one.
 *
 * @see {@link make} for making one
 * @see {@link WorkerPool.WorkerPool} for the rules that calls follow in both
 *
 * @category models
 * @since 0.1.0
 */
export interface FiberPool<in out S = void, in out X = unknown> extends WorkerPool.Controls<X> {
  readonly [TypeId]: typeof TypeId
  /**
   * Maps items to results, in input order.
   *
   * @see {@link FiberPool.mapUnordered} for completion order
   * @see {@link FiberPool.mapExit} for going on after failures
   * @see {@link FiberPool.stream} for results one by one, and input without end
   */
  readonly map: MapMethod<S, X>
  /**
   * Maps items to results, in completion order.
   *
   * @see {@link FiberPool.map} for input order
   */
  readonly mapUnordered: MapMethod<S, X>
  /**
   * Maps items to their outcomes, in input order, without failing fast: an item's Exit holds the task's own result or
   * failure, `TaskTimedOut` or `WorkerLost`. Every other reason fails the call.
   *
   * @see {@link FiberPool.map} for failing fast
   * @see {@link FiberPool.streamExit} for outcomes one by one
   */
  readonly mapExit: <A, R extends Effect.Effect<any, any, any>, E = never, R0 = never>(
    items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
    task: Task<A, S, R>,
    options?: CallOptions<S, X>
  ) => Effect.Effect<
    Array<Exit.Exit<Effect.Success<R>, Effect.Error<R> | WorkerPoolError>>,
    WorkerPool.Given<E> | WorkerPoolError,
    WithoutScope<Effect.Services<R>> | WorkerPool.Given<R0>
  >
  /**
   * Runs a task on every item and drops the results.
   *
   * @see {@link FiberPool.map} for the results
   */
  readonly forEach: <A, R extends Effect.Effect<any, any, any>, E = never, R0 = never>(
    items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
    task: Task<A, S, R>,
    options?: CallOptions<S, X>
  ) => Effect.Effect<
    void,
    WorkerPool.Given<E> | Effect.Error<R> | WorkerPoolError,
    WithoutScope<Effect.Services<R>> | WorkerPool.Given<R0>
  >
  /**
   * A lazy Stream of results in input order, with back-pressure: at most `maxActive` items are pulled ahead of the
   * consumer.
   *
   * @see {@link FiberPool.streamUnordered} for completion order
   * @see {@link FiberPool.streamExit} for going on after failures
   */
  readonly stream: StreamMethod<S, X>
  /**
   * A lazy Stream of results in completion order, with back-pressure as in `stream`.
   *
   * @see {@link FiberPool.stream} for input order
   */
  readonly streamUnordered: StreamMethod<S, X>
  /**
   * A lazy Stream of outcomes in input order, as `mapExit` gives them.
   *
   * @see {@link FiberPool.streamUnorderedExit} for completion order
   */
  readonly streamExit: StreamExitMethod<S, X>
  /**
   * A lazy Stream of outcomes in completion order, as `mapExit` gives them.
   *
   * @see {@link FiberPool.streamExit} for input order
   */
  readonly streamUnorderedExit: StreamExitMethod<S, X>
  /**
   * Maps a TypedArray slice by slice, each of which is a view of the array; the results are concatenated in order,
   * over a `SharedArrayBuffer`.
   *
   * @see {@link WorkerPool.WorkerPool.mapArray} for slices and their results
   */
  readonly mapArray: <A extends WorkerPool.TypedArray, R extends Effect.Effect<WorkerPool.TypedArray, any, any>>(
    array: A,
    task: Task<WorkerPool.ArrayOver<A, ArrayBufferLike>, S, R>,
    options?: MapArrayOptions<S, X>
  ) => Effect.Effect<
    WorkerPool.ArrayOver<Effect.Success<R>, SharedArrayBuffer>,
    Effect.Error<R> | WorkerPoolError,
    WithoutScope<Effect.Services<R>>
  >
  /**
   * Runs a task on one item.
   *
   * @see {@link FiberPool.map} for many items
   */
  readonly run: <A, R extends Effect.Effect<any, any, any>>(
    task: Task<A, S, R>,
    input: A,
    options?: WorkerPool.RunOptions
  ) => Effect.Effect<Effect.Success<R>, Effect.Error<R> | WorkerPoolError, WithoutScope<Effect.Services<R>>>
}

/**
 * Makes a pool of fibers, which lives as long as the Scope.
 *
 * **When to use**
 *
 * Use for Effects that wait rather than compute, when they need workers with state, a lifespan, or a bound on how many
 * items are pulled from a source ahead of their consumer. For computation use a `WorkerPool` on threads.
 *
 * @example
 * ```ts
 * import { FiberPool } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({
 *     size: 2,
 *     init: Effect.sync(() => ({ seen: 0 })),
 *     exit: (worker) => Effect.succeed(worker.state.seen)
 *   })
 *   const doubled = yield* pool.map([1, 2, 3, 4], (n, worker) => Effect.sync(() => (worker.state.seen++, n * 2)))
 *   const seen = yield* pool.exitResults
 *   return { doubled, seen: seen.reduce((sum, n) => sum + n, 0) }
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => { doubled: [2, 4, 6, 8], seen: 4 }
 * ```
 *
 * @see `WorkerPool.make` for tasks on threads and processes
 * @see `WorkerRuntime.layerFibers` for a `WorkerPool` on fibers, in tests for example
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <S = void, X = unknown, R1 = never, R2 = never, E = never, R = never>(
  options?: Options<S, X, R1, R2> | Effect.Effect<Options<S, X, R1, R2>, E, R>
) => Effect.Effect<
  FiberPool<S, X>,
  WorkerPool.Given<E> | WorkerPoolError,
  WorkerPool.Given<R | R1 | R2> | Scope.Scope
> =
  // sound: the engine passes items, results, failures and state on as they are
  internal.make as any

/**
 * Tests whether a value is a `FiberPool`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFiberPool = (u: unknown): u is FiberPool<any, any> => internal.isFiberPool(u)
