import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import { Observations } from "../src/internal/remote/observations.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import * as realTime from "../src/internal/task/realTime.ts"
import { forwardingRegistry } from "../src/internal/served/forwardingMetrics.ts"
import { Observer } from "../src/internal/served/observer.ts"
import { CurrentOrigin, Origin } from "../src/internal/served/origin.ts"
import { seriesOf } from "../src/internal/served/seriesOf.ts"
import type { ObservedRecord } from "../src/internal/wire/observed.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { type Change, isSeries, mostKept, mostUpdates, mostValues, type Series } from "../src/internal/wire/series.ts"
import * as Portable from "../src/Portable.ts"
import type { Measurement } from "../src/testing/suite.metrics.tasks.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { integer, oneOf, runs } from "./support.ts"
import { left } from "./utils/garbage.ts"
import { layerInThisThread } from "./utils/inThisThread.ts"
import { heldClock } from "./utils/realTime.ts"

const registryOf = (registry: Metric.MetricRegistry) => Context.make(Metric.MetricRegistry, registry)

const snapshotOf = (registry: Metric.MetricRegistry) => Metric.snapshotUnsafe(registryOf(registry))

// -----------------------------------------------------------------------------
// The worker's end
// -----------------------------------------------------------------------------

describe("a worker's registry", () => {
  const clock = heldClock()

  const make = () => {
    const sent: Array<protocol.Observed> = []
    const sender = {
      observed: undefined as (() => void) | undefined,
      sendPlain: (message: protocol.FromWorker) => void sent.push(message as protocol.Observed)
    }
    const observer = new Observer(sender, {})
    const registry = forwardingRegistry(observer)
    // something has just been told: what comes next waits for what comes with it
    observer.add(() => ({ _tag: "MetricRemoved", chunk: 0, position: 0, key: "" }), false)
    sent.splice(0)
    const contextOf = (origin: Origin) => Context.add(registryOf(registry), CurrentOrigin, origin)
    const changes = () => sent.flatMap(({ records }) => records as ReadonlyArray<{ readonly change: Change }>)
    return { sent, sender, registry, contextOf, changes }
  }

  const originOf = (chunk: number) => new Origin(chunk, 0, undefined, 0)

  it("O3 gathers updates until it tells, the first of a series included, and tells of each caller by itself", () => {
    const { contextOf, registry, sender, sent } = make()
    const one = contextOf(originOf(1))
    const other = contextOf(originOf(2))
    const counter = Metric.counter("count")
    const gauge = Metric.gauge("level")
    for (const context of [one, other, one]) counter.updateUnsafe(5, context)
    gauge.modifyUnsafe(2, one)
    gauge.updateUnsafe(7, other)
    gauge.modifyUnsafe(1, other)
    assert.deepStrictEqual(sent, [])
    sender.observed?.()
    const [{ records }] = sent as [protocol.Observed]
    assert.deepStrictEqual(
      (records as ReadonlyArray<Extract<ObservedRecord, { readonly _tag: "Metric" }>>).map(
        ({ change, chunk, series }) => [chunk, series.id, change]
      ),
      [
        [1, "count", { _tag: "Add", by: 10 }],
        [2, "count", { _tag: "Add", by: 5 }],
        [1, "level", { _tag: "Add", by: 2 }],
        [2, "level", { _tag: "Set", to: 8 }]
      ]
    )
    assert.strictEqual(sender.observed, undefined)
    // its own state goes on
    assert.deepStrictEqual(
      snapshotOf(registry).map(({ state }) => state),
      [{ count: 15, incremental: false }, { value: 8 }]
    )
    sender.observed?.()
    assert.strictEqual(sent.length, 1, "nothing is told twice")
  })

  it("O3 tells of at most 4,096 values in a message, and of what a task does that lets no timer fire", () => {
    const { changes, contextOf, sender, sent } = make()
    const context = contextOf(originOf(1))
    const histogram = Metric.histogram("sizes", { boundaries: [1, 2] })
    const waits = Metric.summaryWithTimestamp("waits", { maxAge: 10, maxSize: 1, quantiles: [0.5] })
    for (let n = 0; n < 5000; n++) {
      histogram.updateUnsafe(n, context)
      waits.updateUnsafe([n, n], context)
    }
    sender.observed?.()
    const lengths = sent.map(({ records }) =>
      (records as ReadonlyArray<any>).map(
        ({ change }: { readonly change: { values: Array<number> } }) => change.values.length
      )
    )
    assert.deepStrictEqual(lengths, [
      [mostValues / 2, mostValues / 2],
      [mostValues / 2, mostValues / 2],
      [904, 904]
    ])
    sent.splice(0)
    const frequency = Metric.frequency("words")
    for (let n = 0; n < mostUpdates + 1; n++) frequency.updateUnsafe("word", context)
    sender.observed?.()
    const counts = [mostUpdates, 1].map((count) => ({ _tag: "Count", words: [["word", count]] }))
    assert.deepStrictEqual(
      changes().map(({ change }) => change as unknown),
      counts
    )
    sent.splice(0)
    const counter = Metric.counter("steps")
    for (let n = 0; n < 64; n++) {
      counter.updateUnsafe(1, context)
      clock.now += 1
    }
    assert.isAtLeast(sent.length, 4, "without a timer, and without another message")
  })

  it("O3 tells at once of what is updated seldom, by a task that lets no timer fire", () => {
    const { changes, contextOf } = make()
    const context = contextOf(originOf(1))
    const counter = Metric.counter("steps")
    for (let n = 1; n <= 10; n++) {
      clock.now += 100
      counter.updateUnsafe(1, context)
      const all = changes().map(({ change }) => (change._tag === "Add" ? Number(change.by) : Number.NaN))
      assert.strictEqual(
        all.reduce((sum, by) => sum + by),
        n
      )
    }
  })

  it("O3 reads the clock once for 16 updates where they are many, and for each where they take long", () => {
    const { contextOf } = make()
    const context = contextOf(originOf(1))
    const counter = Metric.counter("steps")
    let readings = 0
    const { now } = realTime.clock
    realTime.clock.now = () => {
      readings++
      return now()
    }
    const readingsOf = (updates: number, millis: number) => {
      readings = 0
      for (let n = 0; n < updates; n++) {
        clock.now += millis
        counter.updateUnsafe(1, context)
      }
      return readings / updates
    }
    assert.isBelow(readingsOf(1_000_000, 0.001), 1 / 14)
    assert.isAtLeast(readingsOf(1000, 1), 0.9)
    realTime.clock.now = now
  })

  it("F8 O3 a series with what is no text is told of as texts, or stays in its worker, and harms nobody", () => {
    const { contextOf, sender, sent } = make()
    const context = contextOf(originOf(1))
    const never = () => undefined
    const strange: ReadonlyArray<Metric.Metric<any, unknown>> = [
      Metric.counter("described", { description: never as never }),
      Metric.counter("tagged", { attributes: { a: { b: 1 } as never, c: Symbol("s") as never } }),
      Metric.counter(never as never),
      Metric.frequency("words", { preregisteredWords: [1 as never] }),
      Metric.histogram("sizes", { boundaries: ["1" as never] }),
      Metric.summary("waits", { maxAge: 1, maxSize: 1, quantiles: [7] })
    ]
    for (const metric of strange) {
      try {
        metric.updateUnsafe(1, context)
      } catch {
        // Effect refuses it, as it does on fibers
      }
    }
    Metric.counter("fine").updateUnsafe(1, context)
    sender.observed?.()
    const series = sent.flatMap(({ records }) =>
      records.map((record) => (record as Extract<ObservedRecord, { readonly _tag: "Metric" }>).series)
    )
    for (const one of series) assert.isTrue(isSeries(one), one.id)
    structuredClone(sent)
    assert.includeMembers(
      series.map(({ id }) => id),
      ["described", "tagged", "fine"]
    )
  })

  it("O3 leaves alone a series whose value is asked for, and one that tells already", () => {
    const { changes, contextOf, registry, sender } = make()
    const context = contextOf(originOf(1))
    const gauge = Metric.gauge("pulled")
    let reads = 0
    Metric.registerUnsafe(gauge, context, {
      get: () => ({ value: ++reads }),
      update: () => {},
      modify: () => {}
    })
    gauge.updateUnsafe(1, context)
    assert.strictEqual(reads, 0)
    const counter = Metric.counter("count")
    counter.updateUnsafe(1, context)
    // an object of the registry's that is put there again
    for (const [key, metadata] of registry) registry.set(key, metadata)
    counter.updateUnsafe(1, context)
    sender.observed?.()
    assert.deepStrictEqual(
      changes().map(({ change }) => change),
      [{ _tag: "Add", by: 2 }]
    )
  })

  it("F8 O3 leaves alone what is in a registry and is none of Effect's", () => {
    const { changes, contextOf, registry, sender } = make()
    const context = contextOf(originOf(1))
    const get = () => {
      throw new Error("no")
    }
    const updates: Array<unknown> = []
    const hooks = { get, update: (input: unknown) => void updates.push(input), modify: () => {} }
    const own = { id: "own", description: undefined, attributes: undefined, hooks }
    for (const type of ["Counter", "Summary", "Meter"]) registry.set(type, { ...own, type: type as "Counter" })
    for (const { hooks } of registry.values()) hooks.update(1, context)
    sender.observed?.()
    assert.deepStrictEqual(updates, [1, 1, 1])
    assert.deepStrictEqual(changes(), [])
  })

  it("O3 tells nothing of amounts that are none, but of the series", () => {
    const { changes, contextOf, sender } = make()
    const context = contextOf(originOf(1))
    Metric.counter("count", { incremental: true }).updateUnsafe(-1, context)
    Metric.counter("text").updateUnsafe("1" as never, context)
    Metric.frequency("words").updateUnsafe(1 as never, context)
    Metric.histogram("sizes", { boundaries: [1] }).updateUnsafe("1" as never, context)
    assert.throws(() => Metric.counter("big", { bigint: true }).updateUnsafe(1 as never, context), TypeError)
    sender.observed?.()
    assert.deepStrictEqual(
      changes().map(({ change }) => change),
      [
        { _tag: "Add", by: 0 },
        { _tag: "Add", by: 0 },
        { _tag: "Count", words: [] },
        { _tag: "Observe", values: [] }
      ]
    )
  })

  it("O3 keeps nothing of a caller once it has told, beyond the series", async () => {
    const { contextOf, registry, sender } = make()
    const counter = Metric.counter("count")
    const histogram = Metric.histogram("sizes", { boundaries: [1] })
    const origins: Array<WeakRef<Origin>> = []
    const use = (chunk: number) => {
      const origin = originOf(chunk)
      origins.push(new WeakRef(origin))
      const context = contextOf(origin)
      counter.updateUnsafe(1, context)
      histogram.updateUnsafe(1, context)
    }
    for (let chunk = 0; chunk < 1000; chunk++) {
      use(chunk)
      sender.observed?.()
    }
    assert.strictEqual(registry.size, 2)
    assert.strictEqual(await left(origins, 0), 0)
  })

  const positive = (most: number) => integer(0, most)

  it.prop(
    "O3 finds out how old and how many values a summary looks at, which it does not say",
    {
      maxAge: Arbitrary.map(positive(2 ** 31 - 1), (n) =>
        n % 7 === 0 ? Number.POSITIVE_INFINITY : n % 3 === 0 ? n / 8 : n
      ),
      maxSize: positive(300),
      quantile: positive(20)
    },
    ({ maxAge, maxSize, quantile }) => {
      const registry: Metric.MetricRegistry = new Map()
      const quantiles = [quantile / 20, 0.5]
      Metric.summary("waits", { maxAge, maxSize, quantiles }).valueUnsafe(registryOf(registry))
      for (const metadata of registry.values()) {
        const found = seriesOf(metadata)!
        assert.deepInclude(found.series, {
          type: "Summary",
          quantiles: quantiles.toSorted((left, right) => left - right),
          maxAge: maxSize === 0 ? 0 : maxAge,
          maxSize
        })
        assert.deepInclude(found.hooks.get(Context.empty()), { count: 0, sum: 0 }, "nothing has been done to it")
      }
    }
  )

  it("O3 finds that out once, where series differ in their attributes alone", () => {
    /** How often a new series is read until that is found, and what is. */
    const found = (tag: string) => {
      const registry: Metric.MetricRegistry = new Map()
      summary({ tag }).valueUnsafe(registryOf(registry))
      const metadata = registry.values().next().value!
      let reads = 0
      const get = (context: Context.Context<never>) => {
        reads++
        return metadata.hooks.get(context)
      }
      const { series } = seriesOf({ ...metadata, hooks: { ...metadata.hooks, get } })!
      return { reads, series }
    }
    const summary = (attributes: Record<string, string>) =>
      Metric.summary("tries", { attributes, maxAge: 60_000, maxSize: 3000, quantiles: [0.5] })
    const [first, second] = [found("a"), found("b")]
    for (const { series } of [first, second]) assert.deepInclude(series, { maxAge: 60_000, maxSize: 3000 })
    assert.isAbove(first.reads, 50)
    assert.isAtMost(second.reads, 6)
  })

  it("O3 takes a summary that keeps more values than it looks for as one that keeps as many as that", () => {
    const registry: Metric.MetricRegistry = new Map()
    Metric.summary("waits", { maxAge: 5, maxSize: mostKept + 1, quantiles: [0.5] }).valueUnsafe(registryOf(registry))
    for (const metadata of registry.values()) {
      assert.deepInclude(seriesOf(metadata)!.series, { maxAge: 5, maxSize: mostKept })
    }
  })
})

