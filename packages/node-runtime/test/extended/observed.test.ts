/** Many items that log, count and trace at once: nothing is lost, told twice or mixed up. */
import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, type Layer, Logger, Metric, Option, References, Tracer } from "effect"
import { bare, runFixture } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/observed.tasks.ts")>(
  new URL("../fixtures/observed.tasks.ts", import.meta.url)
)

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["NodeWorkerRuntime.layerThreads", NodeWorkerRuntime.layerThreads(bare)],
  ["NodeWorkerRuntime.layerProcesses", NodeWorkerRuntime.layerProcesses(bare)],
  ["WorkerRuntime.layerFibers", WorkerRuntime.layerFibers()]
]

interface Line {
  readonly level: string
  readonly message: unknown
  readonly annotations: Readonly<Record<string, unknown>>
  readonly spans: ReadonlyArray<string>
  readonly span: Tracer.AnySpan | undefined
}

/** Loggers, a tracer and a registry that keep what they are told. */
const recorders = () => {
  const lines: Array<Line> = []
  const spans: Array<Tracer.Span> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message,
      annotations: fiber.getRef(References.CurrentLogAnnotations),
      spans: fiber.getRef(References.CurrentLogSpans).map(([label]) => label),
      span: fiber.cache.span
    })
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = Tracer.nativeTracer.span(options)
      spans.push(span)
      return span
    }
  })
  const context = Context.make(References.CurrentLoggers, new Set([logger])).pipe(
    Context.add(Tracer.Tracer, tracer),
    Context.add(Metric.MetricRegistry, new Map())
  )
  return { context, lines, spans }
}

const items = Array.range(0, 4999)

describe.each(runtimes)("what items log, count and trace on %s", (_, runtime) => {
  it.live("O3 of 5,000 items each line, count, sum and span is there once, and is its item's", () =>
    Effect.gen(function* () {
      const { context, lines, spans } = recorders()
      const snapshot = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, tasksPerWorker: 2 })
        assert.deepStrictEqual(yield* pool.map(items, tasks.all), items)
        return yield* Metric.snapshot
      }).pipe(
        Effect.scoped,
        Effect.annotateLogs("caller", "all"),
        Effect.withLogSpan("call"),
        Effect.withSpan("caller"),
        Effect.provideContext(context)
      )
      const inOrder = lines.toSorted(
        (one, other) => Number(one.annotations["item"]) - Number(other.annotations["item"])
      )
      assert.deepStrictEqual(
        inOrder.map(({ annotations: { worker: _, ...annotations }, level, message, spans }) => ({
          level,
          message,
          annotations,
          spans
        })),
        items.map((n) => ({
          level: "Info",
          message: ["handled", n],
          annotations: { caller: "all", item: n },
          spans: ["item", "call"]
        }))
      )
      for (const { annotations } of lines) assert.include([0, 1], annotations["worker"])
      const state = (id: string) => snapshot.find((metric) => metric.id === id)?.state
      assert.deepInclude(state("handled"), { count: 5000 })
      assert.deepInclude(state("sizes"), { count: 5000, sum: (5000 * 4999) / 2, min: 0, max: 4999 })
      const named = (name: string) => spans.filter((span) => span.name === name)
      assert.lengthOf(named("inner"), 5000)
      assert.lengthOf(new Set(named("outer").map(({ attributes }) => attributes.get("n"))), 5000)
      for (const span of spans) assert.strictEqual(span.status._tag, "Ended", span.name)
      assert.strictEqual(
        new Set(spans.map(({ traceId }) => traceId)).size,
        1 + named("pool.worker.acquire").length + named("pool.worker.release").length
      )
      // each line is under its item's own span
      for (const { annotations, span } of lines) {
        assert(span?._tag === "Span" && span.name === "inner")
        const outer = Option.getOrUndefined(span.parent)
        assert(outer?._tag === "Span" && outer.name === "outer")
        assert.strictEqual(outer.attributes.get("n"), annotations["item"])
      }
    }).pipe(Effect.provide(runtime))
  )
})

describe("a process that ends while much of what it has logged is still in it", () => {
  for (const how of ["kill", "exit"] as const) {
    it.live(`O3 has told all that came before its last Warning, and in order, by ${how}`, () =>
      Effect.gen(function* () {
        const { context, lines } = recorders()
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
          yield* Effect.exit(pool.run(tasks.logsAndEnds, { how, lines: 3000 }))
        }).pipe(Effect.scoped, Effect.provideContext(context))
        assert.deepStrictEqual(
          lines.map(({ message }) => (message as ReadonlyArray<unknown>)[0]),
          [...Array.range(0, 2999), "last"]
        )
      }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses(bare)))
    )
  }
})

describe("a pool that is looked at in every way", () => {
  it.live("F5 leaves no file descriptor, handle, listener, metric or process", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runFixture("leaves-nothing.ts", "observed")
      const { after, before, running, workers } = JSON.parse(stdout)
      assert.deepStrictEqual(after, before)
      assert.strictEqual(after.series, 0)
      assert.deepStrictEqual(running, [])
      assert.strictEqual(workers, 20)
    })
  )
})
