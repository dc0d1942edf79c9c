/**
 * Parallel map over a pool of workers that live on fibers, threads or processes. A worker is a scoped resource: `init`
 * acquires it, `exit` and its finalizers release it; how long it is kept is a choice of scope, `keepAlive` and
 * `lifespan`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { DispatchOptions, OnWorkerLost, PoolOptions } from "./internal/pool/dispatchOptions.ts"
import type { Stats } from "./internal/pool/stats.ts"
import type { ArrayOver, TypedArray } from "./internal/wire/typedArray.ts"
import * as internal from "./internal/workerPool.ts"
import type * as Portable from "./Portable.ts"
import type { WorkerContext } from "./WorkerContext.ts"
import type { WorkerPoolError } from "./WorkerPoolError.ts"
import { WorkerRuntime } from "./WorkerRuntime.ts"

/**
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
 * Options of the map family. Those named here replace the pool's defaults for the call.
 *
 * @category options
 * @since 0.1.0
 */
export interface CallOptions<in out S, in out X, out P> extends DispatchOptions {
  /** Run when a worker is acquired from now on. Must return the pool's state. */
  readonly init?: Portable.Portable<HookOf<void, S, P>> | undefined
  /** Run when a worker is released from now on. */
  readonly exit?: Portable.Portable<HookOf<S, X, P>> | undefined
}

/**
 * Options of `mapArray`, where an item is a slice: `maxActive` and `lifespan` count slices, `timeout` is that of a slice.
 *
 * @category options
 * @since 0.1.0
 */
export interface MapArrayOptions<in out S, in out X, out P> extends Omit<CallOptions<S, X, P>, "length"> {
  /**
   * Elements per slice, an integer >= 1; the last slice may be shorter. Default: see `mapArray`; a pool's default, which is
   * about items, is not used.
   */
  readonly chunkSize?: number | undefined
  /** Number of slices, an integer >= 1, in place of `chunkSize`; fewer where there are fewer elements. */
  readonly chunks?: number | undefined
}

/**
 * Options of `run`.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunOptions {
  /** How long the item may take from when it starts in the worker. Default: the pool's `timeout`. */
  readonly timeout?: Duration.Input | undefined
  /** What becomes of the item when its worker is lost. Default: the pool's `onWorkerLost`. */
  readonly onWorkerLost?: OnWorkerLost | undefined
}

/**
 * Options of a pool: `I` is the `init` hook, `XF` the `exit` hook, `P` what the services layer provides.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<I, XF, P> extends PoolOptions {
  /**
   * Run when a worker is acquired: an Effect, or a function of the worker that returns a value, Promise or Effect. What
   * it returns is the worker's state. It may register finalizers in the worker's Scope.
   */
  readonly init?: (Portable.Portable<I> & CheckHook<I, void, P>) | undefined
  /** Run when a worker is released; it gets the state, and its results are read by `exitResults`. */
  readonly exit?: (Portable.Portable<XF> & CheckHook<XF, StateOf<I>, P> & CheckExitResult<Returned<XF>>) | undefined
  /** A Layer, built once per worker before `init` and closed after `exit`, that provides what hooks and tasks require. */
  readonly services?: Portable.Portable<Layer.Layer<P, any>> | undefined
}

// -----------------------------------------------------------------------------
// Types
// -----------------------------------------------------------------------------

/**
 * A hook: an Effect, or a function of the worker that returns a plain value, a Promise or an Effect.
 *
 * @category utility types
 * @since 0.1.0
 */
export type HookOf<S, A, P> =
  | Effect.Effect<A, any, P | Scope.Scope>
  | ((worker: WorkerContext<S>) => Plain<A> | Promise<A> | Effect.Effect<A, any, P | Scope.Scope>)

/** An `unknown` result would let Effects pass whose requirements nobody has looked at. */
type Plain<A> = unknown extends A ? NoEffect : A

type NoEffect =
  | (object & { readonly [Effect.TypeId]?: never })
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | void

/**
 * What a hook returns before it is unwrapped: the Effect that it is, or what it returns as a function.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Returned<H> = H extends Effect.Effect<any, any, any> ? H : H extends (...args: any) => infer R ? R : never

/**
 * The state that an `init` hook gives its worker.
 *
 * @category utility types
 * @since 0.1.0
 */
export type StateOf<I> = Portable.Success<Returned<I>>

