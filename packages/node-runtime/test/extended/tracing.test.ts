import { Portable, WorkerPool, WorkerPoolError, WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as DevToolsClient from "effect/devtools/DevToolsClient"
import type * as DevToolsSchema from "effect/devtools/DevToolsSchema"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Otlp from "effect/observability/Otlp"
import { left } from "../../../core/test/utils/garbage.ts"
import { type OtlpSpan, otlpStub } from "../otlpStub.ts"
import { bare, eventually } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/tracing.tasks.ts")>(
  new URL("../fixtures/tracing.tasks.ts", import.meta.url)
)

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["layerFibers", WorkerRuntime.layerFibers()],
  ["layerThreads", NodeWorkerRuntime.layerThreads(bare)],
  ["layerProcesses", NodeWorkerRuntime.layerProcesses(bare)]
]

const count = 200

const numbers = Array.from({ length: count }, (_, n) => n)

/** The names of a span and those around it, from the inside out; "?" is a span that nobody was told of. */
const pathOf = (spans: ReadonlyMap<string, OtlpSpan>, id: string | undefined): ReadonlyArray<string> => {
  if (id === undefined) return []
  const span = spans.get(id)
  return span === undefined ? ["?"] : [span.name, ...pathOf(spans, span.parentSpanId)]
}

/** A tracer that keeps the spans that it makes. */
const recording = (): { readonly tracer: Tracer.Tracer; readonly spans: ReadonlyArray<Tracer.NativeSpan> } => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { tracer, spans }
}

const areNested = (spans: ReadonlyArray<Tracer.NativeSpan>): void => {
  for (const { name, parent, status } of spans) {
    if (status._tag === "Started") throw new Error(`The span ${name} has not ended`)
    if (Option.isNone(parent) || parent.value._tag === "ExternalSpan") continue
    const around = parent.value.status
    if (around._tag === "Started") throw new Error(`The span ${parent.value.name} has not ended`)
    assert.isTrue(around.startTime <= status.startTime, `${name} begins in ${parent.value.name}`)
    assert.isTrue(status.startTime <= status.endTime, `${name} ends after it begins`)
    assert.isTrue(status.endTime <= around.endTime, `${name} ends in ${parent.value.name}`)
  }
}

