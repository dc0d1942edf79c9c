/**
 * The one error of worker pools: a `WorkerPoolError`, whose `reason` says what happened. A task's own failure is not
 * wrapped: it keeps its type, and `origin` reads from its Cause in which worker, and for which item, it happened.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"

const TypeId = "~effect-mpire/WorkerPoolError"

/**
 * As Effect's (F7). The message, for which each class has a getter, is made once, as a property of each error: a copy by
 * structured clone, which has no such prototype, keeps it. The stack is the message alone: where the library made the error
 * tells users nothing, and what failed with a stack of its own is its cause.
 */
const TaggedError = ((tag: string) => {
  abstract class Told extends (Data.TaggedError(tag) as new (fields: object) => Error) {
    constructor(fields: object) {
      super(fields)
      const { message } = this
      const define = (key: string, value: string) =>
        Object.defineProperty(this, key, { value, configurable: true, writable: true })
      define("message", message)
      define("stack", message === "" ? this.name : `${this.name}: ${message}`)
    }
  }
  return Told
}) as unknown as typeof Data.TaggedError

/**
 * Which worker it is, as runtimes are told.
 *
 * @see {@link inWorker} for telling it in an error
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerIdentity {
  /** The slot that it lives in, 0 … size-1. */
  readonly id: number
  /** How many workers the slot has had, this one included: 1, 2, … */
  readonly generation: number
  /** The name of its pool. */
  readonly pool?: string | undefined
}

/**
 * In which worker something happened, as errors tell it.
 *
 * @see {@link Origin} for the item as well
 *
 * @category models
 * @since 0.1.0
 */
export interface InWorker {
  /** The slot that the worker lives in, 0 … size-1. */
  readonly worker: number
  /** How many workers the slot has had, this one included: 1, 2, … */
  readonly generation: number
  /** The name of its pool. */
  readonly pool?: string | undefined
}

/**
 * A worker's identity, as errors tell it: for runtimes that make errors of their own.
 *
 * @see {@link WorkerIdentity} for what runtimes are told
 *
 * @category constructors
 * @since 0.1.0
 */
export const inWorker = ({ generation, id, pool }: WorkerIdentity): InWorker =>
  pool === undefined ? { worker: id, generation } : { worker: id, generation, pool }

/**
 * An option is out of its range, or what was given in the place of options is no object: then `option` is `"options"`. A
 * pool or call with such an option starts nothing.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidOptions extends TaggedError("InvalidOptions")<{
  /** The option's name, such as `"chunkSize"`. */
  readonly option: string
  /** The value it was given. */
  readonly value: unknown
  /** What the option accepts, such as `"an integer >= 1"`. */
  readonly expected: string
}> {
  override get message(): string {
    return `${this.option} must be ${this.expected}, got ${print(this.value)}`
  }
}

/**
 * The iterable of a call's items threw. A Stream of items fails the call with its own error instead.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InputFailed extends TaggedError("InputFailed")<{
  /** What it threw. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `The iterable of items threw: ${printCause(this.cause)}`
  }
}

/**
 * A task, hook or services layer has no address, so that a worker could not find it: it is a closure, for example,
 * and was not made by `Portable`.
 *
 * @see `Portable.module`, `Portable.make`, `Portable.bind` and `Portable.inline` for what has an address
 * @see `FiberPool.make` for a pool that takes closures
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotPortable extends TaggedError("NotPortable")<{
  /** What it was given as: `"task"`, `"init"`, `"exit"` or `"services"`. */
  readonly role: string
  readonly value: unknown
}> {
  override get message(): string {
    return (
      `${this.role} has no address that a worker could load it from: make it with Portable.module, Portable.make, ` +
      `Portable.bind or Portable.inline, or use a FiberPool for closures. Got ${print(this.value)}`
    )
  }
}

