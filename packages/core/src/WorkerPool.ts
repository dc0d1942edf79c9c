/**
 * Parallel map over a pool of workers that live on fibers, threads or processes, as the `WorkerRuntime` layer says.
 *
 * A worker is a scoped resource: it is acquired by `init`, and released by `exit` and the finalizers that `init`
 * registered. How long it lives is decided by the pool's Scope, `keepAlive` and `lifespan`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Pipeable } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { PoolEvent } from "./internal/events/poolEvent.ts"
import type { Insights } from "./internal/insights/insights.ts"
import type { DispatchOptions, OnWorkerLost, PoolOptions } from "./internal/pool/dispatchOptions.ts"
import type { Stats } from "./internal/pool/stats.ts"
import type { ArrayOver, TypedArray } from "./internal/wire/typedArray.ts"
import * as internal from "./internal/workerPool.ts"
import type * as Portable from "./Portable.ts"
import type { WorkerContext } from "./WorkerContext.ts"
import type { WorkerPoolError } from "./WorkerPoolError.ts"
import type { WorkerRuntime } from "./WorkerRuntime.ts"

/**
 * The key that marks a `WorkerPool`.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId: "~effect-mpire/WorkerPool" = internal.TypeId

export type {
  /** @since 0.1.0 */
  ArrayOver,
  /** @since 0.1.0 */
  DispatchOptions,
  /** @since 0.1.0 */
  OnWorkerLost,
  /** @since 0.1.0 */
  PoolOptions,
  /** @since 0.1.0 */
  Stats,
  /** @since 0.1.0 */
  TypedArray
}

// -----------------------------------------------------------------------------
// Options
// -----------------------------------------------------------------------------

/**
 * Options of the map family (`map`, `mapExit`, `forEach`, `stream` and their variants). An option given here replaces
 * the pool's default: hooks, their timeouts and `lifespan` stay replaced until the next call that starts while no
 * other runs, everything else applies to this call alone.
 *
 * @see {@link Options} for the pool's defaults
 * @see {@link MapArrayOptions} for those of `mapArray`
 * @see {@link RunOptions} for those of `run`
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions<in out S, in out X, out P> extends DispatchOptions {
  /** The hook that acquires workers from now on. It must return the pool's state. */
  readonly init?: Portable.Portable<HookOf<void, S, P>> | undefined
  /** The hook that releases workers from now on. */
  readonly exit?: Portable.Portable<HookOf<S, X, P>> | undefined
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
export interface MapArrayOptions<in out S, in out X, out P> extends Omit<CallOptions<S, X, P>, "length"> {
  /**
   * Elements per slice, an integer >= 1; the last slice may be shorter. Default: see `mapArray`. The pool's own
   * `chunkSize` counts items, and is not used.
   */
  readonly chunkSize?: number | undefined
  /** Number of slices, an integer >= 1, in place of `chunkSize`; fewer where there are fewer elements. */
  readonly chunks?: number | undefined
}

/**
 * Options of `run`.
 *
 * @see {@link CallOptions} for those of the map family
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions {
  /**
   * How long the item may take from when it starts in the worker, in milliseconds or as a Duration; then the call fails
   * with `TaskTimedOut`. Default: the pool's `timeout`.
   */
  readonly timeout?: Duration.Input | undefined
  /** What becomes of the item when its worker is lost. Default: the pool's `onWorkerLost`. */
  readonly onWorkerLost?: OnWorkerLost | undefined
  /** How the input is shown to people, or `false`. Default: the pool's `describe`. */
  readonly describe?: DispatchOptions["describe"]
  /** Shows the item as a call of its own. Default: it is not shown, whatever the pool's `progress` is. */
  readonly progress?: DispatchOptions["progress"]
  /** Which spans of the pool's own it has. Default: the pool's `trace`. */
  readonly trace?: DispatchOptions["trace"]
}

