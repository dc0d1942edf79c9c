/**
 * The methods of a pool that run tasks: each makes a Call from a source and a sink, and sees it through to its end.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { isPortable } from "../../Portable.ts"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import { Call } from "../call/call.ts"
import { ItemCounter } from "../call/itemCounter.ts"
import { cut, describeSlice, Slices } from "../call/mapArray.ts"
import { MapPolicy, type ToResult } from "../call/mapPolicy.ts"
import * as sink from "../call/sink.ts"
import * as source from "../call/source.ts"
import { invalidOption } from "../common/options.ts"
import { isTraced } from "../common/tracing.ts"
import * as following from "../progress/following.ts"
import type { RunRequest } from "../runs/runGroup.ts"
import * as portable from "../task/portable.ts"
import { notSerializable } from "../wire/crossing.ts"
import { kindOf } from "../wire/slices.ts"
import type { TypedArray } from "../wire/typedArray.ts"
import * as callSpan from "./callSpan.ts"
import type { Caller } from "./callSpan.ts"
import * as options from "./options.ts"
import type { Pool } from "./pool.ts"
import { failAll, logReleasesFailed } from "./pool.ts"
import * as weights from "./weights.ts"

export type Items = source.Items

/** How a call of the map family gives its results. */
export interface Shape {
  /** How an item's Exit becomes a result; left out for calls that fail fast (C4). */
  readonly toResult?: ToResult
  /** Whether results are dropped in the worker. */
  readonly discard?: boolean
}

/** Each result is the item's Exit. */
export const exits: Shape = { toResult: (_index, exit) => exit }

/** Each result is the item's index and Exit. */
export const outcomes: Shape = { toResult: (index, exit) => ({ index, exit }) }

/** Results are dropped. */
export const discarded: Shape = { discard: true }

/**
 * The least time between two reports of outcomes, in milliseconds, where not each has to be reported by itself (F2):
 * short for streams, whose consumers wait for each result, and else often enough for the pool to know how far a chunk
 * has come.
 */
const reportInterval = { streams: 1, others: 50 }

interface Prepared {
  readonly call: Call
  /** Pulls the items of a Stream; interrupted when the call ends. `undefined` for an iterable. */
  readonly pump: Effect.Effect<void, never, unknown> | undefined
  /** Begins to show its progress; `undefined` where that is not wanted. */
  readonly follow: (() => following.End) | undefined
}

const prepare = (
  pool: Pool,
  items: Items,
  task: unknown,
  overrides: options.AnyCallOptions,
  shape: Shape,
  into: sink.Sink,
  interval: number,
  { context, traced }: Caller,
  changed?: () => void
): Result.Result<Prepared, WorkerPoolError.WorkerPoolError> => {
  const error = options.invalid(overrides, "call")
  if (error !== undefined) return Result.fail(error)
  if (!isPortable(task)) return Result.fail(options.notPortable("task", task))
  const merged = options.override<options.AnyCallOptions>(pool.defaults, overrides)
  const given = source.given(items)
  if (given === undefined) {
    return Result.fail(invalidOption("items", items, "an iterable, an async iterable or a Stream"))
  }
  // how long a slice is, the array's call has decided
  const isSliced = portable.definition(task).slices === true
  const weighing = weights.of(merged.progress, given, isSliced)
  if (Result.isFailure(weighing)) return Result.fail(weighing.failure)
  const weighed = weighing.success
  const stream = Stream.isStream(given) ? new source.StreamSource(merged.length) : undefined
  const from = stream ?? source.fromIterable(weighed?.items ?? (given as Iterable<unknown>), merged.length)
  if (merged.chunks !== undefined && from.length === undefined) {
    return Result.fail(
      invalidOption("chunks", merged.chunks, "given with items of a known length, or with the option length")
    )
  }
  const { turn } = pool
  // these calls report each outcome before the next item starts, so that none is lost with its worker (F2)
  const reportsEach = merged.timeout !== undefined || shape.toResult !== undefined
  const retries = options.retries(merged.onWorkerLost)
  const exactStarts = reportsEach || retries !== "never"
  const { progress } = merged
  const counter = progress !== undefined && following.isWanted(context) ? new ItemCounter(weighed?.weights) : undefined
  const call = new Call(
    {
      task,
      source: from,
      sink: into,
      chunking: options.chunking(merged, from.length),
      maxActive: merged.maxActive,
      timeout: options.millis(merged.timeout),
      discard: shape.discard ?? false,
      reportInterval: reportsEach ? 0 : interval,
      exactStarts,
      chunkTime: exactStarts ? undefined : pool.chunkTime,
      itemTime: pool.itemTime(task),
      retries,
      longest: pool.longest,
      events: pool.events,
      describe: isSliced ? describeSlice(merged.describe) : merged.describe,
      counter,
      isFixed: !isSliced && (merged.chunkSize !== undefined || merged.chunks !== undefined),
      dispatch: merged.dispatch ?? "available",
      context,
      traced,
      traceItems: merged.trace === "items",
      changed
    },
    pool.dispatcher,
    turn,
    (call) => new MapPolicy(call, shape.toResult)
  )
  const pump = stream?.pump(
    given as Stream.Stream<unknown, unknown, unknown>,
    turn,
    () => call.hasRoom(pool.size),
    () => call.offer()
  )
  const follow = () =>
    following.begin(context, {
      pool: pool.defaults.name,
      options: progress!,
      unit: isSliced ? "slices" : "items",
      length: from.length,
      total: weighed?.total ?? from.length,
      count: () => counter!.count(call),
      workers: () => pool.size,
      failure: () => call.failure
    })
  // what it takes to pull the items is part of the call
  const pulled =
    pump === undefined || traced === undefined ? pump : Effect.provideService(pump, Tracer.ParentSpan, traced.span)
  // the Stream's own error becomes the call's (C7)
  return Result.succeed({
    call,
    follow: counter && follow,
    pump:
      pulled &&
      Effect.catchCause(Effect.scoped(pulled), (cause) => Effect.sync(() => turn.take(() => call.fail(cause))))
  })
}