/**
 * An input, a result or a failure cannot be cloned, or its Schema rejects it. The worker and its other items are
 * unharmed.
 *
 * @see `Portable.Schemas` for how data that structured clone cannot carry crosses
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotSerializable extends TaggedError("NotSerializable")<{
  /**
   * What could not cross: an item or a bound value on its way to the worker (`"input"`), what a task or the exit
   * hook returned (`"output"`), or what it failed with (`"error"`).
   */
  readonly direction: "input" | "output" | "error"
  /** The item's index in the input, from 0; `undefined` for a bound value or an exit hook's result. */
  readonly index: number | undefined
  /** What cloning it, or its Schema, failed with. */
  readonly cause: unknown
  /** The task or hook: its module's URL and its name there, such as `"file:///app/images.tasks.ts#resize"`. */
  readonly task?: string | undefined
}> {
  override get message(): string {
    const what = this.index === undefined ? `A value` : `Item ${this.index}`
    return `${what}${printTask(this.task)} cannot cross as ${this.direction}: ${printCause(this.cause)}`
  }
}

/**
 * A worker could not start, or could not load a module, or found no such export in it, or took longer than
 * `startTimeout`.
 *
 * @see `WorkerPool.PoolOptions` for `startTimeout`
 *
 * @category reasons
 * @since 0.1.0
 */
export class StartFailed extends TaggedError("StartFailed")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
  /** The URL of the module that could not be loaded, if it was that. */
  readonly module: string | undefined
  /** The first error that explains it, such as that of the `import`. */
  readonly cause: unknown
}> {
  override get message(): string {
    const what = this.module === undefined ? "start" : `load ${shortened(this.module)}`
    return `${printWorker(this)} could not ${what}: ${printCause(this.cause)}`
  }
}

/**
 * The `init` hook, or the pool's services layer, failed.
 *
 * @see `WorkerPool.Options` for `init` and `services`
 *
 * @category reasons
 * @since 0.1.0
 */
export class InitFailed extends TaggedError("InitFailed")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
  /** What the hook failed with, threw or rejected with. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `init failed in ${printWorker(this)}: ${printCause(this.cause)}`
  }
}

/**
 * The `exit` hook failed, or a finalizer that `init` or the services registered did. It fails the call, or the `stop`,
 * `restart` or `setSize`, that caused the release; where none did, or it was interrupted, it is logged.
 *
 * @see `WorkerPool.Options` for `exit`
 *
 * @category reasons
 * @since 0.1.0
 */
export class ExitFailed extends TaggedError("ExitFailed")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
  /** What the hook failed with, threw or rejected with. */
  readonly cause: unknown
}> {
  override get message(): string {
    return `exit failed in ${printWorker(this)}: ${printCause(this.cause)}`
  }
}

/**
 * The `init` hook took longer than `initTimeout`.
 *
 * @see `WorkerPool.DispatchOptions` for `initTimeout`
 *
 * @category reasons
 * @since 0.1.0
 */
export class InitTimedOut extends TaggedError("InitTimedOut")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
}> {
  override get message(): string {
    return `init timed out in ${printWorker(this)}`
  }
}

/**
 * The `exit` hook took longer than `exitTimeout`. It is told as `ExitFailed` is.
 *
 * @see `WorkerPool.DispatchOptions` for `exitTimeout`
 *
 * @category reasons
 * @since 0.1.0
 */
export class ExitTimedOut extends TaggedError("ExitTimedOut")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
}> {
  override get message(): string {
    return `exit timed out in ${printWorker(this)}`
  }
}

/**
 * An item took longer than `timeout`, counted from when it started in the worker.
 *
 * @see `WorkerPool.DispatchOptions` for `timeout`
 *
 * @category reasons
 * @since 0.1.0
 */
export class TaskTimedOut extends TaggedError("TaskTimedOut")<{
  /** The item's index in the input, from 0. */
  readonly index: number
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
  /** The task: its module's URL and its name there, such as `"file:///app/images.tasks.ts#resize"`. */
  readonly task?: string | undefined
}> {
  override get message(): string {
    return `Item ${this.index}${printTask(this.task)} timed out in ${printWorker(this)}`
  }
}

