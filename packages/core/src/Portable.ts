/**
 * Tasks, hooks and layers that another thread, process or machine can find, because they have an address: a module's
 * URL and a name in that module. A `WorkerPool` takes nothing else.
 *
 * - `module`: typed references to all exports of a module, without importing it
 * - `make`: a function of a module that both sides import, with Schemas for what crosses between them
 * - `bind`: a value that is sent once per worker instead of once per item
 * - `inline`: a self-contained function, for scripts
 *
 * This module imports nothing from Effect, so that a worker that loads it starts fast.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import * as internal from "./internal/task/portable.ts"

/**
 * The key that marks a `Portable`.
 *
 * @category type IDs
 * @since 0.1.0
 */
export const TypeId: "~effect-mpire/Portable" = internal.TypeId

/**
 * How the results of a portable task cross to the pool: by structured clone, or through a Schema.
 *
 * @see {@link Schemas} for those that `make` takes
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
 * `F` is known to the compiler alone: a reference made by `module` can be neither called nor yielded, because the
 * module is not loaded on this side.
 *
 * @see {@link module} for references to the exports of a module
 * @see {@link make} for a function that is portable itself
 * @see {@link bind} for a value that crosses once per worker
 * @see {@link inline} for scripts
 *
 * @category models
 * @since 0.1.0
 */
export interface Portable<out F, out C extends Crossing = "cloned"> {
  /** What the compiler shows of a value that is none: there is no such property. */
  readonly "made by Portable.module, Portable.make or Portable.inline; a FiberPool takes plain functions": true
  readonly [TypeId]: {
    readonly _F: Types.Covariant<F>
    readonly _C: Types.Covariant<C>
  }
}

/**
 * What a task or hook that returns an `R` succeeds with: the success of an Effect, the value of a Promise, or the plain
 * value.
 *
 * @see {@link Failure} for what it fails with
 * @see {@link Requirements} for what it requires
 *
 * @category utility types
 * @since 0.1.0
 */
export type Success<R> =
  R extends Effect.Effect<infer A, infer _E, infer _R> ? A : R extends PromiseLike<infer A> ? Awaited<A> : R

/**
 * What a task or hook that returns an `R` fails with: the error of an Effect. A throw or a rejection is a defect,
 * which has no type. An `any` is taken for a plain value.
 *
 * @see {@link Success} for what it succeeds with
 *
 * @category utility types
 * @since 0.1.0
 */
export type Failure<R> = 0 extends 1 & R ? never : R extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/**
 * What a task or hook that returns an `R` requires: the services of an Effect.
 *
 * @see {@link Success} for what it succeeds with
 *
 * @category utility types
 * @since 0.1.0
 */
export type Requirements<R> = 0 extends 1 & R ? never : R extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

type Anything = ((...args: any) => any) | Effect.Effect<any, any, any> | Layer.Layer<never, any, any>

/**
 * Whether `F` is another type than its own parameters and result make: it is generic, where these have become unknown,
 * or overloaded. Two types are the same where conditional types that depend on them are
 * (https://github.com/microsoft/TypeScript/issues/27024#issuecomment-421529650).
 */
type IsErased<F extends (...args: any) => any> =
  (<G>() => G extends F ? 1 : 2) extends <G>() => G extends (...args: Parameters<F>) => ReturnType<F> ? 1 : 2
    ? false
    : true

/**
 * A generic function whose result would be unknown to callers, because a reference cannot carry type parameters. A
 * function that takes and returns unknowns by its own account is none.
 */
type IsGeneric<F> = F extends (...args: any) => any
  ? unknown extends Success<ReturnType<F>>
    ? 0 extends 1 & Success<ReturnType<F>>
      ? false
      : IsErased<F>
    : false
  : false

type CheckGeneric<F> =
  IsGeneric<F> extends true
    ? { readonly "this function is generic, and its results would be unknown: give it one type": never }
    : unknown

/**
 * References to every exported function, Effect and Layer of a module. An export that `make` gave Schemas must be
 * imported instead: the Schemas are needed on both sides. One that is generic, with a result of a generic type, must be
 * exported as a function of one type as well, such as `export const ofNumbers = ofAnything<number>`.
 *
 * @see {@link module} for making them
 *
 * @category models
 * @since 0.1.0
 */