/**
 * Options of a pool: `I` is the `init` hook, `XF` the `exit` hook, `P` what the services layer provides.
 *
 * @see {@link CallOptions} for what a single call can replace
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<I, XF, P> extends PoolOptions {
  /**
   * The hook that acquires a worker: an Effect, or a function of the worker that returns a value, a Promise or an
   * Effect. What it returns becomes the worker's state. It may register finalizers in the worker's Scope. When it
   * fails, the calls that have this `init` and wait for the worker fail with `InitFailed`.
   */
  readonly init?: (Portable.Portable<I> & CheckHook<I, void, P>) | undefined
  /** The hook that releases a worker. It sees the worker's state, and `exitResults` collects what it returns. */
  readonly exit?: (Portable.Portable<XF> & CheckHook<XF, StateOf<I>, P> & CheckExitResult<Returned<XF>>) | undefined
  /**
   * A Layer that provides what hooks and tasks require, built once per worker before `init` and closed after `exit`.
   * When it fails, the calls that wait for the worker fail with `InitFailed`.
   */
  readonly services?: Portable.Portable<Layer.Layer<P, any>> | undefined
}

// -----------------------------------------------------------------------------
// Checks: the type of an argument is intersected with a check. That is `unknown`, which changes nothing, when the
// argument fits; else it is a type that no argument has, and its key is the sentence that the compiler's error shows.
// They stand in this public module because TypeScript writes them into the declarations of users' generic functions.
// -----------------------------------------------------------------------------

/** A hook: an Effect, or a function of the worker that returns a plain value, a Promise or an Effect. */
type HookOf<S, A, P> =
  | Effect.Effect<A, any, P | Scope.Scope>
  | ((worker: WorkerContext<S>) => Plain<A> | Promise<A> | Effect.Effect<A, any, P | Scope.Scope>)

/** A hook's plain result. An `unknown` one excludes Effects, or they would pass with their requirements unchecked. */
type Plain<A> = unknown extends A ? NoEffect : A

type NoEffect = Primitive | (object & { readonly [Effect.TypeId]?: never })

type Primitive = string | number | bigint | boolean | symbol | null | undefined | void

/** What a hook gives before it is unwrapped: the Effect that it is, or what it returns as a function. */
type Returned<H> = H extends Effect.Effect<any, any, any> ? H : H extends (...args: any) => infer R ? R : never

/** The state that an `init` hook gives its worker; nothing where there is no hook. */
type StateOf<I> = [I] extends [never] ? void : Portable.Success<Returned<I>>

/** What an `exit` hook returns. */
type ExitResultOf<XF> = [XF] extends [never] ? unknown : Portable.Success<Returned<XF>>

/** A function, Effect's own data (whatever has a `pipe` method), or an instance of a class that has methods. */
type LostItself<T> = 0 extends 1 & T
  ? never
  : T extends Pipeable | ((...args: any) => any)
    ? T
    : T extends Carried
      ? never
      : [MethodsOf<T>] extends [never]
        ? never
        : T

/** The names of the methods. One that may be missing is none: it may be the type of options, say, rather than of data. */
type MethodsOf<T> = {
  [K in keyof T]-?: K extends string ? (T[K] extends (...args: any) => any ? K : never) : never
}[keyof T]

/** What arrives as what it was, methods and all. */
type Carried =
  | Primitive
  | Date
  | RegExp
  | Error
  | ArrayBufferLike
  | ArrayBufferView
  | ReadonlyArray<any>
  | ReadonlyMap<any, any>
  | ReadonlySet<any>

/** What a value holds: elements, entries, or the properties of an object. */
type PartsOf<T> = 0 extends 1 & T
  ? never
  : T extends ReadonlyArray<infer A>
    ? A
    : T extends ReadonlyMap<infer K, infer V>
      ? K | V
      : T extends ReadonlySet<infer A>
        ? A
        : T extends Carried
          ? never
          : // methods that may be missing are not looked at, nor those that symbols name
            Exclude<T[keyof T & (string | number)], (...args: any) => any>

/** What structured clone would lose of a value: the value, or what it holds. */
type LostOf<T> = T extends unknown ? ([LostItself<T>] extends [never] ? LostItself<PartsOf<T>> : T) : never

/** What structured clone would lose of a result. */
type Lost<R> = 0 extends 1 & Portable.Success<R> ? never : LostOf<Portable.Success<R>>

