/**
 * What the compiler says to those who give a pool what it cannot use. The type of an argument is intersected with a check.
 * That is `unknown`, which changes nothing, when the argument fits; else it is a type that no argument has, and its key is
 * the sentence that the compiler's error shows.
 */
import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as Portable from "../../Portable.ts"
import type { WorkerContext } from "../../WorkerContext.ts"
import type { TypedArray } from "../wire/typedArray.ts"

/** A hook: an Effect, or a function of the worker that returns a plain value, a Promise or an Effect. */
export type HookOf<S, A, P> =
  | Effect.Effect<A, any, P | Scope.Scope>
  | ((worker: WorkerContext<S>) => Plain<A> | Promise<A> | Effect.Effect<A, any, P | Scope.Scope>)

/** A hook's plain result. An `unknown` one excludes Effects, or they would pass with their requirements unchecked. */
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

/** What a hook gives before it is unwrapped: the Effect that it is, or what it returns as a function. */
export type Returned<H> = H extends Effect.Effect<any, any, any> ? H : H extends (...args: any) => infer R ? R : never

/** The state that an `init` hook gives its worker; nothing where there is no hook. */
export type StateOf<I> = [I] extends [never] ? void : Portable.Success<Returned<I>>

/** What an `exit` hook returns. */
export type ExitResultOf<XF> = [XF] extends [never] ? unknown : Portable.Success<Returned<XF>>

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
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | void
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

export type CheckHook<H, S, P> = [H] extends [never]
  ? CheckMade<H>
  : CheckRequirements<Portable.Requirements<Returned<H>>, P> &
      (H extends Effect.Effect<any, any, any>
        ? unknown
        : H extends (worker: WorkerContext<S>) => any
          ? unknown
          : { readonly "this hook is neither an Effect nor a function of a worker with the state": S })

export type CheckExitResult<R> = [Lost<R>] extends [never]
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
export type CheckDropped<R, C, S, P, W> = CheckMade<C> &
  CheckWorker<W, S> &
  CheckRequirements<Portable.Requirements<R>, P>

export type CheckTask<R, C, S, P, W> = CheckDropped<R, C, S, P, W> & CheckResult<R, C>

export type CheckArray<R> = [Portable.Success<R>] extends [TypedArray]
  ? unknown
  : { readonly "a task of mapArray returns a TypedArray, and this one returns": Portable.Success<R> }