// -----------------------------------------------------------------------------
// The pool's end
// -----------------------------------------------------------------------------

const counterSeries: Series = {
  type: "Counter",
  id: "count",
  description: undefined,
  attributes: undefined,
  bigint: false,
  incremental: false
}

const named = { id: "a", description: "b", attributes: { c: "d" } }

const summarySeries: Series = { ...named, type: "Summary", quantiles: [0.5], maxAge: 1, maxSize: 1 }

describe("what a worker tells of metrics", () => {
  const worker = { id: 0, generation: 1 }

  const receive = (context: Context.Context<never>, ...records: ReadonlyArray<unknown>) => {
    const observations = new Observations(
      worker,
      context,
      new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false }),
      {
        contextOf: () => undefined,
        ageOf: () => undefined
      }
    )
    const whose = { chunk: 0, position: 0 }
    observations.receive({
      _tag: "Observed",
      first: 0,
      at: Date.now(),
      records: records.map((record) => ({ ...whose, ...(record as object) })) as ReadonlyArray<any>
    })
  }

  const one = { _tag: "Add", by: 1 }

  const hostile: ReadonlyArray<readonly [what: string, series: unknown, change: unknown]> = [
    ["no series", undefined, one],
    ["a series without a type", named, one],
    ["a type of its own", { ...counterSeries, type: "Meter" }, one],
    ["a name that is none", { ...counterSeries, id: 1 }, one],
    ["a description that is none", { ...counterSeries, description: {} }, one],
    ["attributes that are no texts", { ...counterSeries, attributes: { a: {} } }, one],
    ["attributes that are none", { ...counterSeries, attributes: "a" }, one],
    ["no change", counterSeries, undefined],
    ["a counter that is set", counterSeries, { _tag: "Set", to: 1 }],
    ["a counter that observes", counterSeries, { _tag: "Observe", values: [1] }],
    ["an amount of another kind", counterSeries, { _tag: "Add", by: 1n }],
    ["an amount that is none", { ...named, type: "Gauge", bigint: true }, { _tag: "Set", to: "1" }],
    ["a gauge that is neither", { ...named, type: "Gauge" }, one],
    ["words that are none", { ...named, type: "Frequency", words: [1] }, { _tag: "Count", words: [] }],
    ["counts that are none", { ...named, type: "Frequency", words: [] }, { _tag: "Count", words: [["a", -1]] }],
    [
      "counts that take forever",
      { ...named, type: "Frequency", words: [] },
      { _tag: "Count", words: [["a", Number.MAX_SAFE_INTEGER]] }
    ],
    [
      "many counts",
      { ...named, type: "Frequency", words: [] },
      {
        _tag: "Count",
        words: [
          ["a", mostUpdates],
          ["b", 1]
        ]
      }
    ],
    ["boundaries that are none", { ...named, type: "Histogram", boundaries: {} }, { _tag: "Observe", values: [1] }],
    ["values that are none", { ...named, type: "Histogram", boundaries: [] }, { _tag: "Observe", values: ["1"] }],
    [
      "too many values",
      { ...named, type: "Histogram", boundaries: [] },
      { _tag: "Observe", values: Array.from({ length: mostValues + 1 }, () => 1) }
    ],
    [
      "a summary that keeps too much",
      { ...summarySeries, maxSize: 2 ** 40 },
      { _tag: "Observe", values: [], times: [] }
    ],
    ["a quantile that is none", { ...summarySeries, quantiles: [2] }, { _tag: "Observe", values: [], times: [] }],
    ["an age that is none", { ...summarySeries, maxAge: Number.NaN }, { _tag: "Observe", values: [], times: [] }],
    ["times that are missing", summarySeries, { _tag: "Observe", values: [1], times: [] }]
  ]

  for (const [what, series, change] of hostile) {
    it(`F6 ${what} is nothing that a worker tells, and changes nothing`, () => {
      const registry: Metric.MetricRegistry = new Map()
      assert.throws(() => receive(registryOf(registry), { _tag: "Metric", series, change }), /no worker tells/)
      assert.strictEqual(registry.size, 0)
    })
  }

  it("F6 a removal without a name is nothing that a worker tells", () => {
    assert.throws(() => receive(registryOf(new Map()), { _tag: "MetricRemoved", key: {} }), /no name/)
  })

  it.effect(
    "F8 a registry that throws, and numbers that the caller has as bigints, are warned of once, and harm nobody",
    () =>
      Effect.gen(function* () {
        const lines: Array<unknown> = []
        const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push([logLevel, message]))
        const registry: Metric.MetricRegistry = new Map()
        const context = Context.add(registryOf(registry), References.CurrentLoggers, new Set([logger]))
        Metric.counter("count", { bigint: true }).updateUnsafe(1n, context)
        const record = { _tag: "Metric", series: counterSeries, change: one }
        receive(context, record, record)
        assert.deepStrictEqual(snapshotOf(registry)[0]!.state, { count: 1n, incremental: false })
        class Refusing extends Map<string, Metric.Metric.Metadata<any, any>> {
          override get(): undefined {
            throw new Error("no")
          }
          override delete(): boolean {
            throw new Error("no")
          }
        }
        receive(Context.add(context, Metric.MetricRegistry, new Refusing()), record, {
          _tag: "MetricRemoved",
          key: "a"
        })
        yield* Effect.yieldNow
        const line = ["Warn", ["A metric could not be updated as a task did in its worker"]]
        assert.deepStrictEqual(lines, [line, line])
      })
  )
})