describe.each(runtimes)("spans on %s", (_, runtime) => {
  it.live(
    "O3 go to an OTLP collector in one trace, each in what it is part of, and lines of logs in their items'",
    () =>
      Effect.gen(function* () {
        const stub = yield* otlpStub
        const program = Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2, trace: "items" })
          yield* Effect.withSpan(pool.map(numbers, tasks.resize), "caller")
        }).pipe(Effect.scoped)
        yield* Effect.provide(
          program,
          Layer.merge(
            runtime,
            Layer.provide(
              Otlp.layerJson({ baseUrl: stub.url, resource: { serviceName: "test" } }),
              FetchHttpClient.layer
            )
          )
        )
        const spans = new Map(stub.spans.map((span) => [span.spanId, span]))
        assert.strictEqual(spans.size, stub.spans.length, "each has an id of its own")
        const caller = stub.spans.find(({ name }) => name === "caller")
        const own = stub.spans.filter(({ name }) => name === "resize")
        assert.strictEqual(own.length, count)
        for (const { spanId, traceId } of own) {
          assert.deepStrictEqual(pathOf(spans, spanId), ["resize", "pool.item", "pool.chunk", "pool.call", "caller"])
          assert.strictEqual(traceId, caller?.traceId)
        }
        assert.deepStrictEqual(
          own.map(({ attributes }) => Number(attributes[0]?.value.intValue)).toSorted((left, right) => left - right),
          numbers
        )
        for (const { parentSpanId, traceId } of stub.spans) {
          if (parentSpanId === undefined) continue
          assert.strictEqual(spans.get(parentSpanId)?.traceId, traceId, "no orphan, and no other trace")
        }
        assert.strictEqual(stub.spans.filter(({ name }) => name === "pool.item").length, count)
        assert.strictEqual(stub.logs.length, 2 * count)
        for (const { body, spanId, traceId } of stub.logs) {
          const text = body.stringValue ?? ""
          const [name, index] = pathOf(spans, spanId)
          const n = /\d+$/.exec(text)?.[0]
          assert.strictEqual(traceId, caller?.traceId)
          if (text.startsWith("in the span")) {
            assert.deepStrictEqual([name, index], ["resize", "pool.item"])
            assert.strictEqual(String(spans.get(spanId!)?.attributes[0]?.value.intValue), n)
          } else {
            assert.strictEqual(name, "pool.item")
            assert.strictEqual(String(spans.get(spanId!)?.attributes[0]?.value.intValue), n)
          }
        }
        // each line is an event of its span too
        for (const { events } of own) assert.strictEqual(events.length, 1)
      })
  )

  it.live("O3 end in the DevTools under the ids that they began with, in what they are part of", () =>
    Effect.gen(function* () {
      const sent: Array<DevToolsSchema.Span> = []
      const client = DevToolsClient.DevToolsClient.of({
        sendUnsafe: (message) => {
          if (message._tag === "Span") sent.push(message)
        }
      })
      const tracer = yield* Effect.provideService(DevToolsClient.makeTracer, DevToolsClient.DevToolsClient, client)
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, trace: "items" })
        yield* Effect.withSpan(pool.map(numbers, tasks.resize), "caller")
      }).pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(runtime))
      const begun = new Map<string, DevToolsSchema.Span>()
      const open = new Set<string>()
      for (const span of sent) {
        if (span.status._tag === "Started") {
          assert.isFalse(begun.has(span.spanId), "it begins once")
          begun.set(span.spanId, span)
          open.add(span.spanId)
          if (Option.isSome(span.parent)) {
            assert.isTrue(begun.has(span.parent.value.spanId), `what ${span.name} is part of is known`)
          }
        } else {
          assert.strictEqual(begun.get(span.spanId)?.name, span.name)
          assert.isTrue(open.delete(span.spanId), `${span.name} ends once`)
        }
      }
      assert.strictEqual(open.size, 0)
      assert.strictEqual([...begun.values()].filter(({ name }) => name === "resize").length, count)
    })
  )

  it.live("O3 end, all of them, when 1,000 calls have, each in a span of its own", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        yield* Effect.forEach(
          Array.from({ length: 1000 }, (_, n) => n),
          (n) => Effect.withSpan(pool.run(tasks.touch, n), `caller ${n}`),
          { concurrency: 50, discard: true }
        )
      }).pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(runtime))
      const touched = spans.filter(({ name }) => name === "touched")
      assert.strictEqual(touched.length, 1000)
      const callers = new Set(
        touched.map((span) => {
          let outermost: Tracer.AnySpan = span
          while (outermost._tag === "Span" && Option.isSome(outermost.parent)) outermost = outermost.parent.value
          return outermost._tag === "Span" ? outermost.name : ""
        })
      )
      assert.strictEqual(callers.size, 1000)
      areNested(spans)
    })
  )

  it.live("O3 end, all of them, where the caller's is not sampled", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, trace: "items" })
        yield* Effect.withSpan(pool.map([1, 2, 3], tasks.resize), "caller", { sampled: false })
      }).pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(runtime))
      areNested(spans)
      assert.isAtLeast(spans.filter(({ name }) => name === "caller" || name === "pool.call").length, 2)
    })
  )

  it.live("O3 leave nothing in memory when 1,000 calls have ended, each in a span of its own", () =>
    Effect.gen(function* () {
      const references: Array<WeakRef<object>> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          references.push(new WeakRef(span))
          return span
        }
      })
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, trace: "items" })
      yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, n) => n),
        (n) => Effect.withSpan(pool.run(tasks.touch, n), `caller ${n}`),
        { concurrency: 10, discard: true }
      ).pipe(Effect.withTracer(tracer))
      assert.isAtLeast(references.length, 5000)
      // those of the last calls and chunks may be known still
      assert.isAtMost(yield* Effect.promise(() => left(references, 100)), 100)
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )
})

