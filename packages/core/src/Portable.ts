/**
 * Things with an address, so that another thread, process or machine can find them: tasks, hooks and layers for a
 * `WorkerPool`. An address is a module URL and an export name.
 *
 * - `module`: typed references to all exports of a module, without importing it
 * - `make`: a function of a module that both sides import, with Schemas for what crosses
 * - `bind`: a value that is sent once per worker instead of once per item
 * - `inline`: a self-contained function, for scripts
 *
 * This module imports nothing from Effect, so that a worker that loads it starts fast.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Pipeable } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import * as internal from "./internal/task/portable.ts"

/**
 * The key of what makes a value portable.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId: "~effect-mpire/Portable" = internal.TypeId

/**
 * How inputs, results and failures of a portable task cross: by structured clone, or through Schemas.
 *
 * @category models
 * @since 0.1.0
 */
export type Crossing = "cloned" | "encoded"

/**
 * A reference to an `F` (a function, an Effect or a Layer) that a worker can load by its address.
 *
 * **Details**
 *
 * `F` is a phantom: a reference made by `module` can be neither called nor yielded, because the module is not loaded
 * on this side.
 *
 * @category models
 * @since 0.1.0
 */
export interface Portable<out F, out C extends Crossing = "cloned"> {
  readonly [TypeId]: {
    readonly _F: Types.Covariant<F>
    readonly _C: Types.Covariant<C>
  }
}

/**
 * What a task or hook returns in the end: the success of an Effect, the value of a Promise, or the plain value.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Success<R> =
  R extends Effect.Effect<infer A, infer _E, infer _R> ? A : R extends PromiseLike<infer A> ? Awaited<A> : R

/**
 * What a task or hook fails with, typed: the error of an Effect. A throw or a rejection is a defect. An `any` is taken
 * for a plain value.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Failure<R> = 0 extends 1 & R ? never : R extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/**
 * What an Effect that a task or hook returns requires.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Requirements<R> = 0 extends 1 & R ? never : R extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/**
 * What structured clone would lose of a result: Effect's own data (anything with `pipe`). `never` when nothing.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Lost<R> = 0 extends 1 & Success<R> ? never : Extract<Success<R>, Pipeable>

type Anything = ((...args: any) => any) | Effect.Effect<any, any, any> | Layer.Layer<never, any, any>

/**
 * References to every exported function, Effect and Layer of a module. One that `make` gave Schemas must be imported
 * instead: the Schemas are needed on both sides.
 *
 * @category models
 * @since 0.1.0
 */
export type Module<M> = {
  readonly [K in keyof M as M[K] extends Anything ? K : never]: M[K] extends Portable<unknown, "encoded">
    ? { readonly "this export has Schemas, which only an import of it can apply": M[K] }
    : Portable<M[K]>
}

/**
 * Typed references to the exports of a module, without importing it.
 *
 * **Details**
 *
 * `url` is what `new URL("./x.tasks.ts", import.meta.url)` makes, so bundlers and `tsc` leave it alone; when the `.ts`,
 * `.mts` or `.cts` file is missing in the worker, the `.js`, `.mjs` or `.cjs` beside it is tried. Inputs and results
 * cross by structured clone.
 *
 * **Gotchas**
 *
 * Nothing is loaded here: whether the module and its export exist shows in the worker, as `StartFailed`. A `Buffer` is a
 * view of a larger pool of memory, all of which is cloned with it: return `new Uint8Array(buffer)`.
 *
 * @example
 * ```ts
 * import { Portable } from "@effect-mpire/core"
 *
 * const path = Portable.module<typeof import("node:path")>("node:path")
 * const { basename } = path // basename is an address: it can be neither called nor yielded
 *
 * Portable.isPortable(basename) // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const module: <M>(url: URL | string) => Module<M> = internal.module

/**
 * Schemas for what crosses between the threads. They go through `Schema.toCodecJson`, with `Uint8Array`, `Date` and
 * `bigint` passed through, and must need no services. Callers see the types of the Schemas in place of the function's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Schemas {
  /** Of an item: of the first parameter, or with `bind` of the first that is not bound. */
  readonly input?: Schema.Codec<any, any, never, never> | undefined
  /** Of a result; it takes all that the function returns. */
  readonly output?: Schema.Codec<any, any, never, never> | undefined
  /** Of a failure; it takes all that the function fails with. */
  readonly error?: Schema.Codec<any, any, never, never> | undefined
}

/**
 * `unknown` when Schemas fit a function, or else a type that nothing has, whose keys say what is wrong.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CheckSchemas<F extends (...args: any) => any, O> = (O extends { readonly input: Schema.Schema<infer T> }
  ? [Takers<Parameters<F>, T>] extends [never]
    ? { readonly input: { readonly "the input Schema is of no parameter of the function": Parameters<F> } }
    : unknown
  : unknown) &
  (O extends { readonly output: Schema.Schema<infer T> }
    ? [Success<ReturnType<F>>] extends [T]
      ? unknown
      : {
          readonly output: {
            readonly "the output Schema does not take what the function returns": Success<ReturnType<F>>
          }
        }
    : unknown) &
  (O extends { readonly error: Schema.Schema<infer T> }
    ? [Failure<ReturnType<F>>] extends [T]
      ? unknown
      : {
          readonly error: {
            readonly "the error Schema does not take what the function fails with": Failure<ReturnType<F>>
          }
        }
    : unknown)

/** The places of parameters that take a `T`. */
type Takers<Args extends ReadonlyArray<unknown>, T> = { [K in keyof Args]: [T] extends [Args[K]] ? K : never }[number]