/**
 * A worker vanished, or was killed because another of its items did not yield, while it had items in hand: those that
 * had started and whose outcome had not been reported.
 *
 * @see `WorkerPool.OnWorkerLost` for sending such items again
 * @see `WorkerPool.PoolOptions` for `killAfter`
 *
 * @category reasons
 * @since 0.1.0
 */
export class WorkerLost extends TaggedError("WorkerLost")<{
  readonly worker: number
  readonly generation: number
  readonly pool?: string | undefined
  /** The thread's or process's exit code, where there was one. */
  readonly exitCode: number | undefined
  /** The signal that ended the process, where there was one. */
  readonly signal: string | undefined
  /** The uncaught error that ended the worker, where there was one. */
  readonly cause: unknown
  /** The indices of the items in hand in the call's input, from 0. */
  readonly indices: ReadonlyArray<number>
  /** The call's task: its module's URL and its name there, such as `"file:///app/images.tasks.ts#resize"`. */
  readonly task?: string | undefined
}> {
  override get message(): string {
    const how = [
      this.exitCode === undefined ? undefined : `exit code ${this.exitCode}`,
      this.signal === undefined ? undefined : `signal ${this.signal}`,
      this.cause === undefined ? undefined : printCause(this.cause)
    ].filter((part) => part !== undefined)
    return (
      `${printWorker(this)} was lost${how.length > 0 ? ` (${how.join(", ")})` : ""}` +
      (this.indices.length > 0 ? ` with items ${this.indices.join(", ")}${printTask(this.task)} in hand` : "")
    )
  }
}

/**
 * The machine or process that a worker was on is lost, with all the workers that it held: the `cause` of their `WorkerLost`.
 *
 * **Details**
 *
 * It is nobody's fault the first time. Items that were in hand are then sent alone, as `onWorkerLost` allows, and one that
 * was alone in hand when another runner was lost counts as running when its worker was lost.
 *
 * @see {@link WorkerLost} for the failure that it is the cause of
 * @see `Channel.Closed` for how a runtime tells it
 *
 * @category causes
 * @since 0.1.0
 */
export class RunnerLost extends TaggedError("RunnerLost")<{
  /** Which runner it was: an id that no other one has. */
  readonly runner: string
  /** Where it was, such as `"10.0.0.7:7433"`, if that is known. */
  readonly address?: string | undefined
  /** How it was noticed, such as the error of the connection. */
  readonly cause?: unknown
}> {
  override get message(): string {
    const where = this.address === undefined ? "" : ` at ${this.address}`
    return `The runner ${this.runner}${where} was lost${this.cause === undefined ? "" : `: ${printCause(this.cause)}`}`
  }
}

/**
 * No runner had a place for a worker: the `cause` of a `StartFailed`.
 *
 * @see {@link Unavailable} for how a runtime says so
 *
 * @category causes
 * @since 0.1.0
 */
export class NoRoom extends TaggedError("NoRoom")<{
  /** How many runners were asked. */
  readonly runners: number
  /** For how long there has been no room, in milliseconds. */
  readonly waited: number
}> {
  override get message(): string {
    return `None of ${this.runners} runners has had room for a worker for ${Math.round(this.waited)} milliseconds`
  }
}

/**
 * No runner could be reached: the `cause` of a `StartFailed`.
 *
 * @see {@link Unavailable} for how a runtime says so
 *
 * @category causes
 * @since 0.1.0
 */
export class Unreachable extends TaggedError("Unreachable")<{
  /** Where runners were looked for, such as `"10.0.0.7:7433"`. */
  readonly addresses: ReadonlyArray<string>
  /** Why the last of them could not be reached, if that is known. */
  readonly cause?: unknown
}> {
  override get message(): string {
    const { addresses, cause } = this
    const where = addresses.length === 0 ? "there are none" : `tried ${addresses.join(", ")}`
    return `No runner could be reached (${where})${cause === undefined ? "" : `: ${printCause(cause)}`}`
  }
}