/** What a function is told to be instead: no hook and no way to cross is inferred from it. */
type CheckMade<T> = [T] extends [never]
  ? { readonly "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions": true }
  : unknown

type CheckRequirements<R, P> = 0 extends 1 & R
  ? unknown
  : [Exclude<R, P | Scope.Scope>] extends [never]
    ? unknown
    : { readonly "the pool's services do not provide": Exclude<R, P | Scope.Scope> }

type CheckHook<H, S, P> = [H] extends [never]
  ? CheckMade<H>
  : CheckRequirements<Portable.Requirements<Returned<H>>, P> &
      (H extends Effect.Effect<any, any, any>
        ? unknown
        : H extends (worker: WorkerContext<S>) => any
          ? unknown
          : { readonly "this hook is neither an Effect nor a function of a worker with the state": S })

type CheckExitResult<R> = [Lost<R>] extends [never]
  ? unknown
  : { readonly "structured clone would lose this exit result": Lost<R> }

type CheckResult<R, C> = [C] extends ["encoded"]
  ? unknown
  : [Lost<R>] extends [never]
    ? unknown
    : { readonly "structured clone would lose this result: give Portable.make an output Schema": Lost<R> }

type CheckWorker<W, S> = [WorkerContext<S>] extends [W]
  ? unknown
  : [W] extends [WorkerContext<any>]
    ? // where the states differ, the compiler says it best
      Portable.Portable<(item: any, worker: WorkerContext<S>) => any, Portable.Crossing>
    : {
        readonly "a task takes one item, then the worker: give it several values as one tuple or object, or bind the first with Portable.bind": W
      }

/** A task whose results are dropped. */
type CheckDropped<R, C, S, P, W> = CheckMade<C> & CheckWorker<W, S> & CheckRequirements<Portable.Requirements<R>, P>

type CheckTask<R, C, S, P, W> = CheckDropped<R, C, S, P, W> & CheckResult<R, C>

type CheckArray<R> = [Portable.Success<R>] extends [TypedArray]
  ? unknown
  : { readonly "a task of mapArray returns a TypedArray, and this one returns": Portable.Success<R> }

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * `E`, but inferred from arguments alone: where none decides it, a context such as `Effect.all` would make it `any`.
 *
 * **When to use**
 *
 * Never in your own code. It is exported because TypeScript writes it into the declarations of generic functions that
 * call a pool.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Given<E> = [E] extends [infer G extends E] ? G : never

/**
 * A task for a pool with state `S` and services `P`: a portable function of an item and the worker that returns an `R`.
 *
 * @see {@link Portable.module} for references to the exports of a module that only workers load
 * @see {@link Portable.make} for a function with Schemas, in a module that both sides load
 *
 * @category models
 * @since 0.1.0
 */
export type Task<A, R, C extends Portable.Crossing, S, P> = Portable.Portable<
  (item: A, worker: WorkerContext<S>) => R,
  C
> &
  CheckTask<R, C, S, P, WorkerContext<S>>

/**
 * The outcome of one item.
 *
 * @see {@link WorkerPool.streamExit} for a Stream of outcomes
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome<out B, out E> {
  /** The item's index in the input, from 0. */
  readonly index: number
  /** Its result, or the Cause of its failure. */
  readonly exit: Exit.Exit<B, E>
}