/**
 * `E`, but inferred from arguments alone: where none decides it, the type that a context such as `Effect.all` expects
 * would make it `any`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Given<E> = [E] extends [infer G extends E] ? G : never

/**
 * `unknown` when the pool provides what is required, or else a type that nothing has, whose key says what is wrong.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckRequirements<R, P> = 0 extends 1 & R
  ? unknown
  : [Exclude<R, P | Scope.Scope>] extends [never]
    ? unknown
    : { readonly "the pool's services do not provide": Exclude<R, P | Scope.Scope> }

/**
 * `unknown` when `H` is a hook of a worker with state `S` whose requirements are met, or else a type that nothing has,
 * whose key says what is wrong.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckHook<H, S, P> = CheckRequirements<Portable.Requirements<Returned<H>>, P> &
  (H extends Effect.Effect<any, any, any>
    ? unknown
    : H extends (worker: WorkerContext<S>) => any
      ? unknown
      : { readonly "this hook is neither an Effect nor a function of a worker with the state": S })

/**
 * `unknown` when what an exit hook returns can cross, or else a type that nothing has, whose key says what is wrong.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckExitResult<R> = [Portable.Lost<R>] extends [never]
  ? unknown
  : { readonly "structured clone would lose this exit result": Portable.Lost<R> }

/**
 * `unknown` when a task's requirements are met and its result can cross, or else a type that nothing has.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckTask<R, C, P> = CheckRequirements<Portable.Requirements<R>, P> &
  ([C] extends ["encoded"]
    ? unknown
    : [Portable.Lost<R>] extends [never]
      ? unknown
      : { readonly "structured clone would lose this result: give Portable.make an output Schema": Portable.Lost<R> })

/**
 * A task for a pool with state `S` and services `P`: a portable function of an item and the worker that returns an `R`.
 *
 * @category models
 * @since 0.1.0
 */
export type Task<A, R, C extends Portable.Crossing, S, P> = Portable.Portable<
  (item: A, worker: WorkerContext<S>) => R,
  C
> &
  CheckTask<R, C, P>

/**
 * `unknown` when what a task returns is a TypedArray, or else a type that nothing has, whose key says what is wrong.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckArray<R> = [Portable.Success<R>] extends [TypedArray]
  ? unknown
  : { readonly "a task of mapArray returns a TypedArray, and this one returns": Portable.Success<R> }

/**
 * The outcome of one item.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome<out B, out E> {
  /** The item's place in the input, from 0. */
  readonly index: number
  readonly exit: Exit.Exit<B, E>
}

/**
 * What every pool offers besides its calls; `X` is what its exit hook returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controls<out X> {
  /** Acquires a worker in every slot now. */
  readonly start: Effect.Effect<void, WorkerPoolError>
  /**
   * Waits for the calls that are running, then releases all workers. Calls made meanwhile wait for it. The pool stays
   * usable.
   */
  readonly stop: Effect.Effect<void, WorkerPoolError>
  /** Kills all workers now, without exit hooks; running calls fail with `Terminated`. The pool stays usable. */
  readonly terminate: Effect.Effect<void>
  /**
   * Replaces the live workers: each is released, with the current `exit`, before it gets another chunk, idle ones now.
   * Completes when all of them have been released.
   */
  readonly restart: Effect.Effect<void, WorkerPoolError>
  /**
   * Changes the number of slots, an integer >= 1. Grows at once; shrinks as slots fall free, and completes when their
   * workers have been released.
   */
  readonly setSize: (size: number) => Effect.Effect<void, WorkerPoolError>
  /**
   * Changes `keepAlive`. It acts at the end of the running map-family call, or of the next one; it does nothing by
   * itself.
   */
  readonly setKeepAlive: (keepAlive: boolean | Duration.Input) => Effect.Effect<void, WorkerPoolError>
  /**
   * What exit hooks returned in the current session (from a call to the moment the pool is emptied), or else the last
   * one, in order of arrival; at most the newest 10,000.
   */
  readonly exitResults: Effect.Effect<ReadonlyArray<X>>
  /** Numbers about the pool, as they are now. */
  readonly stats: Effect.Effect<Stats>
}

/**
 * `map` and `mapUnordered`.
 *
 * @category models
 * @since 0.1.0
 */
export type MapMethod<S, X, P> = <A, R, C extends Portable.Crossing, E = never, R0 = never>(
  items: Iterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, R, C, S, P>,
  options?: CallOptions<S, X, P>
) => Effect.Effect<Array<Portable.Success<R>>, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>

/**
 * `mapExit`.
 *
 * @category models
 * @since 0.1.0
 */
