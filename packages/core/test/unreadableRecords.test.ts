import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { allPlaces, allValues, type Place, valueOf } from "./utils/hostileRecords.tasks.ts"
import { layerInThisThread } from "./utils/inThisThread.ts"

const tasks = Portable.module<typeof import("./utils/hostileRecords.tasks.ts")>(
  new URL("./utils/hostileRecords.tasks.ts", import.meta.url)
)

/** A logger, a tracer and a registry that look at nothing of what they are told. */
const recorders = () => {
  const lines: Array<ReadonlyArray<unknown>> = []
  const spans: Array<Tracer.NativeSpan> = []
  const logger = Logger.make<unknown, void>(({ message }) => void lines.push(message as ReadonlyArray<unknown>))
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const registry: Metric.MetricRegistry = new Map()
  const context = Context.make(References.CurrentLoggers, new Set([logger])).pipe(
    Context.add(Tracer.Tracer, tracer),
    Context.add(Metric.MetricRegistry, registry)
  )
  const count = () =>
    Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).find(({ id }) => id === "said")?.state
  return { context, count, lines, spans }
}

/** How the calls end that say each value at that place, and what is seen of them. */
const saying = (runtime: Layer.Layer<WorkerRuntime.WorkerRuntime>, place: Place) => {
  const { context, count, lines, spans } = recorders()
  return Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
    const pairs = allValues.map((value) => [place, value] as const)
    const exits = yield* pool.mapExit(pairs, tasks.say, { chunkSize: 3 })
    const { lost } = yield* pool.stats
    return {
      lost,
      ended: exits.map((exit, n) => `${allValues[n]}: ${exit._tag}`),
      count: count(),
      lines: lines.filter(([text]) => text === "before" || text === "after"),
      // what is said is a line too, whatever is around it
      said: lines.filter(([text]) => text === "said").length,
      spans: spans
        .filter(({ name }) => name === "before" || name === "after")
        .map(({ name, status }) => [name, status._tag])
    }
  }).pipe(Effect.scoped, Effect.provideContext(context), Effect.provide(runtime))
}

/** What a caller has around its call. */
const around: Readonly<
  Record<string, (value: any) => <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>>
> = {
  "an annotation": (value) => Effect.annotateLogs("key", value),
  "a log span's label": (value) => Effect.withLogSpan(value),
  "log spans": (value) => Effect.provideService(References.CurrentLogSpans, value),
  "an annotation of spans": (value) => Effect.annotateSpans("key", value),
  "an attribute of a link": (value) => Effect.linkSpans(elsewhere, { value }),
  "attributes of a link": (value) => Effect.linkSpans(elsewhere, value),
  "the span of a link": (value) => Effect.linkSpans(value),
  "an attribute of metrics": (value) => Effect.provideService(Metric.CurrentMetricAttributes, { value }),
  "attributes of metrics": (value) => Effect.provideService(Metric.CurrentMetricAttributes, value),
  "a level": (value) => Effect.provideService(References.CurrentLogLevel, value)
}

const elsewhere = Tracer.externalSpan({ spanId: "a".repeat(16), traceId: "b".repeat(32) })

const calling = (runtime: Layer.Layer<WorkerRuntime.WorkerRuntime>, place: string) =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, trace: false })
    const call = pool.run(tasks.nothing, undefined)
    return yield* Effect.forEach(
      allValues,
      Effect.fnUntraced(function* (value) {
        const exit = yield* Effect.exit(Effect.suspend(() => around[place]!(valueOf(value))(call)))
        const after = yield* Effect.exit(call)
        return [value, exit._tag, after._tag, (yield* pool.stats).lost]
      })
    )
  }).pipe(Effect.scoped, Effect.provideContext(recorders().context), Effect.provide(runtime))

describe("what a task says that cannot be read", () => {
  for (const place of allPlaces) {
    it.live(`O3 F8 as ${place} harms nothing: the call ends as on fibers, and all else arrives`, () =>
      Effect.gen(function* () {
        const elsewhere = yield* saying(layerInThisThread, place)
        const onFibers = yield* saying(WorkerRuntime.layerFibers(), place)
        assert.deepStrictEqual(elsewhere, onFibers)
      })
    )
  }
})

describe("what is around a call that cannot be read", () => {
  for (const place of Object.keys(around)) {
    it.live(`O3 F8 as ${place} harms nothing: the call ends as on fibers`, () =>
      Effect.gen(function* () {
        const elsewhere = yield* calling(layerInThisThread, place)
        const onFibers = yield* calling(WorkerRuntime.layerFibers(), place)
        assert.deepStrictEqual(elsewhere, onFibers)
      })
    )
  }
})