/**
 * What every pool offers besides its calls; `X` is what its exit hook returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controls<out X> {
  /** The pool's name, by which its events, metrics, insights and errors call it: see {@link PoolOptions.name}. */
  readonly name: string
  /** Acquires a worker in every slot now, so that the first call need not wait for it. */
  readonly start: Effect.Effect<void, WorkerPoolError>
  /**
   * Waits for the calls that are running, then releases all workers. Calls made meanwhile wait until that is done. The
   * pool stays usable.
   *
   * @see {@link Controls.terminate} for not waiting
   * @see {@link Controls.restart} for replacing the workers while calls go on
   */
  readonly stop: Effect.Effect<void, WorkerPoolError>
  /**
   * Kills all workers now, without exit hooks; running calls fail with `Terminated`. The pool stays usable.
   *
   * @see {@link Controls.stop} for an orderly release
   */
  readonly terminate: Effect.Effect<void>
  /**
   * Releases every live worker, with the current `exit`: idle ones now, each of the others before it gets another
   * chunk. Slots acquire new workers as they get work. Completes when all those workers have been released.
   *
   * @see {@link Options.lifespan} for replacing a worker after a number of items
   */
  readonly restart: Effect.Effect<void, WorkerPoolError>
  /**
   * Changes the number of slots, an integer >= 1. New slots can be used at once. Slots that are too many finish the
   * chunks that they have; the Effect completes when their workers have been released.
   *
   * @see {@link Options.size} for the size to begin with
   */
  readonly setSize: (size: number) => Effect.Effect<void, WorkerPoolError>
  /**
   * Changes `keepAlive`. The change acts at the end of the map-family call that is running, or else of the next one:
   * this method alone releases no worker.
   *
   * @see {@link Options.keepAlive} for what the values mean
   * @see {@link Controls.stop} for releasing all workers
   */
  readonly setKeepAlive: (keepAlive: boolean | Duration.Input) => Effect.Effect<void, WorkerPoolError>
  /**
   * What exit hooks returned in the current session, or in the last one where none is going on, in order of arrival;
   * at most the newest 10,000. A session begins with a call and ends when the pool is emptied: at the end of a
   * map-family call without `keepAlive`, by idle time, `stop` or `terminate`.
   *
   * @see {@link Stats.exitResultsDropped} for how many older ones were dropped
   */
  readonly exitResults: Effect.Effect<ReadonlyArray<X>>
  /** Numbers about the pool, as they are now. */
  readonly stats: Effect.Effect<Stats>
  /**
   * Where the time of the pool's workers goes, since the pool was made: start-up, `init`, waiting, working and `exit`, for
   * each slot and in total, and the items that took longest. To be read at any time, and after the pool's Scope has closed.
   *
   * **Details**
   *
   * Times are the Clock's on fibers, and real ones on threads and processes. What runs now counts as working up to now.
   *
   * @see `Insights.format` for a text
   * @see `Insights.advice` for what to do about it
   */
  readonly insights: Effect.Effect<Insights>
  /**
   * What happens in the pool from the moment that the Stream is run: workers come and go, chunks are sent and done, items
   * fail, calls begin, come on and end. It ends when the pool's Scope closes.
   *
   * **Details**
   *
   * - Times are the Clock's.
   * - Any number of fibers can listen. The newest 2,048 events are kept for all of them; a listener that falls behind by
   *   more gets `Missed` with how many it has missed, and goes on with what is there. The pool never waits for one.
   * - While nobody listens, no event is made.
   *
   * @see `PoolEvent.toChromeTrace` for a picture of what workers did when
   */
  readonly events: Stream.Stream<PoolEvent>
}

type MapMethod<S, X, P> = <A, R, C extends Portable.Crossing = never, W = WorkerContext<S>, E = never, R0 = never>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Portable.Portable<(item: A, worker: W) => R, C> & CheckTask<R, C, S, P, W>,
  options?: CallOptions<S, X, P>
) => Effect.Effect<Array<Portable.Success<R>>, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>

type StreamMethod<S, X, P> = <A, R, C extends Portable.Crossing = never, W = WorkerContext<S>, E = never, R0 = never>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Portable.Portable<(item: A, worker: W) => R, C> & CheckTask<R, C, S, P, W>,
  options?: CallOptions<S, X, P>
) => Stream.Stream<Portable.Success<R>, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>

type StreamExitMethod<S, X, P> = <
  A,
  R,
  C extends Portable.Crossing = never,
  W = WorkerContext<S>,
  E = never,
  R0 = never
>(
  items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
  task: Portable.Portable<(item: A, worker: W) => R, C> & CheckTask<R, C, S, P, W>,
  options?: CallOptions<S, X, P>
) => Stream.Stream<
  Outcome<Portable.Success<R>, Portable.Failure<R> | WorkerPoolError>,
  Given<E> | WorkerPoolError,
  Given<R0>
>