export type Module<M> = {
  readonly [K in keyof M as M[K] extends Anything ? K : never]: M[K] extends Portable<unknown, "encoded">
    ? { readonly "this export has Schemas, which only an import of it can apply": M[K] }
    : IsGeneric<M[K]> extends true
      ? { readonly "this export is generic, and its results would be unknown: export a function of one type": M[K] }
      : Portable<M[K]>
}

/**
 * Typed references to the exports of a module, without importing it.
 *
 * **Details**
 *
 * `url` is what `new URL("./x.tasks.ts", import.meta.url)` makes, or an absolute path, or the name of a package. As neither
 * bundlers nor `tsc` rewrite it, the JavaScript file beside it (`.js`, `.mjs`, `.cjs`) is tried when a TypeScript file is
 * missing in the worker. Inputs and results cross by structured clone; a Buffer stays one.
 *
 * The types come from `import type * as Tasks from "./x.tasks.ts"`, which loads nothing: `module<typeof Tasks>(…)`. Editors
 * then find and rename the uses of a task from its declaration. They do not look into a file that knows the module by
 * `typeof import("./x.tasks.ts")` alone (TypeScript searches files that import a module), unless it exports what it calls.
 *
 * **Gotchas**
 *
 * Nothing is loaded here: a module or an export that does not exist shows in the worker, as `StartFailed`. A relative
 * address throws a `TypeError` here: a worker cannot know to what it is relative.
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
 * @see {@link make} for Schemas, in a module that this side loads too
 * @see {@link bind} for binding the first parameter of a reference
 *
 * @category constructors
 * @since 0.1.0
 */
export const module: <M>(url: URL | string) => Module<M> = internal.module

/**
 * What a worker file exports: the modules of tasks that it names, and how each is loaded.
 *
 * @see {@link modules} for references to its modules
 * @see `WorkerEntry.modules` for making one
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerFile<out M> {
  readonly "~effect-mpire/WorkerFile": M
}

/**
 * References to the modules that a worker file names, as `modules` makes them.
 *
 * @see {@link modules} for making them
 *
 * @category models
 * @since 0.1.0
 */
export type Modules<W> =
  W extends WorkerFile<infer M>
    ? { readonly [K in keyof M]: M[K] extends () => Promise<infer A> ? Module<A> : never }
    : never

/**
 * Typed references to the modules of a worker file, by the names that it gives them.
 *
 * **When to use**
 *
 * Use where a bundler builds the program: the worker file is the one file that it has to know, and finds all others by.
 *
 * **Details**
 *
 * Nothing is loaded here: the file's types come by `import type`. A worker loads the modules that it is asked for. The
 * runtime is told the file: `layerThreads({ spawn })`, `layerProcesses({ entry })`, `layerFibers({ load })`.
 *
 * **Gotchas**
 *
 * A name that the file does not give shows in the worker, as `StartFailed` that lists those that it gives.
 *
 * @example
 * ```ts
 * import { Portable, WorkerEntry, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * // stands in a file of its own, "./worker.ts", which `import type { modules } from "./worker.ts"` gives the types of
 * const modules = WorkerEntry.modules({ paths: () => import("node:path") })
 *
 * const { paths } = Portable.modules<typeof modules>()
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* WorkerPool.make({ size: 2 })
 *   return yield* pool.map(["/a/b", "/c"], paths.dirname)
 * }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
 *
 * await Effect.runPromise(program) // => ["/a", "/"]
 * ```
 *
 * @see {@link module} for modules by their URLs, which need no such file
 * @see `WorkerEntry.modules` for the file
 *
 * @category constructors
 * @since 0.1.0
 */
export const modules: <W extends WorkerFile<any>>() => Modules<W> = internal.modules

/**
 * Schemas for what crosses between the pool and its workers. They go through `Schema.toCodecJson`, except that
 * `Uint8Array`, `Date` and `bigint` cross as they are, and must need no services. Callers see the types of the
 * Schemas in place of the function's.
 *
 * @see {@link make} for what takes them
 *
 * @category models
 * @since 0.1.0
 */