describe.each(runtimes.slice(1))("spans of workers on %s", (_, runtime) => {
  it.live("O3 an item that hangs or ends its worker has one, whatever ran before it", () =>
    Effect.gen(function* () {
      const short = numbers.map(() => 0)
      for (const what of ["for ever", "exit"] as const) {
        for (const items of [[...short, what, 0], [5, what, 5], [what]]) {
          const { spans, tracer } = recording()
          const exits = yield* Effect.gen(function* () {
            const pool = yield* WorkerPool.make({ size: 1, timeout: 200, killAfter: 100, trace: "items" })
            return yield* pool.mapExit(items, tasks.compute, { chunkSize: items.length })
          }).pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(runtime))
          const bad = items.indexOf(what)
          assert.deepStrictEqual(
            exits.map((exit) => Exit.isSuccess(exit)),
            items.map((_, n) => n !== bad)
          )
          areNested(spans)
          const found = spans
            .filter(({ name }) => name === "pool.item")
            .map(({ attributes, status }) => [
              attributes.get("index"),
              status._tag === "Ended" && Exit.isSuccess(status.exit)
            ])
          assert.deepStrictEqual(
            found.toSorted(([one], [other]) => (one as number) - (other as number)),
            items.map((_, n) => [n, n !== bad])
          )
        }
      }
    })
  )

  it.live("O3 what an item logs before it computes arrives meanwhile", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const exit = yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, timeout: 200, killAfter: 100 })
        return yield* Effect.exit(pool.run(tasks.sayAndCompute, 60_000))
      }).pipe(
        Effect.scoped,
        Effect.provide(runtime),
        Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(message))]))
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(lines.flat(), ["one", "two", "three"])
    })
  )
})

describe("spans of real workers", () => {
  it.live("O3 end with WorkerLost when their process is killed while items run", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker: 3, trace: "items" })
        const pid = yield* pool.run(tasks.pid, undefined)
        const fiber = yield* Effect.forkChild(Effect.exit(pool.mapExit(["a", "b", "c"], tasks.hold)))
        yield* eventually(
          "all spans are told of",
          () => spans.filter(({ name }) => name.endsWith("inner")).length === 3
        )
        process.kill(pid, "SIGKILL")
        const exit = yield* Fiber.join(fiber)
        assert.isTrue(Exit.isSuccess(exit))
      }).pipe(Effect.scoped, Effect.withTracer(tracer), Effect.provide(NodeWorkerRuntime.layerProcesses(bare)))
      areNested(spans)
      const held = spans.filter(({ name }) => /^[abc]/.test(name))
      assert.strictEqual(held.length, 6)
      for (const { status } of held) {
        if (status._tag === "Started" || Exit.isSuccess(status.exit)) throw new Error("It has not failed")
        const error = Cause.squash(status.exit.cause)
        assert.isTrue(WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "WorkerLost")
      }
    })
  )

  it.live.each([300_000, -300_000])("O3 nest although their worker's clock is wrong by %d milliseconds", (millis) =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const before = Date.now() - 60_000
      const wrong = `data:text/javascript,const { now } = Date; Date.now = () => now() + ${millis}`
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, trace: "items" })
        const wrongTime = yield* pool.run(
          Portable.inline(() => Date.now()),
          undefined
        )
        assert.isAbove(Math.abs(wrongTime - Date.now()), 200_000)
        yield* Effect.withSpan(pool.map([5, 5, 5], tasks.wait, { chunkSize: 3 }), "caller")
      }).pipe(
        Effect.scoped,
        Effect.withTracer(tracer),
        Effect.provide(NodeWorkerRuntime.layerThreads({ ...bare, execArgv: ["--import", wrong] }))
      )
      areNested(spans)
      const outer = spans.filter(({ name }) => name === "outer")
      assert.strictEqual(outer.length, 3)
      const lengths = outer.map(({ status }) => {
        if (status._tag === "Started") throw new Error("It has not ended")
        const began = Number(status.startTime / BigInt(1_000_000))
        assert.isTrue(before < began && began <= Date.now(), "by this thread's clock")
        return Number(status.endTime - status.startTime) / 1e6
      })
      // two waits of 5 milliseconds: nothing of its length is lost, once a message has told of the worker's clock without delay
      assert.isAtLeast(Math.max(...lengths), 8)
    })
  )
})
