/** Runners, and workers, on machines whose clocks are wrong. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { startProxy } from "../proxy.ts"
import { clusterOf, secret, startRunner } from "../runners.ts"

const tasks = Portable.module<typeof import("../../../node-runtime/test/fixtures/tracing.tasks.ts")>(
  new URL("../../../node-runtime/test/fixtures/tracing.tasks.ts", import.meta.url)
)

/** The URL of a module that sets what a process knows of the time so many milliseconds ahead. */
const ahead = (millis: number): string => {
  const source = `
    const { now } = Date
    Date.now = () => now() + ${millis}
    Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + ${millis} })`
  return `data:text/javascript,${encodeURIComponent(source)}`
}

const recording = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const lines: Array<{ readonly text: string; readonly at: number; readonly span: Tracer.AnySpan | undefined }> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const logger = Logger.make<unknown, void>(({ date, fiber, message }) => {
    lines.push({ text: String(message), at: date.getTime(), span: fiber.cache.span })
  })
  return { tracer, logger: Logger.layer([logger]), spans, lines }
}

const millisOf = (nanos: bigint): number => Number(nanos / BigInt(1000)) / 1000

const endedOf = ({ name, status }: Tracer.NativeSpan) => {
  if (status._tag === "Started") throw new Error(`The span ${name} has not ended`)
  return { from: status.startTime, to: status.endTime }
}

/** Numbers are rounded to milliseconds in logs, and spans have another clock, which is that much behind at most. */
const rounding = 2

const cases = (["threads", "processes"] as const).flatMap((workers) =>
  [300_000, -300_000].flatMap((millis) => [0, 20].map((delay) => ({ workers, millis, delay })))
)

describe("a machine whose clock is wrong", () => {
  it.live.each(cases)(
    "O3 nests spans and orders logs: $workers, by $millis ms, $delay ms away",
    ({ delay, millis, workers }) =>
      Effect.gen(function* () {
        const runner = yield* startRunner({ workers, slots: 1, secret, preload: ahead(millis) })
        const proxy = yield* startProxy(runner.port)
        proxy.delay(delay)
        const { lines, logger, spans, tracer } = recording()
        const began = { wall: Date.now(), nanos: yield* Clock.currentTimeNanos }
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, trace: "items" })
          const there = yield* pool.run(
            Portable.inline(() => Date.now()),
            undefined
          )
          assert.isAbove(Math.abs(there - Date.now()), 200_000)
          yield* Effect.withSpan(pool.map([5, 5, 5], tasks.wait, { chunkSize: 3 }), "caller")
          yield* Effect.withSpan(pool.map([1, 2, 3], tasks.resize, { chunkSize: 3 }), "caller")
        }).pipe(
          Effect.scoped,
          Effect.withTracer(tracer),
          Effect.provide(clusterOf([proxy.address], { secret })),
          Effect.provide(logger)
        )
        const over = { wall: Date.now(), nanos: yield* Clock.currentTimeNanos }

        for (const span of spans) {
          const { from, to } = endedOf(span)
          assert.isTrue(from <= to, `${span.name} ends after it begins`)
          assert.isTrue(began.nanos <= from && to <= over.nanos, `${span.name} is while it ran`)
          if (Option.isNone(span.parent) || span.parent.value._tag === "ExternalSpan") continue
          const around = endedOf(span.parent.value as Tracer.NativeSpan)
          assert.isTrue(around.from <= from && to <= around.to, `${span.name} is in its parent`)
        }
        const outer = spans.filter(({ name }) => name === "outer")
        assert.strictEqual(outer.length, 3)
        // two waits of 5 milliseconds: nothing of that is lost, but by the first ones, while it is found how far the clock is off
        const longest = outer.map(endedOf).reduce((most, { from, to }) => Math.max(most, millisOf(to - from)), 0)
        assert.isAtLeast(longest, 8)

        const told = lines.filter(({ text }) => text.startsWith("in the "))
        assert.deepStrictEqual(
          told.map(({ text }) => text),
          [1, 2, 3].flatMap((n) => [`in the item ${n}`, `in the span ${n}`])
        )
        for (const [n, { at, span, text }] of told.entries()) {
          assert.isAtLeast(at, n === 0 ? began.wall : told[n - 1]!.at, text)
          assert.isAtMost(at, over.wall)
          assert(span?._tag === "Span")
          const { from, to } = endedOf(span as Tracer.NativeSpan)
          assert.isAtLeast(at, millisOf(from) - rounding, text)
          assert.isAtMost(at, millisOf(to) + rounding, text)
        }
      })
  )
})
