/** Pools that hear something else instead of what their workers say, and go on all the same (F6). */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import type { FromWorker, Results } from "../../src/internal/wire/protocol.ts"
import * as Insights from "../../src/Insights.ts"
import * as Portable from "../../src/Portable.ts"
import type { WorkerContext } from "../../src/WorkerContext.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import { layerTampered, type Tamper } from "./inThisThread.ts"
import { mutationsOf } from "./mutants.ts"

export const add = Portable.make("test:hostile", "add", (n: number) => n + 1)

export const three = Portable.make("test:hostile", "three", (n: number) => {
  if (n === 2) throw new Error("two")
  return n + 1
})

export const init = Portable.make("test:hostile", "init", () => 1)
export const exit = Portable.make("test:hostile", "exit", (worker: WorkerContext<number>) => worker.state)

/** All numbers in it. */
const numbersIn = (value: unknown): ReadonlyArray<number> => {
  if (typeof value === "number") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

const areSound = (what: string, value: unknown) => {
  for (const n of numbersIn(value)) assert.isTrue(Number.isFinite(n) && n >= 0, `${what}: ${n}`)
}

/** Nothing that the pool tells of itself is out of all bounds. */
const tellsNothingOdd = (what: string, pool: WorkerPool.WorkerPool<any, any>, registry: Metric.MetricRegistry) =>
  Effect.gen(function* () {
    areSound(`${what}: stats`, yield* pool.stats)
    const insights = yield* pool.insights
    areSound(`${what}: insights`, insights)
    for (const { millis } of insights.longest) assert.isBelow(millis, 100_000, what)
    assert.isBelow(insights.total.times.working, 100_000, what)
    Insights.format(insights)
    for (const { id, state } of Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry))) {
      const { buckets, count, max, min, sum, ...rest } = state as any
      areSound(`${what}: ${id}`, rest)
      if (count > 0) areSound(`${what}: ${id}`, [buckets, count, sum ?? 0, min ?? 0, max ?? 0])
    }
  })

/** What is tampered with next, and is left alone when it has been. */
export class Tampering {
  private next: { readonly tag: FromWorker["_tag"]; readonly with: Tamper } | undefined = undefined

  readonly tamper: Tamper = (message) => {
    if (this.next?.tag !== message._tag) return [message]
    const { with: tamper } = this.next
    this.next = undefined
    return tamper(message)
  }

  /** Lets the pool hear something else instead of its next message with that tag. */
  at(tag: FromWorker["_tag"], tamper: Tamper): void {
    this.next = { tag, with: tamper }
  }

  get isDone(): boolean {
    return this.next === undefined
  }
}

/** Long for a busy machine, and short for who waits for what hangs. */
const patience = "20 seconds"

export const items = [1, 2, 3]

export const goodSums = [2, 3, 4]

/** A pool goes on after each of them. */
export const survives = (
  mutants: ReadonlyArray<{ readonly what: string; readonly tag: FromWorker["_tag"]; readonly tamper: Tamper }>,
  options: {
    readonly pool?: object
    readonly call?: object
    readonly task?: typeof add
    readonly sharesNumbers?: boolean
    /** Whether each has a pool of its own. */
    readonly isApart?: boolean
  } = {}
) => {
  const tampering = new Tampering()
  const registry: Metric.MetricRegistry = new Map()
  const make = WorkerPool.make({ size: 1, keepAlive: true, ...options.pool })
  const call = { chunkSize: 3, ...options.call }
  const one = (pool: WorkerPool.WorkerPool<any, any>, { tag, tamper, what }: (typeof mutants)[number]) =>
    Effect.gen(function* () {
      tampering.at(tag, tamper)
      const first = yield* Effect.timeoutOption(Effect.exit(pool.map(items, options.task ?? add, call)), patience)
      assert.strictEqual(first._tag, "Some", `${what}: it hangs`)
      assert.isTrue(tampering.isDone, `${what}: nothing was tampered with`)
      const next = yield* Effect.timeoutOption(Effect.exit(pool.map(items, add, call)), patience)
      assert.strictEqual(next._tag, "Some", `${what}: the next call hangs`)
      if (next._tag === "Some") assert.deepStrictEqual(next.value, Exit.succeed(goodSums), what)
      yield* tellsNothingOdd(what, pool, registry)
    })
  return (
    options.isApart === true
      ? Effect.forEach(mutants, (mutant) => Effect.scoped(Effect.flatMap(make, (pool) => one(pool as any, mutant))))
      : Effect.flatMap(make, (pool) => Effect.forEach(mutants, (mutant) => one(pool as any, mutant)))
  ).pipe(
    Effect.scoped,
    Effect.provide(layerTampered(tampering.tamper, { sharesNumbers: options.sharesNumbers ?? true })),
    Effect.provideService(Metric.MetricRegistry, registry),
    Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, () => {})]))
  )
}

export const results: Results = {
  _tag: "Results",
  chunk: 0,
  from: 0,
  count: 3,
  millis: 0.5,
  values: [2, undefined, 4],
  others: [],
  ended: true
}

export const initialised = { _tag: "Initialised", result: { _tag: "Success", value: 1 }, stage: "init" }
export const exited = { result: { _tag: "Success", value: 1 }, _tag: "Exited" }

/** Those messages of a worker's, made into what `of` makes of them, are not what they were. */
export const inPlaceOf = (tag: FromWorker["_tag"], sample: object, of: (message: any) => object) =>
  mutationsOf(of(sample)).map((mutation) => ({
    what: `${tag} with ${mutation.what}`,
    tag,
    tamper: ((message) => [mutation.of(of(message))]) as Tamper
  }))

/** Before the results of a chunk something else is heard. */
export const before = (name: string, of: (message: Results) => object) =>
  mutationsOf(of(results)).map((mutation) => ({
    what: `${name} with ${mutation.what}`,
    tag: "Results" as const,
    tamper: ((message) => [mutation.of(of(message as Results)), message]) as Tamper
  }))
