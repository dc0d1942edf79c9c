/**
 * Does what an operation says to a pool.
 */
import { Portable, type WorkerContext, type WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Answer, Failed, Item, State } from "./item.ts"
import type { HookPlan } from "./plain.tasks.ts"
import type { Call, CallKind, Hook, Operation, PoolPlan } from "./script.ts"
import { type Reach, source } from "./sources.ts"
import type { Outcome } from "./verdict.ts"

export type SoakPool = WorkerPool.WorkerPool<State, string>

type Result = Answer | Promise<Answer> | Effect.Effect<Answer, Failed, Scope.Scope>

/** Both modules export the same names. */
interface Tasks {
  readonly init: (
    plan: HookPlan,
    worker: WorkerContext.WorkerContext
  ) => State | Promise<State> | Effect.Effect<State, never, Scope.Scope>
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

export const initOf = (hook: Hook, { initFailEvery }: PoolPlan, ledger: string, operation?: number) =>
  Portable.bind(exported(hook, "init"), hookPlan(hook, ledger, initFailEvery, operation))

export const exitOf = (hook: Hook, { exitFailEvery }: PoolPlan, ledger: string, operation?: number) =>
  Portable.bind(exported(hook, "exit"), hookPlan(hook, ledger, exitFailEvery, operation))

const exported = <Name extends "init" | "exit">({ fate, module }: Hook, name: Name): (typeof modules.plain)[Name] =>
  fate === "missing" ? (modules[module] as any)["missing"] : modules[module][name]

const hookPlan = (
  { fate, millis, unequal }: Hook,
  ledger: string,
  failEvery: number,
  operation: number | undefined
): HookPlan => {
  const plan = { ledger, millis, failEvery }
  if (fate !== undefined && fate !== "missing") return { ...plan, fate, operation }
  return unequal === undefined ? plan : new Unequal(plan, unequal, operation ?? -1)
}

/** A bound value that refuses to be compared; workers see a plain object. */
class Unequal implements HookPlan {
  declare readonly ledger: string
  declare readonly millis: number
  declare readonly failEvery: number
  readonly unequal: "hash" | "equals"
  readonly operation: number

  constructor(plan: HookPlan, unequal: "hash" | "equals", operation: number) {
    Object.assign(this, plan)
    this.unequal = unequal
    this.operation = operation
  }

  [Equal.symbol](): boolean {
    throw new Error(`hostile equal ${this.operation}`)
  }

  [Hash.symbol](): number {
    if (this.unequal === "hash") throw new Error(`hostile equal ${this.operation}`)
    return 1
  }
}

/** Where an operation finds what it works on. */
export interface Place {
  readonly plan: PoolPlan
  readonly ledger: string
  readonly pool: SoakPool
}

/**
 * Does it. `inputs` are its items as the pool gets them, `results` gets those of a call as they come, and `reach` is what
 * a hostile source can do.
 */
export const perform = (
  place: Place,
  operation: Operation,
  inputs: ReadonlyArray<unknown>,
  results: Array<unknown>,
  reach: Reach
): Effect.Effect<unknown, unknown, never> => {
  const { pool } = place
  const { call, timeoutAfter } = operation
  if (call !== undefined) {
    const performed = performCall(place, operation, call, inputs, results, reach)
    const timed = timeoutAfter === undefined ? performed : Effect.timeout(performed, timeoutAfter)
    const within = Effect.withFiber<void, unknown>((fiber) => {
      reach.interrupt = () => fiber.interruptUnsafe()
      return timed
    })
    return call.loggerThrows === true ? Effect.provide(within, throwingLogger(operation.number)) : within
  }
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

/** For one call alone. */
const throwingLogger = (operation: number) =>
  Logger.layer([
    Logger.make(() => {
      throw new Error(`hostile logger ${operation}`)
    })
  ])

const performCall = (
  { ledger, plan, pool }: Place,
  operation: Operation,
  call: Call,
  inputs: ReadonlyArray<unknown>,
  results: Array<unknown>,
  reach: Reach
): Effect.Effect<void, unknown> => {
  const kind = operation.kind as CallKind
  const task = taskOf(call)
  // some hostile items are no Items
  const items = source(call, inputs, reach) as Iterable<Item> | Stream.Stream<Item, unknown>
  const options = {
    ...call.options,
    lifespan: plan.overridesLifespan ? call.options.lifespan : undefined,
    init: call.init && initOf(call.init, plan, ledger, operation.number),
    exit: call.exit && exitOf(call.exit, plan, ledger, operation.number)
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
      return Effect.map(pool.run(task, inputs[0] as Item, runOptions(call)), (value) => keep([value]))
    case "runs": {
      const one = (input: unknown, index: number) =>
        Effect.map(Effect.exit(pool.run(task, input as Item, runOptions(call))), (exit): Outcome => ({ index, exit }))
      return Effect.map(Effect.forEach(inputs, one, { concurrency: "unbounded" }), keep)
    }
  }
}

const runOptions = ({ options: { onWorkerLost, timeout } }: Call) => ({ onWorkerLost, timeout })
