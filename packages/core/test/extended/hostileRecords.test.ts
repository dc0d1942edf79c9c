/** Whatever stands in the place of any part of any record of a worker's, the pool's end of it is unharmed (F6). */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { Observations } from "../../src/internal/remote/observations.ts"
import { ObservedSpans } from "../../src/internal/remote/observedSpans.ts"
import { asBefore, type ObservedRecord, rows } from "../../src/internal/wire/observed.ts"
import { isFromWorker } from "../../src/internal/wire/wellFormed.ts"
import { isObserved } from "../../src/internal/wire/wellObserved.ts"
import { mutationsOf, sparse } from "../utils/mutants.ts"

const nanos = BigInt(1_700_000_000_000) * BigInt(1_000_000)

const time = 1_700_000_000_000

const error = {
  _tag: "Error",
  name: "Error",
  message: "it failed",
  stack: "at a task",
  cause: { _tag: "Value", value: 1 },
  errors: [{ _tag: "Value", value: 1 }],
  properties: [["code", { _tag: "Value", value: [1] }]]
}

const reasons = [
  { _tag: "Die", defect: error },
  { _tag: "Fail", error: { _tag: "Value", value: { a: [1] } } },
  { _tag: "Interrupt", fiberId: 1 }
]

const link = { traceId: "t", spanId: "l", sampled: true, name: "linked", attributes: { a: 1 } }

const additions = { attributes: ["a", { b: [1] }], events: [["event", nanos, ["c", 1]]], links: [link] }

const { attributes, events, links } = additions

/** One of each kind that a worker tells, with all that can be in it. */
const records: Record<string, object> = {
  "a line": ["Log", 0, 0, "Info", time, ["text", { a: [1, { b: null }] }, error], { errors: [2] }],
  "what is around a line": [
    "Log",
    0,
    0,
    "Warn",
    time,
    ["text"],
    {
      cause: reasons,
      annotations: { a: 1, b: { c: [1] } },
      without: ["gone"],
      spans: [["label", time]],
      span: "s"
    }
  ],
  "lines that were left out": { _tag: "LogsDropped", chunk: 0, position: 0, count: 5, time },
  "a counter": {
    _tag: "Metric",
    chunk: 0,
    position: 0,
    series: { id: "c", description: "d", attributes: { a: "b" }, type: "Counter", bigint: false, incremental: true },
    change: { _tag: "Add", by: 1 }
  },
  "a gauge": {
    _tag: "Metric",
    chunk: 0,
    position: 0,
    series: { id: "g", description: undefined, attributes: undefined, type: "Gauge", bigint: true },
    change: { _tag: "Set", to: BigInt(1) }
  },
  "a frequency": {
    _tag: "Metric",
    chunk: 0,
    position: 0,
    series: { id: "f", description: undefined, attributes: undefined, type: "Frequency", words: ["a"] },
    change: { _tag: "Count", words: [["a", 2]] }
  },
  "a histogram": {
    _tag: "Metric",
    chunk: 0,
    position: 0,
    series: { id: "h", description: undefined, attributes: undefined, type: "Histogram", boundaries: [1, 2] },
    change: { _tag: "Observe", values: [1] }
  },
  "a summary": {
    _tag: "Metric",
    chunk: 0,
    position: 0,
    series: {
      id: "s",
      description: undefined,
      attributes: undefined,
      type: "Summary",
      quantiles: [0.5],
      maxAge: 1000,
      maxSize: 10
    },
    change: { _tag: "Observe", values: [1], times: [time] }
  },
  "a metric that was removed": { _tag: "MetricRemoved", chunk: 0, position: 0, key: "k" },
  spans: {
    _tag: "Spans",
    chunk: 0,
    position: 0,
    rows: [
      ...[rows.begun, "t", "p", "s", "outer", nanos, undefined, "client", attributes, events, links, undefined],
      ...[rows.begun, asBefore, "s", "i", "inner", nanos, nanos + BigInt(5), undefined, attributes, events, links],
      reasons,
      ...[rows.ended, "s", nanos + BigInt(9), attributes, events, links, reasons]
    ]
  },
  "what was added to a span": { _tag: "SpanChange", chunk: 0, position: 0, id: "around", ...additions },
  items: {
    _tag: "Items",
    chunk: 0,
    position: 0,
    items: [
      [0, "i0", time, time + 1],
      [1, "i1", time, undefined]
    ]
  },
  "items that ended": { _tag: "ItemsEnded", chunk: 0, position: 0, items: [[1, time + 2]] }
}

/** The pool's end, for a caller who logs, traces and measures. */
const makeEnd = (context: Context.Context<never>) => {
  const lines: Array<string> = []
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const around = tracer.span({
    name: "chunk",
    parent: Option.none(),
    annotations: Context.empty(),
    links: [],
    startTime: nanos,
    kind: "internal",
    root: true,
    sampled: true
  }) as Tracer.NativeSpan
  Object.assign(around, { _spanId: "around" })
  const registry: Metric.MetricRegistry = new Map()
  const loggers = [Logger.formatLogFmt, Logger.formatJson, Logger.formatStructured].map((logger) =>
    Logger.map(logger as Logger.Logger<unknown, unknown>, (line) => void lines.push(JSON.stringify(line)))
  )
  const own = Context.add(context, References.CurrentLoggers, new Set(loggers)).pipe(
    Context.add(Tracer.Tracer, tracer),
    Context.add(Tracer.ParentSpan, around),
    Context.add(Metric.MetricRegistry, registry)
  )
  const observed = new ObservedSpans({
    itemOf: (_, index) => (index < 3 ? { context: own, index } : undefined),
    hasChunk: () => true
  })
  const observations = new Observations({ id: 0, generation: 1 }, own, observed, {
    contextOf: () => own,
    ageOf: () => 1
  })
  const finish = () => {
    observed.itemEnded(0, 1, undefined as never)
    observed.chunkEnded(0)
    observations.workerEnded()
    observed.workerEnded(Effect.runSync(Effect.exit(Effect.interrupt)))
    for (const state of Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry))) void state
    for (const { attributes, status } of spans) {
      assert.strictEqual(typeof status.startTime, "bigint")
      assert.isBelow(JSON.stringify([...attributes]).length, 10_000)
      if (status._tag === "Ended") assert.isTrue(status.endTime >= status.startTime)
    }
    for (const line of lines) assert.isBelow(line.length, 10_000)
  }
  return { finish, lines, observations, spans, registry }
}

const told = (record: unknown) => ({
  _tag: "Observed" as const,
  first: 0,
  records: [record as ObservedRecord],
  at: Date.now()
})

describe("a record that no worker tells", () => {
  for (const [what, record] of Object.entries(records)) {
    it.effect(`F6 O3 is refused, or harms nobody: any in the place of a part of ${what}`, () =>
      Effect.contextWith((context: Context.Context<never>) =>
        Effect.sync(() => {
          assert.isTrue(isFromWorker(told(record)) && isObserved(record), "it is told by workers")
          const honest = makeEnd(context)
          honest.observations.receive(told(structuredClone(record)))
          honest.finish()
          const odd = mutationsOf(record).map((mutation) => [mutation.what, mutation.of(record)] as const)
          for (const [what, mutant] of [...odd, ["all", sparse()] as const]) {
            const { finish, lines, observations } = makeEnd(context)
            const message = structuredClone(told(mutant))
            try {
              if (isFromWorker(message)) observations.receive(message)
            } catch (cause) {
              assert.instanceOf(cause, Error, what)
              assert.deepStrictEqual(lines, [], `${what}: a line that is refused is written by nobody`)
            }
            finish()
          }
        })
      )
    )
  }
})