// -----------------------------------------------------------------------------
// Both
// -----------------------------------------------------------------------------

const tasks = Portable.module<typeof import("../src/testing/suite.metrics.tasks.ts")>(
  new URL("../src/testing/suite.metrics.tasks.ts", import.meta.url)
)

/** What a caller has the pool do: measure, or remove a series. */
type Step = ReadonlyArray<Measurement> | Measurement["metric"]

const metric: Arbitrary.Arbitrary<Measurement["metric"]> = oneOf(
  "count",
  "countUp",
  "countBig",
  "countBigUp",
  "level",
  "levelBig",
  "word",
  "observe",
  "took",
  "sample",
  "sampleFew"
)

const measurement: Arbitrary.Arbitrary<Measurement> = Arbitrary.map(
  Arbitrary.all([metric, integer(-12, 60), integer(0, 8)]),
  ([metric, quarters, how]): Measurement => ({
    metric,
    // sums of quarters are exact in any order
    amount: quarters / 4,
    modify: how % 3 === 0,
    attribute: how > 6 ? "some" : undefined
  })
)

/** What some callers have the pool do, each one thing after the other, and all of them at once. */
const callers: Arbitrary.Arbitrary<ReadonlyArray<ReadonlyArray<Step>>> = Arbitrary.array(
  Arbitrary.array(
    Arbitrary.map(
      Arbitrary.all([metric, Arbitrary.array(measurement, { maxLength: 6 }), integer(0, 9)]),
      ([metric, measurements, n]): Step => (n === 0 ? metric : measurements)
    ),
    { maxLength: 8 }
  ),
  { minLength: 1, maxLength: 4 }
)