/** The result or failure of a call that has ended, with the `failures` of the releases that it caused. */
const resultOf = <A>(
  call: Call,
  failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>,
  result: () => A
): Effect.Effect<A, unknown> => {
  if (call.failure === undefined) {
    return Effect.map(failAll(failures), result)
  }
  return Effect.failCause(Cause.fromReasons([...call.failure.reasons, ...failures.map(Cause.makeFailReason)]))
}

/** Shows the progress of a call while it runs, where that is wanted. */
const followed = <A, E, R>(
  follow: (() => following.End) | undefined,
  call: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  follow === undefined ? call : Effect.uninterruptibleMask((restore) => Effect.onExit(restore(call), follow()))

/** Runs a call that gives all results at its end: admits it, serves it, concludes it. */
const complete = <A>(
  pool: Pool,
  { call, follow, pump }: Prepared,
  named: options.AnyCallOptions,
  result: () => A
): Effect.Effect<A, unknown, unknown> => {
  const served =
    pump === undefined
      ? pool.serve(call)
      : Effect.flatMap(Effect.forkChild(pump), (fiber) => Effect.ensuring(pool.serve(call), Fiber.interrupt(fiber)))
  const completed = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(pool.admit(call, named, restore), (warning) =>
      Effect.flatMap(Effect.exit(restore(Effect.andThen(warning, served))), (exit) => {
        if (Exit.isSuccess(exit)) {
          return Effect.flatMap(pool.conclude(call), (failures) => resultOf(call, failures, result))
        }
        return Effect.andThen(interruptCall(pool, call), Effect.failCause(exit.cause))
      })
    )
  )
  return followed(follow, completed)
}

/**
 * Ends a call whose caller was interrupted, or whose stream is ended early (C5). Its caller does not see what its
 * releases fail with, so that is logged (L10).
 */
const interruptCall = (pool: Pool, call: Call): Effect.Effect<void> =>
  Effect.andThen(pool.fail(call, Cause.interrupt()), pool.conclude(call)).pipe(Effect.flatMap(logReleasesFailed))

/** Makes the sink of a call, for as many results as there are items, where that is known for certain. */
export type MakeSink = (length: number | undefined) => sink.Sink & { readonly results?: Array<unknown> }