export interface Schemas {
  /** For the item: the first parameter, or with `bind` the first that is not bound. */
  readonly input?: Schema.Codec<any, any, never, never> | undefined
  /** For the result: it must accept all that the function returns. */
  readonly output?: Schema.Codec<any, any, never, never> | undefined
  /** For the failure: it must accept all that the function fails with. */
  readonly error?: Schema.Codec<any, any, never, never> | undefined
}

/**
 * `unknown`, which changes nothing, when the Schemas `O` fit the function `F`; else a type that no Schemas have, and
 * its keys are the sentence that the compiler's error shows.
 */
type CheckSchemas<F extends (...args: any) => any, O> = (O extends { readonly input: Schema.Schema<infer T> }
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

/** The positions of parameters that take a `T`. */
type Takers<Args extends ReadonlyArray<unknown>, T> = { [K in keyof Args]: [T] extends [Args[K]] ? K : never }[number]

/** The positions of parameters that take a `T` and nothing else. */
type Exactly<Args extends ReadonlyArray<unknown>, T> = {
  [K in keyof Args]: [T] extends [Args[K]] ? ([Args[K]] extends [T] ? K : never) : never
}[number]

/** The function `F` as callers of a task with Schemas `O` see it. */
type Encoded<F extends (...args: any) => any, O> = (
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
 * Use with Schemas, when inputs, results or failures are instances of classes, Options or other Effect data, and should
 * arrive as such. Use `module` when the main thread should not load the task's module.
 *
 * **Details**
 *
 * Call it at the top level of the module, with `import.meta.url` and a name that is unique in the module (by custom
 * that of the export). A `Transferable` Schema (`effect/workers/Transferable`) moves its buffers instead of copying
 * them. Without an `output` Schema a task that returns Effect data is a type error, because structured clone would
 * lose it.
 *
 * **Gotchas**
 *
 * A worker that loads the module runs its top level, so that a program in the same file would start again in the
 * worker: that fails with a `StartFailed` that says so. Keep tasks in files of their own.
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
 * @see {@link module} for modules that this side does not load
 * @see {@link Schemas} for what the Schemas are for
 * @see {@link bind} for binding the first parameter
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
  <F extends Anything>(url: URL | string, name: string, value: F & CheckGeneric<F>): F & Portable<F>
} = internal.make

/**
 * Binds the first parameter: `(value, item, worker) => …` becomes `(item, worker) => …`, and the value crosses at most
 * once per worker, not once per item.
 *
 * **Details**
 *
 * Works for hooks as well. The value crosses by structured clone, as it is when it first crosses: a worker does not
 * see what is changed later. A `SharedArrayBuffer` in it is shared, not copied. Workers drop the value when the
 * portable that binds it has been garbage collected on this side. Binds can be nested: `bind(bind(f, a), b)`.
 *
 * **Gotchas**
 *
 * Nobody knows when garbage is collected, so values that are bound for a single use stay in the workers for a while:
 * pass those as items. A `SharedArrayBuffer` cannot cross to a process.
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
 * @see {@link module} for what it is called with
 * @see {@link make} for what it is called with, where Schemas are needed
 *
 * @category combinators
 * @since 0.1.0
 */
export const bind: <V, Args extends ReadonlyArray<any>, R, C extends Crossing>(
  portable: Portable<(value: V, ...args: Args) => R, C>,
  value: NoInfer<V>
) => Portable<(...args: Args) => R, C> = internal.bind

/**
 * Makes a self-contained function portable by its source text, which is sent to the workers.
 *
 * **When to use**
 *
 * Use in scripts and experiments, where a file for the task would be too much.
 *
 * **Gotchas**
 *
 * The function is made anew from `String(f)` in the worker: it sees globals and its own parameters, but nothing of
 * the file it stands in, imports included (`await import("node:zlib")` inside the function works). Methods, and
 * functions that a bundler or a coverage tool rewrote to use helpers of its own, do not work.
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
 * @see {@link module} for functions in files of their own
 *
 * @category constructors
 * @since 0.1.0
 */
export const inline: <F extends (...args: any) => any>(f: F) => Portable<F> = internal.inline

/**
 * Tests whether a value is a `Portable`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPortable = (u: unknown): u is Portable<unknown, Crossing> => internal.isPortable(u)