/**
 * What the start of a worker fails with when its runtime has no place for one now, which is no failure of a call while the
 * pool has a worker: the slot waits for a moment and tries again.
 *
 * **When to use**
 *
 * Use in a runtime whose places are limited, and shared with other pools.
 *
 * **Details**
 *
 * A pool that has no worker at all waits for as long as the runtime lets it: with `giveUp` its calls fail with `StartFailed`,
 * which has the `cause`.
 *
 * @see `WorkerRuntime.WorkerRuntime` for `start`
 * @see {@link NoRoom} and {@link Unreachable} for causes
 *
 * @category constructors
 * @since 0.1.0
 */
export class Unavailable extends TaggedError("Unavailable")<{
  /** Why there is none. */
  readonly cause: unknown
  /** Whether a pool that has no worker at all is to wait no longer. */
  readonly giveUp: boolean
  /** Completes when there may be a place. The slot tries again after 200 milliseconds in any case. */
  readonly again?: Effect.Effect<void> | undefined
}> {
  override get message(): string {
    return `There is no place for a worker now: ${printCause(this.cause)}`
  }
}

/**
 * The pool was terminated while the call ran.
 *
 * @see `terminate` of `WorkerPool.Controls`
 *
 * @category reasons
 * @since 0.1.0
 */
export class Terminated extends TaggedError("Terminated")<{
  /** The pool's name. */
  readonly pool?: string | undefined
}> {
  override get message(): string {
    return `The pool${printName(this.pool)} was terminated while the call ran`
  }
}

/**
 * The pool's Scope has closed, before the call or while it ran.
 *
 * @see `WorkerPool.make` for the Scope that a pool lives in
 *
 * @category reasons
 * @since 0.1.0
 */
export class PoolClosed extends TaggedError("PoolClosed")<{
  /** The pool's name. */
  readonly pool?: string | undefined
}> {
  override get message(): string {
    return this.pool === undefined ? "The pool's scope has closed" : `The scope of the pool ${this.pool} has closed`
  }
}

/**
 * As many `run`s as `maxPending` allows are waiting for a worker, so that this one was refused.
 *
 * @see `WorkerPool.PoolOptions` for `maxPending`
 *
 * @category reasons
 * @since 0.1.0
 */
export class Overloaded extends TaggedError("Overloaded")<{
  readonly maxPending: number
  /** The pool's name. */
  readonly pool?: string | undefined
}> {
  override get message(): string {
    const where = this.pool === undefined ? "" : ` for the pool ${this.pool}`
    return `More than ${this.maxPending} runs are waiting${where} (maxPending)`
  }
}

/**
 * All the reasons for which a pool can fail.
 *
 * @see {@link WorkerPoolError} for the error that has one
 *
 * @category models
 * @since 0.1.0
 */
export type Reason =
  | InvalidOptions
  | InputFailed
  | NotPortable
  | NotSerializable
  | StartFailed
  | InitFailed
  | ExitFailed
  | InitTimedOut
  | ExitTimedOut
  | TaskTimedOut
  | WorkerLost
  | Terminated
  | PoolClosed
  | Overloaded