/** The registries of the callers afterwards. */
const registriesAfter = (
  runtime: Layer.Layer<WorkerRuntime.WorkerRuntime>,
  size: number,
  steps: ReadonlyArray<ReadonlyArray<Step>>
) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size, keepAlive: true, tasksPerWorker: 2 })
    const call = (steps: ReadonlyArray<Step>, caller: number) => {
      const registry: Metric.MetricRegistry = new Map()
      return Effect.forEach(
        steps,
        (step) => (typeof step === "string" ? pool.run(tasks.forget, step) : pool.run(tasks.measure, step)),
        { discard: true }
      ).pipe(
        Effect.andThen(Metric.snapshot),
        Effect.provideService(Metric.MetricRegistry, registry),
        caller === 0
          ? (effect) => effect
          : Effect.provideService(Metric.CurrentMetricAttributes, { caller: String(caller), attribute: "the caller's" })
      )
    }
    return yield* Effect.forEach(steps, call, { concurrency: "unbounded" })
  }).pipe(Effect.scoped, Effect.provide(runtime))

describe("what tasks measure", () => {
  it.effect.prop(
    "O3 leaves the same in the registries of any callers, whatever they measure, in workers elsewhere as on fibers",
    { steps: callers, size: integer(1, 3) },
    ({ size, steps }) =>
      Effect.gen(function* () {
        const elsewhere = yield* registriesAfter(layerInThisThread, size, steps)
        const onFibers = yield* registriesAfter(WorkerRuntime.layerFibers(), size, steps)
        assert.deepStrictEqual(elsewhere, onFibers)
      }),
    runs(25)
  )

  it.effect("O3 a timer of the caller's is that of the task", () =>
    Effect.gen(function* () {
      const timer = Metric.timer("suite_timer", { description: "a timer" })
      yield* Metric.update(timer, Duration.seconds(1))
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* pool.run(tasks.measure, [{ metric: "took", amount: 2000 }])
      const { count, max, sum } = yield* Metric.value(timer)
      assert.deepStrictEqual({ count, max, sum }, { count: 2, max: 2000, sum: 3000 })
      // beside the pool's own metrics
      const series = (yield* Metric.snapshot).filter(({ id }) => !id.startsWith("effect_mpire_"))
      assert.strictEqual(series.length, 1)
    }).pipe(Effect.scoped, Effect.provide(layerInThisThread), Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