export type MapExitMethod<S, X, P> = <A, R, C extends Portable.Crossing, E = never, R0 = never>(
  items: Iterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, R, C, S, P>,
  options?: CallOptions<S, X, P>
) => Effect.Effect<
  Array<Exit.Exit<Portable.Success<R>, Portable.Failure<R> | WorkerPoolError>>,
  Given<E> | WorkerPoolError,
  Given<R0>
>

/**
 * `forEach`. Results never cross, so they may be of any type.
 *
 * @category models
 * @since 0.1.0
 */
export type ForEachMethod<S, X, P> = <A, R, C extends Portable.Crossing, E = never, R0 = never>(
  items: Iterable<A> | Stream.Stream<A, E, R0>,
  task: Portable.Portable<(item: A, worker: WorkerContext<S>) => R, C> & CheckRequirements<Portable.Requirements<R>, P>,
  options?: CallOptions<S, X, P>
) => Effect.Effect<void, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>

/**
 * `mapArray` maps a TypedArray slice by slice: a task gets a slice of the array as a TypedArray, and returns a TypedArray; what
 * the tasks return is put together in order.
 *
 * **When to use**
 *
 * Use for numbers, pixels and samples in great number: elements cost no message and no object each, and on threads an
 * array in shared memory is not even copied.
 *
 * **Details**
 *
 * - On threads, slices of an array over a `SharedArrayBuffer` are views of just that memory. Slices of another array are
 *   copied to shared memory, each once, as they are sent; to avoid that, make the array over a `SharedArrayBuffer` in the
 *   first place: `new Float64Array(new SharedArrayBuffer(8 * length))`. To processes slices are copied; a `FiberPool`, and
 *   fibers with `clone: false`, see views of the array itself.
 * - The result is always over a `SharedArrayBuffer`, so that the next `mapArray` takes it as it is; `result.slice()` is an
 *   ordinary array. A slice's result of the array's own type and the slice's length is written to its place there by the
 *   worker, and does not cross. Any other is moved to the pool, and what has come is put together in the end.
 * - A slice is an item: `timeout` is that of a slice, `lifespan` and `maxActive` count slices, and so do the indices in
 *   errors. By default there are 32 slices per worker, but none of less than 1,024 elements, unless there would be fewer
 *   than 4 per worker. `chunkSize` is the number of elements in a slice, `chunks` the number of slices.
 * - A slice for which a task returns no TypedArray, or one of another type than others of the call, fails the call with
 *   `NotSerializable`.
 * - A slice's elements are their own encoding, so Schemas for input and output are not applied; one for errors is.
 *
 * **Gotchas**
 *
 * - A task sees shared memory as it is while it runs, and what it writes to its slice is written to the array. A task that
 *   changes its slice, and is run again because its worker was lost (`onWorkerLost: { retries }`), finds it changed.
 * - A result that differs from its slice in type or length is moved: the task cannot use it any more. An array that is
 *   kept, in the worker's state for example, is returned as a copy: `kept.slice()`.
 * - An empty array starts nothing, so that nobody knows what the task would have returned: the result is an empty array of
 *   the input's own type.
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
 * @category models
 * @since 0.1.0
 */
export type MapArrayMethod<S, X, P> = <A extends TypedArray, R, C extends Portable.Crossing>(
  array: A,
  task: Task<ArrayOver<A, ArrayBufferLike>, R, C, S, P> & CheckArray<R>,
  options?: MapArrayOptions<S, X, P>
) => Effect.Effect<ArrayOver<Portable.Success<R>, SharedArrayBuffer>, Portable.Failure<R> | WorkerPoolError>

/**
 * `stream` and `streamUnordered`.
 *
 * @category models
 * @since 0.1.0
 */
export type StreamMethod<S, X, P> = <A, R, C extends Portable.Crossing, E = never, R0 = never>(
  items: Iterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, R, C, S, P>,
  options?: CallOptions<S, X, P>
) => Stream.Stream<Portable.Success<R>, Given<E> | Portable.Failure<R> | WorkerPoolError, Given<R0>>

/**
 * `streamExit` and `streamUnorderedExit`.
 *
 * @category models
 * @since 0.1.0
 */