/**
 * What a worker pool fails with. `reason` says what happened; the error has the message and the `cause` of its reason.
 *
 * **Details**
 *
 * Handle one reason with `Effect.catchReason("WorkerPoolError", "TaskTimedOut", …)`, all with
 * `Effect.catchTag("WorkerPoolError", …)`.
 *
 * @example
 * ```ts
 * import { FiberPool } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 2 })
 *   return yield* pool.map([1, 2, 3], (n) => Effect.succeed(n), { chunkSize: 0 })
 * }).pipe(
 *   Effect.scoped,
 *   Effect.catchReason("WorkerPoolError", "InvalidOptions", (reason) => Effect.succeed(reason.message))
 * )
 *
 * await Effect.runPromise(program) // => "chunkSize must be an integer >= 1, got 0"
 * ```
 *
 * @see {@link Reason} for all reasons
 * @see {@link origin} for where a task's own failure happened
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerPoolError extends TaggedError("WorkerPoolError")<{
  readonly reason: Reason
}> {
  readonly [TypeId] = TypeId

  override get message(): string {
    return this.reason.message
  }

  override readonly cause: unknown = "cause" in this.reason ? this.reason.cause : undefined
}

/**
 * Tests whether a value is a `WorkerPoolError`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWorkerPoolError = (u: unknown): u is WorkerPoolError => hasProperty(u, TypeId)

/**
 * Makes the error of a reason: for runtimes that make errors of their own.
 *
 * @see {@link Reason} for the reasons
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason): WorkerPoolError => new WorkerPoolError({ reason })

/**
 * Where a task's failure or defect happened: for which item, and in which worker.
 *
 * @see {@link origin} for reading it from a Cause
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin extends InWorker {
  /** The item's index in the input, from 0. */
  readonly index: number
}

/**
 * The Cause annotation that `origin` reads.
 *
 * @see {@link origin} for reading it
 *
 * @category annotations
 * @since 0.1.0
 */
export class OriginAnnotation extends Context.Service<OriginAnnotation, Origin>()(
  "@effect-mpire/core/WorkerPoolError/Origin"
) {}

/**
 * Where a task's failure or defect happened, read from the Cause of the call: for which item, and in which worker.
 * `undefined` when the pool failed rather than a task.
 *
 * @example
 * ```ts
 * import { FiberPool, WorkerPoolError } from "@effect-mpire/core"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const pool = yield* FiberPool.make({ size: 1, name: "numbers" })
 *   return yield* pool.map([1, 2, 3], (n) => n === 2 ? Effect.fail("two") : Effect.succeed(n))
 * }).pipe(
 *   Effect.scoped,
 *   Effect.catchCause((cause) => Effect.succeed(WorkerPoolError.origin(cause)))
 * )
 *
 * await Effect.runPromise(program) // => { index: 1, worker: 0, generation: 1, pool: "numbers" }
 * ```
 *
 * @see {@link WorkerPoolError} for failures of the pool, whose reasons have `index` and `worker` themselves
 *
 * @category annotations
 * @since 0.1.0
 */
export const origin = <E>(cause: Cause.Cause<E>): Origin | undefined =>
  Context.getOrUndefined(Cause.annotations(cause), OriginAnnotation)

const printWorker = ({ generation, pool, worker }: InWorker): string =>
  `worker ${worker} (generation ${generation})${pool === undefined ? "" : ` of ${pool}`}`

const printName = (pool: string | undefined): string => (pool === undefined ? "" : ` ${pool}`)

const printTask = (task: string | undefined): string => (task === undefined ? "" : ` of ${shortened(task)}`)

/** A `data:` URL is as long as its module. */
const shortened = (url: string): string => (url.length > 200 ? `${url.slice(0, 200)}…` : url)

const printCause = (cause: unknown): string =>
  guarded(() => (cause instanceof Error ? cause.message : printValue(cause)))

const print = (value: unknown): string => guarded(() => printValue(value))

/** Whoever asks for a message gets one, even of a Proxy that was revoked or an error whose getter throws (F8). */
const guarded = (print: () => unknown): string => {
  try {
    const text = print()
    if (typeof text === "string") return text
  } catch {
    /* as if it were no text */
  }
  return "what cannot be printed"
}

const printValue = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return `${value}n`
    case "function":
      return `the function ${value.name === "" ? "(anonymous)" : value.name}`
    case "object":
      return value === null ? "null" : printObject(value)
    default:
      return String(value)
  }
}

const printObject = (value: object): string => {
  const tag = (value as { readonly _tag?: unknown })._tag
  if (typeof tag === "string") return tag
  return Object.prototype.toString.call(value) === "[object Object]"
    ? "an object"
    : Object.prototype.toString.call(value)
}
