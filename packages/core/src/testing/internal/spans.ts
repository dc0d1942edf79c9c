/** O3: what tasks trace is told to their caller's tracer, as if they ran in the caller's fiber. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import * as assert from "./assert.ts"
import type { Case } from "./case.ts"
import { RecordingTracer } from "./recordingTracer.ts"

const tasks = Portable.module<typeof import("../suite.spans.tasks.ts")>(
  new URL("../suite.spans.tasks.ts", import.meta.url)
)

type Traced = Effect.Effect<void, unknown, WorkerRuntime | Scope.Scope>

const traced = (name: string, body: (tracer: RecordingTracer) => Traced, needs: Case["needs"] = []): Case => ({
  rule: "O3",
  name,
  needs,
  effect: Effect.suspend(() => {
    const tracer = new RecordingTracer()
    return Effect.withTracer(body(tracer), tracer)
  })
})

const endOf = (span: Tracer.Span | undefined): Exit.Exit<unknown, unknown> | undefined =>
  span?.status._tag === "Ended" ? span.status.exit : undefined

const reasonOf = (span: Tracer.Span | undefined): string | undefined => {
  const exit = endOf(span)
  if (exit === undefined || Exit.isSuccess(exit)) return exit?._tag
  const error = Cause.squash(exit.cause)
  return WorkerPoolError.isWorkerPoolError(error) ? error.reason._tag : String(error)
}

export const cases: ReadonlyArray<Case> = [
  traced("puts a task's spans under its chunk, its call and its caller", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, name: "traced" })
      yield* Effect.withSpan(pool.map([1, 2], tasks.nested, { chunkSize: 2 }), "caller")
      const [outer] = tracer.named("outer")
      yield* assert.equal(tracer.named("outer").length, 2, "spans of tasks")
      const [inner] = tracer.named("inner")
      if (inner === undefined || outer === undefined) return yield* assert.failed("There is no span")
      yield* assert.equal(tracer.path(inner), ["inner", "outer", "pool.chunk", "pool.call", "caller"], "the path")
      yield* assert.equal(inner.kind, "client", "the kind")
      const { attributes, links } = outer
      yield* assert.equal(
        [attributes.get("n"), attributes.get("kind"), typeof attributes.get("function") !== "undefined"],
        [1, "number", true],
        "attributes"
      )
      yield* assert.equal(
        links.map(({ attributes, span: { spanId, traceId } }) => [attributes, traceId, spanId]),
        [[{ why: "test" }, "a".repeat(32), "b".repeat(16)]],
        "links"
      )
      const [call] = tracer.named("pool.call")
      yield* assert.equal([call?.attributes.get("pool"), call?.attributes.get("items")], ["traced", 2], "of the call")
      yield* assert.includes(String(call?.attributes.get("task")), "suite.spans.tasks.ts#nested", "its task")
      const [chunk] = tracer.named("pool.chunk")
      const { attributes: ofChunk } = chunk ?? { attributes: new Map<string, unknown>() }
      yield* assert.equal(
        ["worker", "generation", "items"].map((key) => ofChunk.get(key)),
        [0, 1, 2],
        "attributes of the chunk"
      )
      yield* tracer.isWhole
    })
  ),
  traced('gives each item a span with `trace: "items"`, plain functions too, which ends as the item does', (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, trace: "items" })
      yield* pool.mapExit([1, -1, 2], tasks.plain, { chunkSize: 3 })
      yield* pool.mapExit([3, -3], tasks.nested, { chunkSize: 2 })
      const items = tracer.named("pool.item")
      yield* assert.equal(
        items.map((item) => [item.attributes.get("index"), reasonOf(item)]),
        [
          [0, "Success"],
          [1, "RangeError: negative"],
          [2, "Success"],
          [0, "Success"],
          [1, "negative"]
        ],
        "items"
      )
      const [outer] = tracer.named("outer")
      if (outer === undefined) return yield* assert.failed("There is no span")
      yield* assert.equal(tracer.path(outer), ["outer", "pool.item", "pool.chunk", "pool.call"], "the path")
      yield* tracer.isWhole
    })
  ),
  traced("has no spans of its own with `trace: false`: a task's are in its caller's", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, trace: false, keepAlive: true })
      yield* Effect.withSpan(pool.map([1], tasks.nested), "caller")
      const [inner] = tracer.named("inner")
      if (inner === undefined) return yield* assert.failed("There is no span")
      yield* assert.equal(tracer.path(inner), ["inner", "outer", "caller"], "the path")
      yield* Effect.withSpan(pool.run(tasks.nested, 1, { trace: "calls" }), "runner")
      yield* assert.equal(tracer.named("pool.call").length, 1, "calls that have asked for one")
      yield* tracer.isWhole
    })
  ),
  traced("traces streams, arrays and runs, each in its caller's span", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const results = Stream.runCollect(pool.stream([1, 2, 3], tasks.nested))
      yield* Effect.withSpan(results, "streaming")
      const runs = Array.from({ length: 20 }, (_, n) => Effect.withSpan(pool.run(tasks.nested, n), `run ${n}`))
      yield* Effect.all(runs, { concurrency: "unbounded" })
      for (const span of tracer.named("outer")) {
        const path = tracer.path(span)
        yield* assert.equal(path.slice(0, 3), ["outer", "pool.chunk", "pool.call"], "the path")
        const n = span.attributes.get("n")
        if (path[3] !== "streaming") yield* assert.equal(path[3], `run ${String(n)}`, "the caller")
      }
      yield* assert.equal(tracer.named("outer").length, 23, "spans of tasks")
      yield* assert.equal(tracer.named("pool.call").length, 21, "calls")
      yield* tracer.isWhole
    })
  ),
  traced("adds what a task says of the span that it is in", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const [told] = yield* pool.map([4], tasks.annotate)
      const [chunk] = tracer.named("pool.chunk")
      yield* assert.equal(told, { spanId: chunk?.spanId, traceId: chunk?.traceId } as never, "its ids")
      yield* assert.equal(chunk?.attributes.get("item 4"), 4, "the attribute")
      yield* pool.map([5], tasks.annotate, { trace: "items" })
      yield* assert.equal(tracer.named("pool.item")[0]?.attributes.get("item 5"), 5, "the attribute of an item")
      const span = yield* Effect.makeSpan("caller")
      yield* Effect.withParentSpan(pool.map([6], tasks.annotate, { trace: false }), span)
      yield* assert.equal(span.attributes.get("item 6"), 6, "the attribute of the caller's span")
    })
  ),
  traced("tells a task the ids that its spans have", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const [told] = yield* pool.map(["mine"], tasks.ids)
      const [span] = tracer.named("mine")
      yield* assert.equal(told, { spanId: span?.spanId, traceId: span?.traceId } as never, "its ids")
    })
  ),
  traced("shows a span while it runs, and ends it when it is interrupted", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const fiber = yield* Effect.forkChild(pool.map(["held"], tasks.hold, { trace: "items" }))
      yield* assert.eventually(Effect.sync(() => tracer.named("held").length === 1))
      const path = ["held", "pool.item", "pool.chunk", "pool.call"]
      yield* assert.equal(
        path.map((name) => tracer.named(name)[0]?.status._tag),
        path.map(() => "Started" as const),
        "spans that run"
      )
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(
        path.map((name) => {
          const exit = endOf(tracer.named(name)[0])
          return exit !== undefined && Exit.hasInterrupts(exit)
        }),
        path.map(() => true),
        "spans that were interrupted"
      )
      yield* tracer.isWhole
    })
  ),
  traced(
    "ends the open spans of a worker that vanishes, with WorkerLost",
    (tracer) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        yield* assert.failsWith(pool.map(["lost"], tasks.exitWithin, { trace: "items" }), "WorkerLost")
        const path = ["lost", "pool.item", "pool.chunk", "pool.call"]
        yield* assert.equal(
          path.map((name) => reasonOf(tracer.named(name)[0])),
          path.map(() => "WorkerLost"),
          "how they end"
        )
        yield* tracer.isWhole
      }),
    ["vanishing"]
  ),
  traced("puts each line of a log into the span that it was logged in", (tracer) =>
    Effect.gen(function* () {
      const lines: Array<readonly [unknown, string | undefined]> = []
      const logger = Logger.make<unknown, void>(({ fiber, message }) => {
        const span = fiber.cache.span
        lines.push([Array.isArray(message) ? message[0] : message, span?._tag === "Span" ? span.name : span?._tag])
      })
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const loggers = Effect.provideService(References.CurrentLoggers, new Set([logger, Logger.tracerLogger]))
      yield* loggers(pool.map([1], tasks.log))
      yield* loggers(pool.map([2], tasks.log, { trace: "items" }))
      yield* assert.equal(
        lines,
        [
          ["within 1", "logging"],
          ["after 1", "pool.chunk"],
          ["within 2", "logging"],
          ["after 2", "pool.item"]
        ],
        "lines"
      )
      yield* assert.equal(
        ["logging", "pool.chunk", "pool.item"].map((name) => tracer.named(name)[0]?.events.map(([event]) => event)),
        [["within 1"], ["after 1"], ["after 2"]],
        "events"
      )
    })
  ),
  traced(
    "links a worker's acquisition and release to the call that caused them, with the hooks' spans in them",
    (tracer) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, init: tasks.open, exit: tasks.close, lifespan: 1 })
        yield* pool.map([1], tasks.plain)
        const [call] = tracer.named("pool.call")
        for (const [hook, name] of [
          ["opening", "pool.worker.acquire"],
          ["closing", "pool.worker.release"]
        ] as const) {
          const [span] = tracer.named(hook)
          if (span === undefined) return yield* assert.failed(`There is no span ${hook}`)
          yield* assert.equal(tracer.path(span), [hook, name], "the path")
          const [around] = tracer.named(name)
          yield* assert.equal(
            around?.links.map(({ span }) => span.spanId),
            [call?.spanId],
            "the link"
          )
        }
      })
  ),
  traced("leaves spans to a tracer of the services' own, in the caller's trace", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, services: tasks.ownTracer })
      const [told] = yield* pool.map(["mine"], tasks.names)
      const [chunk] = tracer.named("pool.chunk")
      yield* assert.equal(told, { name: "own mine", traceId: chunk?.traceId } as never, "the span")
      yield* assert.equal(tracer.spans.filter(({ name }) => name.includes("mine")).length, 0, "spans of the caller's")
      yield* tracer.isWhole
    })
  ),
  traced("traces by the caller's References: enabled, sampled, timed, annotations, level and links", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      tracer.spans.length = 0
      const call = pool.map([1], tasks.nested)
      yield* Effect.withTracerEnabled(call, false)
      yield* assert.equal(tracer.spans.length, 0, "spans where tracing is not enabled")
      yield* Effect.withSpan(call, "unsampled", { sampled: false })
      yield* assert.equal(tracer.spans.filter(({ sampled }) => sampled).length, 0, "spans that are sampled")
      tracer.spans.length = 0
      const link = Tracer.externalSpan({ traceId: "c".repeat(32), spanId: "d".repeat(16) })
      yield* call.pipe(Effect.withTracerTiming(false), Effect.annotateSpans("of", "all"), Effect.linkSpans(link))
      for (const { attributes, links, name, status } of tracer.spans) {
        yield* assert.equal(status.startTime, BigInt(0), `the start of ${name}`)
        yield* assert.equal(attributes.get("of"), "all", `the annotation of ${name}`)
        yield* assert.isTrue(
          links.some(({ span }) => span.spanId === link.spanId),
          `the link of ${name}`
        )
      }
      tracer.spans.length = 0
      yield* Effect.provideService(call, Tracer.MinimumTraceLevel, "Error")
      yield* assert.equal(tracer.spans.filter(({ sampled }) => sampled).length, 0, "spans below the least level")
    })
  ),
  traced("leaves out of the path what is not to be propagated, and goes on with a span from elsewhere", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const hidden = Context.make(Tracer.DisablePropagation, true)
      const call = pool.map(["own"], tasks.ids)
      yield* call.pipe(Effect.withSpan("hidden", { annotations: hidden }), Effect.withSpan("caller"))
      const [chunk] = tracer.named("pool.chunk")
      if (chunk === undefined) return yield* assert.failed("There is no span")
      yield* assert.equal(tracer.path(chunk), ["pool.chunk", "pool.call", "caller"], "the path")
      const elsewhere = Tracer.externalSpan({ traceId: "e".repeat(32), spanId: "f".repeat(16) })
      const [told] = yield* Effect.withParentSpan(pool.map(["x"], tasks.ids, { trace: false }), elsewhere)
      const [span] = tracer.named("x")
      yield* assert.equal(told?.traceId, elsewhere.traceId, "the trace")
      yield* assert.equal(
        Option.map(span?.parent ?? Option.none(), ({ spanId }) => spanId),
        Option.some(elsewhere.spanId),
        "the parent"
      )
    })
  ),
  traced("shows a task the span that its caller is in, whoever looks at it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, trace: false, keepAlive: true })
      const direct = yield* Effect.makeSpan("unsampled", { sampled: false, kind: "server" })
      const { child, current } = yield* Effect.withParentSpan(pool.run(tasks.seen, "seen"), direct)
      const { kind, name, sampled, spanId, status, traceId } = direct
      const { startTime } = status
      yield* assert.equal(
        current,
        { name, kind, sampled, traceId, spanId, parent: undefined, startTime, isHidden: false },
        "the span"
      )
      yield* assert.equal(child, { isHidden: false, parent: spanId, sampled: false }, "a span in it")
      const byDefault = yield* pool
        .run(tasks.seen, "seen")
        .pipe(Effect.withSpan("default"), Effect.withTracer(Tracer.nativeTracer))
      yield* assert.equal(byDefault.current?.name, "default", "with the default tracer")
    })
  ),
  traced("ends the span of a daemon that outlives its chunk, where it began", (tracer) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.map([50], tasks.detach)
      yield* assert.eventually(Effect.sync(() => endOf(tracer.named("detached")[0]) !== undefined))
      const [late] = tracer.named("late")
      if (late === undefined) return yield* assert.failed("There is no span")
      yield* assert.equal(tracer.path(late), ["late", "detached", "pool.chunk", "pool.call"], "the path")
    })
  )
]