export type StreamExitMethod<S, X, P> = <A, R, C extends Portable.Crossing, E = never, R0 = never>(
  items: Iterable<A> | Stream.Stream<A, E, R0>,
  task: Task<A, R, C, S, P>,
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
 * `items` is any Iterable or Stream; a task gets one item as one argument. Calls may overlap, from any fibers; slots
 * serve them in turn: one that waits gets its first worker after an item of the others, not after a chunk. On the first failure of a call no further chunk of it is sent, its running items are interrupted,
 * and then the call fails with that failure. Interrupting a call, or ending a stream early, does the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerPool<in out S = void, in out X = unknown, in out P = never> extends Controls<X> {
  readonly [TypeId]: typeof TypeId
  /** Maps items to results, in input order. */
  readonly map: MapMethod<S, X, P>
  /** Maps items to results, in completion order. */
  readonly mapUnordered: MapMethod<S, X, P>
  /**
   * Maps items to their outcomes, in input order, without failing fast: per item the task's own Exit, `TaskTimedOut`,
   * `WorkerLost` or `NotSerializable`. Every other reason fails the call.
   */
  readonly mapExit: MapExitMethod<S, X, P>
  /** Runs a task on every item; its results are dropped in the worker, not sent back. */
  readonly forEach: ForEachMethod<S, X, P>
  /** A lazy Stream of results in input order, with back-pressure. */
  readonly stream: StreamMethod<S, X, P>
  /** A lazy Stream of results in completion order, with back-pressure. */
  readonly streamUnordered: StreamMethod<S, X, P>
  /** A lazy Stream of outcomes in input order, as `mapExit` gives them. */
  readonly streamExit: StreamExitMethod<S, X, P>
  /** A lazy Stream of outcomes in completion order, as `mapExit` gives them. */
  readonly streamUnorderedExit: StreamExitMethod<S, X, P>
  /**
   * Maps a TypedArray slice by slice, on threads without copying it; what the tasks return is put together in order. See
   * `MapArrayMethod`.
   */
  readonly mapArray: MapArrayMethod<S, X, P>
  /**
   * Runs a task on one item.
   *
   * **Details**
   *
   * `run`s of one task that wait for a worker at the same time share a message while the task's items take less than a
   * millisecond. Each still fails, is interrupted and times out by itself.
   *
   * **Gotchas**
   *
   * Outcomes of items that share a message may go out together when each takes less than 0.1 ms: one that has just ended can
   * be lost with its worker, or wait for the item after it. With a `timeout`, each is reported before the next one starts.
   */
  readonly run: <A, R, C extends Portable.Crossing>(
    task: Task<A, R, C, S, P>,
    input: NoInfer<A>,
    options?: RunOptions
  ) => Effect.Effect<Portable.Success<R>, Portable.Failure<R> | WorkerPoolError>
}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

/**
 * Makes a pool, which lives as long as the Scope. Nothing starts before the first call.
 *
 * **When to use**
 *
 * Use inside a scoped program. In an app's layers use `Service`.
 *
 * **Details**
 *
 * `options` may be an Effect, so a size can come from Config. Options out of range fail with `InvalidOptions`. When the
 * Scope closes, running calls fail with `PoolClosed`, every worker is released with the current `exit`, and no thread or
 * timer is left.
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
 * @category constructors
 * @since 0.1.0
 */
export const make: <I = () => void, XF = () => unknown, P = never, E = never, R = never>(
  options?: Options<I, XF, P> | Effect.Effect<Options<I, XF, P>, E, R>
) => Effect.Effect<
  WorkerPool<StateOf<I>, StateOf<XF>, P>,
  Given<E> | WorkerPoolError,
  Given<R> | Scope.Scope | WorkerRuntime
> = internal.make

/**
 * A class made by `Service`: the pool's key in a Context, and the layers that make it.
 *
 * @category services
 * @since 0.1.0
 */
export interface ServiceClass<Self, Id extends string, S, X, P, E, R> extends Context.ServiceClass<
  Self,
  Id,
  WorkerPool<S, X, P>
> {
  /** Makes the pool; it lives as long as the layer. */
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
 * @category services
 * @since 0.1.0
 */
export const Service =
  <Self>(): (<const Id extends string, I = () => void, XF = () => unknown, P = never, E = never, R = never>(
    id: Id,
    options?: Options<I, XF, P> | Effect.Effect<Options<I, XF, P>, E, R>
  ) => ServiceClass<Self, Id, StateOf<I>, StateOf<XF>, P, Given<E>, Exclude<Given<R>, Scope.Scope>>) =>
  (id: string, options: internal.Options = {}): any => {
    const key = Context.Service<Self, WorkerPool<any, any, any>>()(id)
    return Object.assign(key, {
      layer: Layer.effect(key, internal.make(options)),
      layerWith: (overrides: PoolOptions & CallOptions<any, any, any>) =>
        Layer.effect(key, internal.make(internal.override(options, overrides)))
    })
  }

/**
 * Tests whether a value is a `WorkerPool`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWorkerPool = (u: unknown): u is WorkerPool<any, any, any> => internal.isWorkerPool(u)