/**
 * A pool of workers with state `S`, exit results `X` and services `P`.
 *
 * **Details**
 *
 * - `items` is any Iterable, AsyncIterable (an async generator, a Node stream) or Stream; a task gets one item as one
 *   argument, and the worker as a second.
 * - A call fails with the first failure of an item: no further chunk of it is sent, its running items are
 *   interrupted, and then it fails. Interrupting a call, or ending a stream early, does the same. Other calls go on.
 * - Calls may overlap, from any fibers, and are served in turn: a call that waits gets its first worker when an item of
 *   the others has ended, not only when a chunk has.
 *
 * @see {@link make} for a pool in a Scope
 * @see {@link Service} for a pool as a service of an app
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerPool<in out S = void, in out X = unknown, in out P = never> extends Controls<X> {
  readonly [TypeId]: typeof TypeId
  /**
   * Maps items to results, in input order.
   *
   * @see {@link WorkerPool.mapUnordered} for completion order
   * @see {@link WorkerPool.mapExit} for going on after failures
   * @see {@link WorkerPool.stream} for results one by one, and input without end
   * @see {@link WorkerPool.mapArray} for arrays of numbers
   */
  readonly map: MapMethod<S, X, P>
  /**
   * Maps items to results, in completion order.
   *
   * @see {@link WorkerPool.map} for input order
   */
  readonly mapUnordered: MapMethod<S, X, P>
  /**
   * Maps items to their outcomes, in input order, without failing fast: an item's Exit holds the task's own result or
   * failure, `TaskTimedOut`, `WorkerLost` or `NotSerializable`. Every other reason fails the call.
   *
   * @see {@link WorkerPool.map} for failing fast
   * @see {@link WorkerPool.streamExit} for outcomes one by one
   */
  readonly mapExit: <A, R, C extends Portable.Crossing = never, W = WorkerContext<S>, E = never, R0 = never>(
    items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
    task: Portable.Portable<(item: A, worker: W) => R, C> & CheckTask<R, C, S, P, W>,
    options?: CallOptions<S, X, P>
  ) => Effect.Effect<
    Array<Exit.Exit<Portable.Success<R>, Portable.Failure<R> | WorkerPoolError>>,
    Given<E> | WorkerPoolError,
    Given<R0>
  >
  /**
   * Runs a task on every item. Results are dropped in the worker, so they may be of any type.
   *
   * @see {@link WorkerPool.map} for the results
   */
  readonly forEach: <A, R, C extends Portable.Crossing = never, W = WorkerContext<S>, E = never, R0 = never>(
    items: Iterable<A> | AsyncIterable<A> | Stream.Stream<A, E, R0>,
    task: Portable.Portable<(item: A, worker: W) => R, C> & CheckDropped<R, C, S, P, W>,
    options?: CallOptions<S, X, P>
  ) => Effect.Effect<void, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>
  /**
   * A lazy Stream of results in input order, with back-pressure: at most `maxActive` items are pulled ahead of the
   * consumer.
   *
   * @see {@link WorkerPool.streamUnordered} for completion order
   * @see {@link WorkerPool.streamExit} for going on after failures
   * @see {@link WorkerPool.map} for all results at once
   */
  readonly stream: StreamMethod<S, X, P>
  /**
   * A lazy Stream of results in completion order, with back-pressure as in `stream`.
   *
   * @see {@link WorkerPool.stream} for input order
   */
  readonly streamUnordered: StreamMethod<S, X, P>
  /**
   * A lazy Stream of outcomes in input order, as `mapExit` gives them.
   *
   * @see {@link WorkerPool.mapExit} for what fails an item, and what the call
   * @see {@link WorkerPool.streamUnorderedExit} for completion order
   */
  readonly streamExit: StreamExitMethod<S, X, P>
  /**
   * A lazy Stream of outcomes in completion order, as `mapExit` gives them.
   *
   * @see {@link WorkerPool.mapExit} for what fails an item, and what the call
   * @see {@link WorkerPool.streamExit} for input order
   */
  readonly streamUnorderedExit: StreamExitMethod<S, X, P>
  /**
   * Maps a TypedArray slice by slice: a task gets a slice of the array as a TypedArray, and returns a TypedArray; the
   * results are concatenated in order.
   *
   * **When to use**
   *
   * Use for numbers, pixels and samples by the thousand: elements cost no message and no object each, and on threads an
   * array in shared memory is not even copied.
   *
   * **Details**
   *
   * - On threads, slices of an array over a `SharedArrayBuffer` are views of just that memory. Slices of another
   *   array are copied to shared memory, each once, as they are sent; to avoid that, make the array over a
   *   `SharedArrayBuffer` in the first place: `new Float64Array(new SharedArrayBuffer(8 * length))`. To processes
   *   slices are copied. A `FiberPool`, and fibers with `clone: false`, see views of the array itself.
   * - The result is always over a `SharedArrayBuffer`, so that the next `mapArray` takes it as it is;
   *   `result.slice()` is an ordinary array. On threads, a slice's result of the array's own type and the slice's
   *   length is written to the call's result by the worker, and does not cross. Any other is moved to the pool, which
   *   concatenates them in the end.
   * - A slice is an item: `timeout` is the time for one slice, `lifespan` and `maxActive` count slices, and so do the
   *   indices in errors. By default there are 32 slices per worker, but none of less than 1,024 elements, unless
   *   there would be fewer than 4 per worker. `chunkSize` is the number of elements in a slice, `chunks` the number
   *   of slices.
   * - A slice for which a task returns no TypedArray, or one of another type than for other slices of the call, fails
   *   the call with `NotSerializable`.
   * - A slice's elements are their own encoding, so Schemas for input and output are not applied; one for errors is.
   *
   * **Gotchas**
   *
   * - A task sees shared memory as it is while it runs, and what it writes to its slice is written to the array. A
   *   task that changes its slice, and is run again because its worker was lost (`onWorkerLost: { retries }`), finds
   *   it changed.
   * - A result that differs from its slice in type or length is moved: the task cannot use it any more. An array that
   *   is kept, in the worker's state for example, is returned as a copy: `kept.slice()`.
   * - An empty array starts no worker, so that nobody knows what type the task would have returned: the result is an
   *   empty array of the input's own type.
   *
   * @example
   * ```ts
   * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
   * import * as Effect from "effect/Effect"
   *
   * const halve = Portable.inline((slice: Float64Array) => slice.map((x) => x / 2))
   * const keepOdd = Portable.inline((slice: Int32Array) => slice.filter((n) => n % 2 === 1))
   *
   * const program = Effect.gen(function*() {
   *   const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
   *   const numbers = new Float64Array(new SharedArrayBuffer(8 * 10_000)).fill(3)
   *   const halves = yield* pool.mapArray(numbers, halve)
   *   const quarters = yield* pool.mapArray(halves, halve)
   *   const odd = yield* pool.mapArray(Int32Array.of(1, 2, 3, 4, 5), keepOdd, { chunks: 2 })
   *   return { length: quarters.length, last: quarters.at(-1), odd: Array.from(odd) }
   * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
   *
   * await Effect.runPromise(program) // => { length: 10_000, last: 0.75, odd: [1, 3, 5] }
   * ```
   *
   * @see {@link WorkerPool.map} for items of any type
   */
  readonly mapArray: <A extends TypedArray, R, C extends Portable.Crossing = never, W = WorkerContext<S>>(
    array: A,
    task: Portable.Portable<(item: ArrayOver<A, ArrayBufferLike>, worker: W) => R, C> &
      CheckTask<R, C, S, P, W> &
      CheckArray<R>,
    options?: MapArrayOptions<S, X, P>
  ) => Effect.Effect<ArrayOver<Portable.Success<R>, SharedArrayBuffer>, Portable.Failure<R> | WorkerPoolError>
  /**
   * Runs a task on one item.
   *
   * **Details**
   *
   * `run`s of one task that wait for a worker at the same time share a message while the task's items take less than
   * a millisecond. Each still fails, is interrupted and times out by itself. A `run` never ends a session: the worker
   * that it started stays until the end of a map-family call, idle time, `stop` or the close of the pool's Scope.
   *
   * **Gotchas**
   *
   * Outcomes of items that share a message may be reported together when each takes less than 0.1 ms: one that has
   * just ended can be lost with its worker, or wait for the item after it. With a `timeout`, each is reported before
   * the next one starts.
   *
   * @see {@link WorkerPool.map} for many items
   * @see {@link Options.maxPending} for a bound on how many `run`s wait
   */
  readonly run: <A, R, C extends Portable.Crossing = never, W = WorkerContext<S>>(
    task: Portable.Portable<(item: A, worker: W) => R, C> & CheckTask<R, C, S, P, W>,
    input: NoInfer<A>,
    options?: RunOptions
  ) => Effect.Effect<Portable.Success<R>, Portable.Failure<R> | WorkerPoolError>
}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