/** `map`, `mapUnordered`, `mapExit` and `forEach`. */
export const collect = (
  pool: Pool,
  items: Items,
  task: unknown,
  overrides: options.AnyCallOptions,
  shape: Shape,
  makeSink: MakeSink
): Effect.Effect<unknown, unknown, unknown> =>
  callSpan.inSpan(pool.defaults.name, task, lengthOf(items), traceOf(pool, overrides), (caller) => {
    const into = makeSink(Array.isArray(items) ? items.length : undefined)
    const prepared = prepare(pool, items, task, overrides, shape, into, reportInterval.others, caller)
    return Result.isFailure(prepared)
      ? Effect.fail(prepared.failure)
      : complete(pool, prepared.success, overrides, () => into.results)
  })

/** `mapArray`: a map whose items are slices, each of which is a chunk by itself. */
export const mapArray = (
  pool: Pool,
  array: unknown,
  task: unknown,
  overrides: options.AnyCallOptions
): Effect.Effect<unknown, unknown, unknown> =>
  callSpan.inSpan(pool.defaults.name, task, undefined, traceOf(pool, overrides), (caller) => {
    // checked first, because they say how the array is cut
    const error = options.invalid(overrides, "mapArray")
    if (error !== undefined) return Effect.fail(error)
    if (kindOf(array) === undefined) return Effect.fail(invalidOption("array", array, "a TypedArray"))
    if (!isPortable(task)) return Effect.fail(options.notPortable("task", task))
    const input = array as TypedArray
    const slices = new Slices(input, cut(input.length, pool.size, overrides))
    const one = { ...overrides, chunkSize: 1, chunks: undefined }
    const prepared = prepare(pool, slices, portable.slicing(task), one, {}, slices, reportInterval.others, caller)
    if (Result.isFailure(prepared)) return Effect.fail(prepared.failure)
    slices.fail = (index, cause) =>
      prepared.success.call.fail(Cause.fail(notSerializable("output", index, cause, task)))
    return complete(pool, prepared.success, overrides, () => slices.result)
  })

/** `run`. */
export const run = (
  pool: Pool,
  task: unknown,
  input: unknown,
  overrides: options.AnyCallOptions | undefined
): Effect.Effect<unknown, unknown, unknown> => {
  const known = overrides === undefined ? pool.requestOf(task) : undefined
  if (known !== undefined) return inCall(pool, known, input, pool.defaults.trace)
  const error = overrides === undefined ? undefined : options.invalid(overrides, "run")
  if (error !== undefined) return Effect.fail(error)
  if (!isPortable(task)) return Effect.fail(options.notPortable("task", task))
  if (overrides?.progress !== undefined) return runShown(pool, task, input, overrides)
  const timeout = options.millis(overrides?.timeout ?? pool.defaults.timeout)
  const retries = options.retries(overrides?.onWorkerLost ?? pool.defaults.onWorkerLost)
  const describe = overrides?.describe ?? pool.defaults.describe
  const trace = traceOf(pool, overrides)
  const request = { task, timeout, retries, describe, traceItems: trace === "items" }
  if (overrides === undefined) pool.remember(request)
  return inCall(pool, request, input, trace)
}

/** A `run` whose progress is shown: it is one item, of a call that others share. */
const runShown = (
  pool: Pool,
  task: unknown,
  input: unknown,
  { progress, ...others }: options.AnyCallOptions
): Effect.Effect<unknown, unknown, unknown> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const weighing = weights.of(progress, [input], false)
    if (Result.isFailure(weighing)) return Effect.fail(weighing.failure)
    const total = weighing.success?.total ?? 1
    let exit: Exit.Exit<unknown, unknown> | undefined = undefined
    const count = () => {
      const hasEnded = exit !== undefined && !(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      return hasEnded ? { items: 1, failed: Exit.isFailure(exit!) ? 1 : 0, weight: total } : nothing
    }
    const follow = () => {
      const end = following.begin(context, {
        pool: pool.defaults.name,
        options: progress!,
        unit: "items",
        length: 1,
        total,
        count,
        workers: () => 1,
        failure: () => undefined
      })
      return (ended: Exit.Exit<unknown, unknown>) => {
        exit = ended
        return end(ended)
      }
    }
    return followed(following.isWanted(context) ? follow : undefined, run(pool, task, input, others))
  })

const nothing = { items: 0, failed: 0, weight: 0 }

