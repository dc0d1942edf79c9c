/** O3: what tasks measure is in the caller's registry, as if it had been measured there. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import { type Measurement, measure } from "../suite.metrics.tasks.ts"
import * as assert from "./assert.ts"
import { type Case, measuring } from "./case.ts"

/** What an item does to every kind of metric; of a gauge only what does not depend on the order of items. */
const of = (n: number): ReadonlyArray<Measurement> => [
  { metric: "count", amount: n },
  { metric: "count", amount: -1, attribute: String(n % 3) },
  { metric: "countUp", amount: n % 2 === 0 ? n : -n },
  { metric: "countBig", amount: n },
  { metric: "countBigUp", amount: -n },
  { metric: "level", amount: n, modify: true },
  { metric: "levelBig", amount: n, modify: true },
  { metric: "word", amount: n % 4 },
  { metric: "observe", amount: n % 20 },
  { metric: "took", amount: n },
  { metric: "sample", amount: n }
]

const items = Array.from({ length: 150 }, (_, n) => of(n))

/** Gives what an Effect, run with a new registry, leaves there. */
const measured = <E, R>(effect: Effect.Effect<unknown, E, R>, attributes: Metric.Metric.AttributeSet = {}) =>
  Effect.andThen(effect, Metric.snapshot).pipe(
    Effect.map((snapshot) => snapshot.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))),
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.provideService(Metric.CurrentMetricAttributes, attributes)
  )

const keyOf = ({ attributes, id }: Metric.Metric.Snapshot): string => `${id} ${JSON.stringify(attributes)}`

export const cases: ReadonlyArray<Case> = [
  {
    rule: "O3",
    name: "does to the caller's registry all that tasks do to metrics of every kind",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, tasksPerWorker: 2 })
      const found = yield* measured(pool.forEach(items, measuring.measure), { of: "all" })
      yield* assert.equal(found, yield* measured(measure(items.flat()), { of: "all" }), "the registry")
    })
  },
  {
    rule: "O3",
    name: "keeps apart what `run`s of two callers at once measure, by their registries and attributes",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const all = Effect.forEach(items, (item) => pool.run(measuring.measure, item), { concurrency: 20, discard: true })
      const some = Effect.forEach(items.slice(0, 50), (item) => pool.run(measuring.measure, item), {
        concurrency: 20,
        discard: true
      })
      const both = yield* Effect.all([measured(all, { caller: "one" }), measured(some, { caller: "other" })], {
        concurrency: "unbounded"
      })
      yield* assert.equal(both[0], yield* measured(measure(items.flat()), { caller: "one" }), "one")
      yield* assert.equal(both[1], yield* measured(measure(items.slice(0, 50).flat()), { caller: "other" }), "other")
    })
  },
  {
    rule: "O3",
    name: "sets gauges, keeps the last values of a summary, and removes series, in the order in which tasks do",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const steps: ReadonlyArray<ReadonlyArray<Measurement>> = [7, 11, 5, 3].map((amount) => [
        { metric: "level", amount: -1, modify: true },
        { metric: "level", amount },
        { metric: "level", amount: 2, modify: true },
        { metric: "levelBig", amount },
        { metric: "sampleFew", amount },
        { metric: "sampleFew", amount: amount * 2 },
        { metric: "count", amount }
      ])
      const program = Effect.gen(function* () {
        for (const step of steps) {
          yield* pool.run(measuring.forget, "count")
          yield* pool.run(measuring.measure, step)
        }
      })
      const last = steps.flat().filter(({ metric }, n) => metric !== "count" || n === steps.flat().length - 1)
      yield* assert.equal(yield* measured(program), yield* measured(measure(last)), "the registry")
    })
  },
  {
    rule: "O3",
    name: "counts what hooks and services do in the registry of whoever made the pool, and a task reads its own counter",
    effect: Effect.gen(function* () {
      const made = new Map() as Metric.MetricRegistry
      const called = new Map() as Metric.MetricRegistry
      const own = Effect.provideService(Metric.MetricRegistry, called)
      const pool = yield* Effect.provideService(
        WorkerPool.make({ size: 1, keepAlive: true, services: measuring.counting, init: measuring.countInit }),
        Metric.MetricRegistry,
        made
      )
      const read = yield* own(pool.run(measuring.countAndRead, 5))
      yield* assert.isTrue(read >= 5, "what the task reads", read)
      const counts = (registry: Metric.MetricRegistry) =>
        Effect.map(Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry), (snapshot) =>
          Object.fromEntries(
            snapshot
              // the pool's own metrics are there too
              .filter(({ id }) => id.startsWith("suite_"))
              .map(({ id, state }) => [id, (state as Metric.CounterState<number>).count] as const)
          )
        )
      yield* assert.equal(yield* counts(made), { suite_counter: 1, suite_incremental: 1 }, "of hooks and services")
      yield* assert.equal(yield* counts(called), { suite_counter: 5 }, "of the task")
    })
  },
  {
    rule: "O3",
    name: "counts what an item counts while it still runs",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* Effect.forkScoped(pool.run(measuring.countAndWait, 3))
      yield* assert.eventually(
        Effect.map(Metric.snapshot, (snapshot) =>
          snapshot.some(({ state }) => (state as Metric.CounterState<number>).count === 3)
        )
      )
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  },
  {
    rule: "O3",
    name: "counts what items did whose results have come, though their worker was lost",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const task = Portable.bind(measuring.countOrExit, 13)
      const exits = yield* pool.mapExit(
        Array.from({ length: 30 }, (_, n) => n),
        task,
        { chunkSize: 10 }
      )
      const [counter] = yield* Metric.snapshot
      const { count } = counter!.state as Metric.CounterState<number>
      const successes = exits.filter(Exit.isSuccess).length
      yield* assert.equal(successes, 29, "results")
      // what the lost item did may have come too
      yield* assert.isTrue(count >= successes && count <= exits.length, "the counter", count)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  },
  {
    rule: "O3",
    name: "leaves what tasks measure to a registry that the services provide",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, services: measuring.ownRegistry })
      const found = yield* measured(
        Effect.gen(function* () {
          yield* pool.run(measuring.countAndRead, 2)
          yield* assert.equal(yield* pool.run(measuring.countAndRead, 3), 5, "what the task reads")
        })
      )
      yield* assert.equal(found, [], "the caller's registry")
    })
  }
]
