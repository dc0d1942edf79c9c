/**
 * The engine behind `WorkerPool`: options resolved, the pool made, its methods put together.
 */
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Stream from "effect/Stream"
import type { WorkerPoolError } from "../WorkerPoolError.ts"
import { WorkerRuntime } from "../WorkerRuntime.ts"
import * as sink from "./call/sink.ts"
import * as errors from "./common/errors.ts"
import { areOptions } from "./common/options.ts"
import * as methods from "./pool/methods.ts"
import * as options from "./pool/options.ts"
import { Pool } from "./pool/pool.ts"
import { registerMetrics } from "./pool/poolMetrics.ts"
import * as resolver from "./task/resolver.ts"

export const TypeId = "~effect-mpire/WorkerPool" as const

/** Options of a pool, or an Effect that makes them. */
export type Options<O extends options.AnyPoolOptions = options.AnyPoolOptions, E = unknown, R = unknown> =
  | O
  | Effect.Effect<O, E, R>

export const isWorkerPool = (u: unknown): boolean => hasProperty(u, TypeId)

/** Replaces some options. The types of hooks stay, because a hook must have the type of the one that it replaces. */
export const override = <O extends options.AnyPoolOptions, E, R>(
  input: Options<O, E, R>,
  overrides: options.AnyPoolOptions
): Options<O, E, R> => {
  const replaced = (input: O) => options.override<options.AnyPoolOptions>(input, overrides) as O
  return Effect.isEffect(input) ? Effect.map(input, replaced) : replaced(input)
}

/** Names the pool, unless its options do. */
export const named = <O extends options.AnyPoolOptions, E, R>(
  name: string,
  input: Options<O, E, R>
): Options<O, E, R> => {
  const withName = (input: O): O => (areOptions(input) && input.name === undefined ? { ...input, name } : input)
  return Effect.isEffect(input) ? Effect.map(input, withName) : withName(input)
}

/** How many pools of this process have not been given a name: they are called by that (O2). */
let unnamed = 0

/** Makes the engine of a pool, which lives as long as the Scope. */
export const makePool = Effect.fnUntraced(function* (runtime: WorkerRuntime["Service"], input: options.AnyPoolOptions) {
  const error = options.invalid(input, "pool")
  if (error !== undefined) return yield* error
  const context = yield* Effect.context<never>()
  const named = { ...input, name: input.name ?? `pool-${++unnamed}` }
  const size = input.size ?? (yield* runtime.parallelism ?? Effect.sync(availableParallelism))
  const pool = new Pool(guarded(runtime), named, size, context)
  const unregister = registerMetrics(pool, context)
  yield* Effect.addFinalizer(() => Effect.ensuring(pool.close, Effect.sync(unregister)))
  const { parallelismAbove } = runtime
  if (parallelismAbove !== undefined) yield* Effect.forkScoped(growing(pool, parallelismAbove))
  return pool
})

/** Has a pool grow with its platform, until somebody says how large it is to be. */
const growing = (
  pool: Pool,
  parallelismAbove: (workers: number) => Effect.Effect<number>
): Effect.Effect<void, WorkerPoolError> =>
  Effect.gen(function* () {
    while (!pool.isSizeGiven) yield* pool.growTo(yield* parallelismAbove(pool.size))
  })

/** Runs the Effect that makes the options, where they are given as one. */
export const resolve = (input: Options): Effect.Effect<options.AnyPoolOptions, unknown, unknown> =>
  Effect.isEffect(input) ? input : Effect.succeed(input)

const availableParallelism = (): number => globalThis.navigator?.hardwareConcurrency ?? 1

/**
 * Refuses to start workers of a pool that is made while this thread, itself a worker, is loading the module of a task (F3). A
 * program that is in that module would start again in every worker, and each of these would start workers of its own. Where items
 * run meanwhile, one of them may have made the pool: then only its workers are as strict.
 */
const guarded = (runtime: WorkerRuntime["Service"]): WorkerRuntime["Service"] => {
  const loading = resolver.loadingModule()
  if (loading === undefined) return runtime
  return {
    ...runtime,
    start: (start) =>
      loading.isSure
        ? Effect.fail(errors.startFailed(start.worker, resolver.trap(loading.url)))
        : runtime.start({ ...start, isInDoubt: true })
  }
}

/**
 * The methods that every pool has, as the engine sees them: it knows nothing of the types of items, tasks and results.
 * `portable` turns the task or hook that the caller gave into something with an address.
 */
export const makeMethods = (pool: Pool, portable: (code: unknown) => unknown) => {
  const call = (overrides: options.AnyCallOptions = {}): options.AnyCallOptions =>
    !areOptions(overrides) || (overrides.init === undefined && overrides.exit === undefined)
      ? overrides
      : { ...overrides, init: portable(overrides.init), exit: portable(overrides.exit) }
  const collect =
    (shape: methods.Shape, makeSink: methods.MakeSink) =>
    (
      items: methods.Items,
      task: unknown,
      overrides?: options.AnyCallOptions
    ): Effect.Effect<unknown, unknown, unknown> =>
      methods.collect(pool, items, portable(task), call(overrides), shape, makeSink)
  const stream =
    (shape: methods.Shape, makeSink: () => sink.Taken) =>
    (
      items: methods.Items,
      task: unknown,
      overrides?: options.AnyCallOptions
    ): Stream.Stream<unknown, unknown, unknown> =>
      methods.stream(pool, items, portable(task), call(overrides), shape, makeSink)
  const ordered = (length: number | undefined) => new sink.Ordered(length)
  const takenOrdered = () => new sink.TakenOrdered()
  const takenUnordered = () => new sink.TakenUnordered()
  return {
    map: collect({}, ordered),
    mapUnordered: collect({}, () => new sink.Unordered()),
    mapExit: collect(methods.exits, ordered),
    forEach: collect(methods.discarded, () => new sink.Dropped()),
    stream: stream({}, takenOrdered),
    streamUnordered: stream({}, takenUnordered),
    streamExit: stream(methods.outcomes, takenOrdered),
    streamUnorderedExit: stream(methods.outcomes, takenUnordered),
    mapArray: (
      array: unknown,
      task: unknown,
      overrides?: options.AnyCallOptions
    ): Effect.Effect<unknown, unknown, unknown> => methods.mapArray(pool, array, portable(task), call(overrides)),
    run: (
      task: unknown,
      input: unknown,
      overrides?: options.AnyCallOptions
    ): Effect.Effect<unknown, unknown, unknown> => methods.run(pool, portable(task), input, overrides),
    start: pool.start,
    stop: pool.stop,
    terminate: pool.terminate,
    restart: pool.restart,
    setSize: (size: number) => pool.setSize(size),
    setKeepAlive: (keepAlive: options.AnyPoolOptions["keepAlive"]) => pool.setKeepAlive(keepAlive),
    exitResults: pool.exitResults,
    stats: pool.stats,
    insights: pool.insights,
    events: pool.events.stream,
    name: pool.name
  }
}

export type Methods = ReturnType<typeof makeMethods>

export const make = (
  input: Options = {}
): Effect.Effect<Methods & { readonly [TypeId]: typeof TypeId }, unknown, unknown> =>
  Effect.gen(function* () {
    const runtime = yield* WorkerRuntime
    const pool = yield* makePool(runtime, yield* resolve(input))
    return { [TypeId]: TypeId, ...makeMethods(pool, (code) => code) }
  })