/** A `run` within its call's span, where it has one. */
const inCall = (
  pool: Pool,
  request: RunRequest,
  input: unknown,
  trace: options.AnyCallOptions["trace"]
): Effect.Effect<unknown, unknown> =>
  Effect.callback((resume) => {
    // the caller's: to ask for it by `Effect.withFiber` first would make a short `run` dearer by some percent
    const fiber = Fiber.getCurrent()!
    if (!isTraced(fiber)) return pool.beginRun(input, request, fiber.context, resume)
    const inSpan = callSpan.inSpan(pool.defaults.name, request.task, 1, trace, (caller) =>
      pool.run(input, request, caller.context, caller.traced)
    )
    resume(inSpan)
    return undefined
  })

const traceOf = (pool: Pool, overrides: options.AnyCallOptions | undefined): options.AnyCallOptions["trace"] =>
  overrides?.trace ?? pool.defaults.trace

/** How many items there are, if they can tell without being looked at. */
const lengthOf = (items: Items): number | undefined => (Array.isArray(items) ? items.length : undefined)

/** `stream` and its like. Nothing happens before the first pull. */
export const stream = (
  pool: Pool,
  items: Items,
  task: unknown,
  overrides: options.AnyCallOptions,
  shape: Shape,
  makeSink: () => sink.Taken
): Stream.Stream<unknown, unknown, unknown> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const scope = yield* Scope.Scope
      const caller = callSpan.begin(context, pool.defaults.name, task, lengthOf(items), traceOf(pool, overrides))
      const into = makeSink()
      let wake = () => {}
      const prepared = prepare(pool, items, task, overrides, shape, into, reportInterval.streams, caller, () =>
        // a consumer that waits goes on at once, with users' code
        pool.turn.tell(() => wake())
      )
      if (Result.isFailure(prepared)) {
        caller.traced?.tracing.end(caller.traced.span, Exit.fail(prepared.failure))
        return yield* prepared.failure
      }
      const { call, follow, pump } = prepared.success
      const { traced } = caller
      let isEndedEarly = false
      if (traced !== undefined) {
        yield* Scope.addFinalizerExit(scope, (exit) =>
          Effect.sync(() => {
            // that its consumer has had enough is no failure: it ends as the stream does
            const { failure } = call
            traced.tracing.end(traced.span, failure === undefined || isEndedEarly ? exit : Exit.failCause(failure))
          })
        )
      }
      if (follow !== undefined) {
        // added first, so that it is told when the call has ended in every way
        yield* Effect.uninterruptible(Effect.suspend(() => Scope.addFinalizerExit(scope, follow())))
      }
      let isConcluded = false
      const endedEarly = Effect.suspend(() => {
        if (isConcluded) return Effect.void
        isEndedEarly = call.failure === undefined
        return interruptCall(pool, call)
      })
      const warning = yield* Effect.uninterruptibleMask((restore) =>
        Effect.tap(pool.admit(call, overrides, restore), Scope.addFinalizer(scope, endedEarly))
      )
      yield* warning
      if (pump !== undefined) yield* Effect.forkIn(pump, scope)
      yield* pool.offer(call)
      const ended = Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          isConcluded = true
          return Effect.flatMap(pool.conclude(call), (failures) =>
            // a consumer that was interrupted meanwhile never sees what its stream fails with, so that is logged (L10)
            Effect.onInterrupt(restore(Effect.void), () => logReleasesFailed(failures)).pipe(
              Effect.andThen(resultOf(call, failures, () => {}))
            )
          )
        })
      ).pipe(Effect.andThen(Cause.done()))
      const changed = Effect.callback<void>((resume) => {
        wake = () => resume(Effect.void)
      })
      let handed = 0
      const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<unknown>, unknown> = Effect.suspend(() => {
        // the consumer pulls again, so it is done with the results that it was handed (C3)
        const consumed = handed
        handed = 0
        pool.turn.take(() => call.consumed(consumed))
        const results = into.take(call.batch(pool.size))
        if (Arr.isArrayNonEmpty(results)) {
          handed = results.length
          return Effect.succeed(results)
        }
        // one message brings many results, one by one: after a yield all have arrived, and are taken at once
        return call.isOver ? ended : Effect.andThen(Effect.andThen(changed, Effect.yieldNow), pull)
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  )
