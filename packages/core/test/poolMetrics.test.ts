import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import { ItemSeconds } from "../src/internal/insights/itemSeconds.ts"
import { driven, integer, kinds, makePool, runs, settle } from "./support.ts"

const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

/** A registry of the test's own, so that other tests' pools are not in it. */
const apart = <A, E, R>(effect: (registry: Metric.MetricRegistry) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const registry: Metric.MetricRegistry = new Map()
    return Effect.provideService(effect(registry), Metric.MetricRegistry, registry)
  })

/** What Prometheus reads: the value of each series by its name and labels. */
const scrape = (registry: Metric.MetricRegistry): Record<string, string> => {
  const text = PrometheusMetrics.formatUnsafe(Context.make(Metric.MetricRegistry, registry))
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)])
  )
}

describe.each(kinds)("metrics, %s", (kind) => {
  it.effect("O5 are the pool's counters, as Prometheus reads them", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2, name: "images", keepAlive: true, init: Effect.sleep(5) })
        const failing = (n: number) => Effect.andThen(sleep(n), Effect.fail("no"))
        const first = yield* Effect.forkChild(pool.mapExit([20, 20, 20], failing))
        yield* settle
        assert.include(scrape(registry), {
          'effect_mpire_workers{pool="images",state="starting"}': "2",
          'effect_mpire_workers{pool="images",state="busy"}': "0",
          'effect_mpire_calls{pool="images"}': "1"
        })
        yield* driven(Fiber.join(first))
        const runs = Effect.forEach([2000, 2000, 2000], (millis) => pool.run(sleep, millis), { concurrency: 3 })
        const fiber = yield* Effect.forkChild(runs)
        yield* settle
        yield* TestClock.adjust(1000)
        assert.include(scrape(registry), {
          'effect_mpire_workers{pool="images",state="starting"}': "0",
          'effect_mpire_workers{pool="images",state="busy"}': "2",
          'effect_mpire_workers{pool="images",state="idle"}': "0",
          'effect_mpire_calls{pool="images"}': "3",
          'effect_mpire_pending{pool="images"}': "1",
          'effect_mpire_items_total{pool="images",outcome="failed"}': "3",
          'effect_mpire_items_total{pool="images",outcome="succeeded"}': "0"
        })
        yield* driven(Fiber.join(fiber))
        assert.include(scrape(registry), {
          'effect_mpire_workers{pool="images",state="idle"}': "2",
          'effect_mpire_calls{pool="images"}': "0",
          'effect_mpire_items_total{pool="images",outcome="failed"}': "3",
          'effect_mpire_items_total{pool="images",outcome="succeeded"}': "3",
          'effect_mpire_workers_lost_total{pool="images"}': "0",
          'effect_mpire_item_seconds_count{pool="images"}': "6",
          'effect_mpire_item_seconds_sum{pool="images"}': "6.06",
          'effect_mpire_item_seconds_bucket{pool="images",le="0.01"}': "0",
          'effect_mpire_item_seconds_bucket{pool="images",le="0.025"}': "3",
          'effect_mpire_item_seconds_bucket{pool="images",le="2.5"}': "6",
          'effect_mpire_item_seconds_bucket{pool="images",le="+Inf"}': "6"
        })
        yield* pool.terminate
        assert.strictEqual(scrape(registry)['effect_mpire_workers_killed_total{pool="images"}'], "2")
      })
    )
  )

  it.effect("O5 count items that were interrupted apart", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2, name: "a", keepAlive: true })
        const fiber = yield* Effect.forkChild(pool.map([1e6, 1e6, 1e6], sleep, { chunkSize: 1 }))
        yield* settle
        yield* driven(Fiber.interrupt(fiber))
        assert.include(scrape(registry), {
          'effect_mpire_items_total{pool="a",outcome="interrupted"}': "2",
          'effect_mpire_items_total{pool="a",outcome="failed"}': "0"
        })
      })
    )
  )

  it.effect("O5 know how long each item took that has succeeded, also of calls that were interrupted meanwhile", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 1, name: "a", keepAlive: true })
        const several = yield* makePool(kind, { size: 1, name: "b", keepAlive: true, tasksPerWorker: 3 })
        // short ones, which are timed in groups, come before those that take long
        const task = (millis: number) => (millis === 0 ? Effect.succeed(0) : sleep(millis))
        const items = [...Array.from({ length: 30 }, () => 0), ...Array.from({ length: 9 }, () => 2), 0, 0, 0, 1e6, 0]
        for (const { name, run } of [
          { name: "a", run: pool.map(items, task, { chunkSize: items.length }) },
          { name: "a", run: pool.map(items.toReversed(), task, { chunkSize: items.length }) },
          { name: "b", run: several.map(items, task, { chunkSize: items.length }) }
        ]) {
          for (const after of [0, 1, 7, 30]) {
            const fiber = yield* Effect.forkChild(run)
            yield* settle
            yield* TestClock.adjust(after)
            yield* settle
            yield* driven(Fiber.interrupt(fiber))
            const read = scrape(registry)
            const succeeded = read[`effect_mpire_items_total{pool="${name}",outcome="succeeded"}`]
            assert.strictEqual(read[`effect_mpire_item_seconds_count{pool="${name}"}`], succeeded, `${name} ${after}`)
          }
        }
        const { total } = yield* pool.insights
        // nine of 2 ms after 30 ms, and one that takes for ever, before it the others or nothing
        assert.strictEqual(total.times.working, 2 * (0 + 1 + 7 + 30))
        assert.strictEqual(scrape(registry)['effect_mpire_item_seconds_sum{pool="a"}'], "0.024")
        assert.strictEqual((yield* several.insights).total.times.working, 38)
      })
    )
  )

  it.effect("O5 of pools side by side are apart, by name; of pools with one name they are sums", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const count = (name: string) => scrape(registry)[`effect_mpire_items_total{pool="${name}",outcome="succeeded"}`]
        const a = yield* makePool(kind, { size: 1, name: "a" })
        const b = yield* makePool(kind, { size: 2, name: "b" })
        yield* driven(a.map([1, 2, 3], sleep))
        yield* driven(b.map([1, 2], sleep))
        assert.deepStrictEqual([count("a"), count("b")], ["3", "2"])
        const scope = yield* Scope.make()
        const again = yield* Scope.provide(makePool(kind, { size: 3, name: "a", keepAlive: true }), scope)
        yield* driven(again.map([1, 2, 3, 4], sleep))
        assert.strictEqual(count("a"), "7")
        assert.strictEqual(scrape(registry)['effect_mpire_workers{pool="a",state="idle"}'], "3")
        yield* driven(Scope.close(scope, Exit.void))
        // what has been counted does not become less while there is a pool of that name
        assert.strictEqual(count("a"), "7")
        assert.strictEqual(scrape(registry)['effect_mpire_item_seconds_count{pool="a"}'], "7")
        assert.strictEqual(scrape(registry)['effect_mpire_workers{pool="a",state="idle"}'], "0")
        const text = PrometheusMetrics.formatUnsafe(Context.make(Metric.MetricRegistry, registry))
        const types = text.split("\n").filter((line) => line.startsWith("# TYPE"))
        assert.deepStrictEqual(types, [
          "# TYPE effect_mpire_items_total counter",
          "# TYPE effect_mpire_workers gauge",
          "# TYPE effect_mpire_workers_lost_total counter",
          "# TYPE effect_mpire_workers_killed_total counter",
          "# TYPE effect_mpire_calls gauge",
          "# TYPE effect_mpire_pending gauge",
          "# TYPE effect_mpire_item_seconds histogram"
        ])
      })
    )
  )

  it.effect("O5 have the attributes of where the pool was made", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const made = (region: string) =>
          Effect.provideService(makePool(kind, { size: 1, name: "a" }), Metric.CurrentMetricAttributes, { region })
        const one = yield* made("north")
        yield* made("south")
        yield* driven(one.map([1], sleep))
        assert.include(scrape(registry), {
          'effect_mpire_items_total{pool="a",outcome="succeeded",region="north"}': "1",
          'effect_mpire_items_total{pool="a",outcome="succeeded",region="south"}': "0"
        })
      })
    )
  )

  it.effect("O5 keep what they say of pool, outcome and state, whatever attributes there are", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const made = (name: string, attributes: Record<string, string>) =>
          makePool(kind, { size: 1, name, keepAlive: true }).pipe(
            Effect.provideService(Metric.CurrentMetricAttributes, attributes),
            Scope.provide(scope)
          )
        const pools = [
          yield* made("a", { pool: "web" }),
          yield* made("b", { pool: "web", region: "north" }),
          yield* made("c", { outcome: "one" }),
          yield* made("c", { outcome: "other", state: "prod" })
        ]
        for (const [n, pool] of pools.entries()) {
          yield* driven(
            pool.map(
              Array.from({ length: n + 1 }, (_, item) => item),
              sleep
            )
          )
        }
        const read = scrape(registry)
        assert.include(read, {
          'effect_mpire_items_total{pool="a",outcome="succeeded"}': "1",
          'effect_mpire_items_total{pool="a",outcome="failed"}': "0",
          'effect_mpire_items_total{pool="b",outcome="succeeded",region="north"}': "2",
          'effect_mpire_items_total{pool="c",outcome="succeeded"}': "7",
          'effect_mpire_workers{pool="c",state="idle"}': "2",
          'effect_mpire_workers{pool="c",state="busy"}': "0"
        })
        assert.isFalse(Object.keys(read).some((series) => /web|one|other|prod/.test(series)))
        yield* driven(Scope.close(scope, Exit.void))
        assert.strictEqual(registry.size, 0)
      })
    )
  )

  it.effect("O5 F5 are gone when the pool's Scope has closed, also where others have its name", () =>
    apart((registry) =>
      Effect.gen(function* () {
        const outer = yield* Scope.make()
        yield* Scope.provide(makePool(kind, { size: 1, name: "same" }), outer)
        const before = registry.size
        assert.isAbove(before, 0)
        for (let n = 0; n < 1000; n++) {
          const name = n % 3 === 0 ? { name: "same" } : n % 3 === 1 ? { name: `own-${n}` } : {}
          const made = Effect.flatMap(makePool(kind, { size: 1, ...name }), (pool) =>
            Effect.sync(() => assert.strictEqual(registry.size, before * (pool.name === "same" ? 1 : 2)))
          )
          yield* Effect.scoped(made)
          assert.strictEqual(registry.size, before)
        }
        yield* Scope.close(outer, Exit.void)
        assert.strictEqual(registry.size, 0)
      })
    )
  )
})