/**
 * Makes a pool, which lives as long as the Scope. No worker starts before the first call.
 *
 * **When to use**
 *
 * Use inside a scoped program.
 *
 * **Details**
 *
 * `options` may be an Effect, so a size can come from Config. Options out of range fail with `InvalidOptions`. When
 * the Scope closes, running calls fail with `PoolClosed`, every worker is released with the current `exit`, and no
 * thread or timer is left.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const square = Portable.make(import.meta.url, "square", (n: number) => n * n)
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
 *   return yield* pool.map([1, 2, 3], square)
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @see {@link Service} for a pool in an app's layers
 * @see `FiberPool.make` for closures, on fibers of this process
 * @see {@link WorkerRuntime} for where the workers live
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <I = never, XF = never, P = never, E = never, R = never>(
  options?: Options<I, XF, P> | Effect.Effect<Options<I, XF, P>, E, R>
) => Effect.Effect<
  WorkerPool<StateOf<I>, ExitResultOf<XF>, P>,
  Given<E> | WorkerPoolError,
  Given<R> | Scope.Scope | WorkerRuntime
> =
  // sound: the engine passes items, results, failures and state on as they are, or as their Schemas decode them
  internal.make as any

/**
 * A class made by `Service`: the pool's key in a Context, and the layers that make the pool.
 *
 * @see {@link Service} for making one
 *
 * @category services
 * @since 0.1.0
 */
