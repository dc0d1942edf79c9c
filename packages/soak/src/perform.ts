/**
 * Does what an operation says to a pool.
 */
import { Portable, type WorkerContext, type WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Answer, Failed, Item, State } from "./item.ts"
import type { HookPlan } from "./plain.tasks.ts"
import type { Call, CallKind, Hook, Operation, PoolPlan, SourceKind } from "./script.ts"
import { type Outcome, sourceFailed } from "./verdict.ts"

export type SoakPool = WorkerPool.WorkerPool<State, string>

type Result = Answer | Promise<Answer> | Effect.Effect<Answer, Failed, Scope.Scope>

/** Both modules export the same names. */
interface Tasks {
  readonly init: (
    plan: HookPlan,
    worker: WorkerContext.WorkerContext
  ) => State | Effect.Effect<State, never, Scope.Scope>
  readonly exit: (plan: HookPlan, worker: WorkerContext.WorkerContext<State>) => Promise<string> | Effect.Effect<string>
  readonly task: (item: Item, worker: WorkerContext.WorkerContext<State>) => Result
  readonly salted: (salt: number, item: Item, worker: WorkerContext.WorkerContext<State>) => Result
}

const modules = {
  plain: Portable.module<Tasks>(new URL("./plain.tasks.ts", import.meta.url)),
  effect: Portable.module<Tasks>(new URL("./effect.tasks.ts", import.meta.url))
}

const taskOf = ({ module, salt }: Call) =>
  salt === undefined ? modules[module].task : Portable.bind(modules[module].salted, salt)

export const initOf = (hook: Hook, { initFailEvery }: PoolPlan, ledger: string) =>
  Portable.bind(modules[hook.module].init, { ledger, millis: hook.millis, failEvery: initFailEvery })

export const exitOf = (hook: Hook, { exitFailEvery }: PoolPlan, ledger: string) =>
  Portable.bind(modules[hook.module].exit, { ledger, millis: hook.millis, failEvery: exitFailEvery })

/** Where an operation finds what it works on. */
export interface Place {
  readonly plan: PoolPlan
  readonly ledger: string
  readonly pool: SoakPool
}

/** Does it; `results` gets those of a call as they come. */
export const perform = (
  place: Place,
  operation: Operation,
  results: Array<unknown>
): Effect.Effect<unknown, unknown, never> => {
  const { pool } = place
  const { call } = operation
  if (call !== undefined) return performCall(place, operation.kind as CallKind, call, results)
  switch (operation.kind) {
    case "stop":
      return pool.stop
    case "terminate":
      return pool.terminate
    case "restart":
      return pool.restart
    case "setSize":
      return pool.setSize(operation.size)
    case "setKeepAlive":
      return pool.setKeepAlive(operation.keepAlive)
    case "start":
      return pool.start
    default:
      return Effect.die(new Error(`Nothing is known of ${operation.kind}`))
  }
}

const performCall = (
  { ledger, plan, pool }: Place,
  kind: CallKind,
  call: Call,
  results: Array<unknown>
): Effect.Effect<void, unknown> => {
  const task = taskOf(call)
  const items = source(call.source, call.items)
  const options = {
    ...call.options,
    lifespan: plan.overridesLifespan ? call.options.lifespan : undefined,
    init: call.init && initOf(call.init, plan, ledger),
    exit: call.exit && exitOf(call.exit, plan, ledger)
  }
  const keep = (all: ReadonlyArray<unknown>) => {
    results.push(...all)
  }
  const consume = (stream: Stream.Stream<unknown, unknown>) =>
    Stream.runForEach(call.take === undefined ? stream : Stream.take(stream, call.take), (result) => {
      results.push(result)
      return call.consumes === 0 ? Effect.void : Effect.sleep(call.consumes)
    })
  switch (kind) {
    case "map":
      return Effect.map(pool.map(items, task, options), keep)
    case "mapUnordered":
      return Effect.map(pool.mapUnordered(items, task, options), keep)
    case "mapExit":
      return Effect.map(pool.mapExit(items, task, options), (exits) =>
        keep(exits.map((exit, index): Outcome => ({ index, exit })))
      )
    case "forEach":
      return pool.forEach(items, task, options)
    case "stream":
      return consume(pool.stream(items, task, options))
    case "streamUnordered":
      return consume(pool.streamUnordered(items, task, options))
    case "streamExit":
      return consume(pool.streamExit(items, task, options))
    case "streamUnorderedExit":
      return consume(pool.streamUnorderedExit(items, task, options))
    case "run":
      return Effect.map(pool.run(task, call.items[0]!, runOptions(call)), (value) => keep([value]))
    case "runs": {
      const one = (item: Item) =>
        Effect.map(Effect.exit(pool.run(task, item, runOptions(call))), (exit): Outcome => ({
          index: item.index,
          exit
        }))
      return Effect.map(Effect.forEach(call.items, one, { concurrency: "unbounded" }), keep)
    }
  }
}

const runOptions = ({ options: { onWorkerLost, timeout } }: Call) => ({ onWorkerLost, timeout })

const source = (kind: SourceKind, items: ReadonlyArray<Item>): Iterable<Item> | Stream.Stream<Item, unknown> => {
  switch (kind) {
    case "array":
      return items
    case "generator":
      return generate(items, false)
    case "throwingGenerator":
      return generate(items, true)
    case "stream":
      return Stream.fromIterable(items)
    case "slowStream":
      return Stream.mapEffect(Stream.fromIterable(items), (item) =>
        item.index % 4 === 0 ? Effect.as(Effect.sleep(1), item) : Effect.succeed(item)
      )
    case "failingStream":
      return Stream.concat(Stream.fromIterable(items), Stream.fail(sourceFailed))
  }
}

function* generate(items: ReadonlyArray<Item>, throws: boolean) {
  yield* items
  if (throws) throw new Error("planned source")
}