describe("metrics", () => {
  it.effect("O5 are in the registry that everybody shares, where there is no other", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1, name: "shared by all" })
      yield* pool.map([1, 2], (n) => Effect.succeed(n))
      const snapshot = yield* Metric.snapshot
      const counted = snapshot.filter(({ attributes }) => attributes?.["pool"] === "shared by all")
      assert.deepInclude(
        counted.find(({ attributes }) => attributes?.["outcome"] === "succeeded"),
        { id: "effect_mpire_items_total", type: "Counter", state: { count: 2, incremental: true } }
      )
    })
  )
})

describe("ItemSeconds", () => {
  it.prop(
    "O5 counts as Effect's histogram does, with the mean for each of the items that are reported together",
    {
      notes: Arbitrary.array(Arbitrary.all([integer(1, 9), integer(0, 2_000_000)]), { maxLength: 30 }),
      half: integer(0, 30)
    },
    ({ half, notes }) => {
      const [one, other] = [new ItemSeconds(), new ItemSeconds()]
      const context = Context.make(Metric.MetricRegistry, new Map())
      const histogram = Metric.histogram("theirs", { boundaries: ItemSeconds.bounds })
      for (const [n, [items, micros]] of notes.entries()) {
        const ours = n < half ? one : other
        ours.note(items, micros / 100)
        for (let item = 0; item < items; item++) histogram.updateUnsafe(micros / 100 / items / 1000, context)
      }
      one.add(other)
      const { sum, ...rest } = one.histogram
      const { sum: theirSum, ...theirs } = histogram.valueUnsafe(context)
      assert.deepStrictEqual(rest, theirs)
      assert.closeTo(sum, theirSum, 1e-6)
    },
    runs(200)
  )
})