export interface ServiceClass<Self, Id extends string, S, X, P, E, R> extends Context.ServiceClass<
  Self,
  Id,
  WorkerPool<S, X, P>
> {
  /** Makes the pool, which lives as long as the layer. */
  readonly layer: Layer.Layer<Self, WorkerPoolError | E, WorkerRuntime | R>
  /** Makes the pool with some of its options replaced, by a test for example. */
  readonly layerWith: (
    overrides: PoolOptions & CallOptions<S, X, P>
  ) => Layer.Layer<Self, WorkerPoolError | E, WorkerRuntime | R>
}

/**
 * A pool as a service of an app.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const square = Portable.make(import.meta.url, "square", (n: number) => n * n)
 *
 * class Squares extends WorkerPool.Service<Squares>()("app/Squares", { size: 2, keepAlive: true }) {}
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* Squares
 *   return yield* pool.map([1, 2, 3], square)
 * }).pipe(Effect.provide(Squares.layer), Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @see {@link make} for a pool in a Scope
 *
 * @category services
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <const Id extends string, I = never, XF = never, P = never, E = never, R = never>(
    id: Id,
    options: Options<I, XF, P> | Effect.Effect<Options<I, XF, P>, E, R> = {}
  ): ServiceClass<Self, Id, StateOf<I>, ExitResultOf<XF>, P, Given<E>, Exclude<Given<R>, Scope.Scope>> => {
    const key = Context.Service<Self, WorkerPool<StateOf<I>, ExitResultOf<XF>, P>>()(id)
    return Object.assign(key, {
      layer: Layer.effect(key, make(internal.named(id, options))),
      layerWith: (overrides: PoolOptions & CallOptions<StateOf<I>, ExitResultOf<XF>, P>) =>
        Layer.effect(key, make(internal.override(internal.named(id, options), overrides)))
    })
  }

/**
 * Tests whether a value is a `WorkerPool`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWorkerPool = (u: unknown): u is WorkerPool<any, any, any> => internal.isWorkerPool(u)