/** The places of parameters that take a `T` and nothing else. */
type Exactly<Args extends ReadonlyArray<unknown>, T> = {
  [K in keyof Args]: [T] extends [Args[K]] ? ([Args[K]] extends [T] ? K : never) : never
}[number]

/**
 * What callers of a task with Schemas `O` see of it.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Encoded<F extends (...args: any) => any, O> = (
  ...args: EncodedArgs<Parameters<F>, O>
) => EncodedReturn<ReturnType<F>, O>

type EncodedArgs<Args extends ReadonlyArray<unknown>, O> = O extends { readonly input: Schema.Schema<infer T> }
  ? [Exactly<Args, T>] extends [never]
    ? { [K in keyof Args]: [T] extends [Args[K]] ? T : Args[K] }
    : Args
  : Args

type EncodedReturn<R, O> = O extends { readonly output: object } | { readonly error: object }
  ? R extends Effect.Effect<infer A, infer E, infer Services>
    ? Effect.Effect<TypeOf<O, "output", A>, TypeOf<O, "error", E>, Services>
    : O extends { readonly output: object }
      ? TypeOf<O, "output", R>
      : R
  : R

type TypeOf<O, K extends string, A> = [A] extends [never]
  ? never
  : O extends { readonly [_ in K]: Schema.Schema<infer T> }
    ? T
    : A

/**
 * Makes a function (an Effect, a Layer) of a module that both sides import portable: the function itself, still
 * callable, with its address.
 *
 * **When to use**
 *
 * Use with Schemas, when inputs, results or failures are classes, Options or other Effect data, and should arrive as
 * themselves. Use `module` when the main thread should not load the task's module.
 *
 * **Details**
 *
 * Call it at the top level of the module with `import.meta.url` and a name that is unique in the module (by custom that
 * of the export). A `Transferable` Schema (`effect/workers/Transferable`) moves its buffers instead of copying them.
 * Without an `output` Schema a task that returns Effect data is a type error, because structured clone would lose it.
 *
 * **Gotchas**
 *
 * A worker that loads the module runs its top level. A program in the same file must be guarded, or a worker would start
 * it again: that fails with a `StartFailed` that says so. Keep tasks in files of their own.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Schema from "effect/Schema"
 *
 * const half = Portable.make(
 *   import.meta.url,
 *   "half",
 *   (n: number) => n % 2 === 0 ? Option.some(n / 2) : Option.none<number>(),
 *   { output: Schema.Option(Schema.Number) }
 * )
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 1 })
 *   return yield* pool.map([4, 5], half)
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => [Option.some(2), Option.none()]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <F extends (...args: any) => any, O extends Schemas>(
    url: URL | string,
    name: string,
    value: F,
    schemas: O & CheckSchemas<F, O>
  ): F & Portable<Encoded<F, O>, O extends { readonly output: object } ? "encoded" : "cloned">
  <F extends Anything>(url: URL | string, name: string, value: F): F & Portable<F>
} = internal.make

/**
 * Binds the first parameter: `(value, item, worker) => …` becomes `(item, worker) => …`, and the value crosses at most
 * once per worker, not once per item.
 *
 * **Details**
 *
 * Works for hooks as well. The value crosses by structured clone, as it is when it first crosses: a later mutation is
 * not seen. A `SharedArrayBuffer` in it is shared, not copied. Workers drop the value when the portable that binds it
 * has been collected on this side. Binds can be nested: `bind(bind(f, a), b)`.
 *
 * **Gotchas**
 *
 * Garbage is collected when the engine sees reason to, so values that are bound for one use each stay in the workers for
 * a while: pass those as items. A `SharedArrayBuffer` cannot cross to a process.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const lookup = Portable.make(
 *   import.meta.url,
 *   "lookup",
 *   (table: ReadonlyMap<string, number>, word: string) => table.get(word) ?? 0
 * )
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 1 })
 *   const table = new Map([["one", 1], ["two", 2]])
 *   return yield* pool.map(["two", "one", "ten"], Portable.bind(lookup, table))
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => [2, 1, 0]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const bind: <V, Args extends ReadonlyArray<any>, R, C extends Crossing>(
  portable: Portable<(value: V, ...args: Args) => R, C>,
  value: NoInfer<V>
) => Portable<(...args: Args) => R, C> = internal.bind

/**
 * Ships the source text of a self-contained function.
 *
 * **When to use**
 *
 * Use in scripts and experiments, where a file for the task would be too much.
 *
 * **Gotchas**
 *
 * The function is made anew from `String(f)` in the worker: it sees globals and its own parameters, and nothing from
 * the file it stands in, no imports either (`await import("node:zlib")` inside works). Methods, and what a bundler or a
 * coverage tool rewrote to use its own helpers, do not work.
 *
 * @example
 * ```ts
 * import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 1 })
 *   return yield* pool.map([1, 2, 3], Portable.inline((n: number) => n * n))
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => [1, 4, 9]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const inline: <F extends (...args: any) => any>(f: F) => Portable<F> = internal.inline

/**
 * Tests whether a value has an address.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPortable = (u: unknown): u is Portable<unknown, Crossing> => internal.isPortable(u)
