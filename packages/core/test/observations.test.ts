import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import { Observations } from "../src/internal/remote/observations.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import type { ObservedRecord } from "../src/internal/wire/observed.ts"
import { isFromWorker } from "../src/internal/wire/wellFormed.ts"
import { driven, integer, noise, runs } from "./support.ts"

type Chunks = ConstructorParameters<typeof Observations>[3]

const noChunks: Chunks = { contextOf: () => undefined, ageOf: () => undefined }

interface Line {
  readonly message: unknown
  readonly time: number
  readonly level: string
  readonly of: unknown
}

/** The pool's end, with the lines that its loggers got. */
const makeEnd = (chunks: Partial<Chunks> = {}) =>
  Effect.contextWith((context: Context.Context<never>) => {
    const lines: Array<Line> = []
    const logger = Logger.make<unknown, void>(({ date, fiber, logLevel, message }) => {
      const { of } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push({ message, time: date.getTime(), level: logLevel, of })
    })
    const pools = Context.add(context, References.CurrentLoggers, new Set([logger]))
    const annotated = (of: string) => Context.add(pools, References.CurrentLogAnnotations, { of })
    const observations = new Observations({ id: 3, generation: 1 }, pools, new ObservedSpans(() => undefined), {
      ...noChunks,
      ...chunks
    })
    return Effect.succeed({ annotated, lines, observations })
  })

const line = (n: number, time = 0, chunk = 0): ObservedRecord => ["Log", chunk, 0, "Info", time, [n]]

const told = (first: number, records: ReadonlyArray<ObservedRecord>, at = 0) =>
  ({ _tag: "Observed", first, records, at }) as const

const messages = (lines: ReadonlyArray<Line>) => lines.flatMap(({ message }) => message)

describe("what a worker has told", () => {
  it.effect("O3 is written in order and once, though some of it came aside", () =>
    Effect.gen(function* () {
      const { lines, observations } = yield* makeEnd()
      observations.receive(told(0, [line(0), line(1)]))
      observations.receive({ ...told(1, [line(1), line(2), line(3)]), aside: true })
      assert.deepStrictEqual(messages(lines), [0, 1])
      observations.receive(told(2, [line(2)]))
      observations.receive(told(2, [line(2)]))
      observations.workerEnded()
      assert.deepStrictEqual(messages(lines), [0, 1, 2, 3])
      observations.workerEnded()
      assert.lengthOf(lines, 4)
    })
  )

  it.effect.prop(
    "O3 is written in order and once, whatever came aside and whenever the worker was lost",
    { count: integer(1, 30), seed: integer(0, 1e6), read: integer(0, 30) },
    ({ count, read, seed }) =>
      driven(
        Effect.gen(function* () {
          const { lines, observations } = yield* makeEnd()
          // what was sent by the channel, and what aside, which may arrive earlier
          const messagesSent: Array<{ readonly number: number; readonly aside: boolean }> = []
          for (let n = 0; n < count; n++) {
            if (noise(seed, n) % 3 === 0) messagesSent.push({ number: n, aside: true })
            messagesSent.push({ number: n, aside: false })
          }
          const byChannel = messagesSent.filter(({ aside }) => !aside)
          const aside = messagesSent.filter(({ aside }) => aside)
          const arrived = byChannel.slice(0, read)
          const order = [...arrived, ...aside].toSorted((one, other) => {
            if (one.aside === other.aside) return one.number - other.number
            return (noise(seed, one.number + 100) % 2) - 0.5
          })
          // each way keeps its order
          const inOrder = { channel: 0, aside: 0 }
          for (const { aside: isAside } of order) {
            if (isAside) {
              const { number } = aside[inOrder.aside++]!
              observations.receive({ ...told(number, [line(number)]), aside: true })
            } else {
              const { number } = arrived[inOrder.channel++]!
              observations.receive(told(number, [line(number)]))
            }
          }
          observations.workerEnded()
          const expected = new Set([...arrived, ...aside].map(({ number }) => number))
          assert.deepStrictEqual(
            messages(lines),
            [...expected].toSorted((one, other) => one - other)
          )
        })
      ),
    runs(200)
  )

  it.effect("O3 is written in its caller's context, and in the pool's when the caller has gone", () =>
    Effect.gen(function* () {
      const contexts = new Map<number, Context.Context<never>>()
      const { annotated, lines, observations } = yield* makeEnd({ contextOf: (chunk) => contexts.get(chunk) })
      contexts.set(1, annotated("one")).set(2, annotated("two"))
      observations.receive(told(0, [line(0, 0, 1), line(1, 0, 2), line(2, 0, 3), line(3, 0, -1)]))
      assert.deepStrictEqual(
        lines.map(({ of }) => of),
        ["one", "two", undefined, undefined]
      )
    })
  )

  it.effect("O3 times are those of the worker, corrected where its clock is off by more than a second", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(10_000_000)
      const now = 10_000_000
      for (const [off, corrected] of [
        [0, 0],
        [-900, 0],
        [300_000, -300_000],
        [-300_000, 300_000]
      ] as const) {
        const { lines, observations } = yield* makeEnd()
        observations.receive(told(0, [line(0, now + off - 5), line(1, now + off - 3)], now + off))
        assert.deepStrictEqual(
          lines.map(({ time }) => time),
          [now + off - 5 + corrected, now + off - 3 + corrected],
          `off by ${off}`
        )
      }
    })
  )

  it.effect.prop(
    "O3 times are in order, in their chunk and not to come, whatever the worker's clock says and messages take",
    { seed: integer(0, 1e6), lines: integer(1, 20) },
    ({ lines: count, seed }) =>
      driven(
        Effect.gen(function* () {
          const start = 10_000_000
          yield* TestClock.adjust(start)
          let now = start
          const sent = start + 50
          const ends = yield* makeEnd({ ageOf: (chunk) => (chunk === 0 ? now - sent : undefined) })
          // it is set while the worker runs, at times
          let off = (3_600_000 + (noise(seed, 0) % 1_000_000)) * (seed % 2 === 0 ? 1 : -1)
          let happened = sent
          for (let n = 0; n < count; n++) {
            const of = (k: number) => noise(seed, 10 * n + k)
            happened = Math.max(happened, now) + (of(3) % 5)
            const logged = line(n, happened + off)
            if (of(1) % 5 === 0) off += (of(2) % 4000) - 2000
            const at = happened + (of(4) % 3)
            const arrived = at + (of(5) % 20)
            yield* TestClock.adjust(arrived - now)
            now = arrived
            ends.observations.receive(told(n, [logged], at + off))
            const { time } = ends.lines[n]!
            assert.isAtMost(time, now)
            assert.isAtLeast(time, ends.lines[n - 1]?.time ?? sent)
          }
        })
      ),
    runs(200)
  )

  it.effect("O3 a line is no earlier than its span, though spans have a clock that is ahead", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(5_000)
      const began = BigInt(5_003_900_000)
      const span = new Tracer.NativeSpan({
        name: "item",
        parent: Option.none(),
        annotations: Context.empty(),
        links: [],
        startTime: began,
        kind: "internal",
        sampled: true
      })
      const context = yield* Effect.context<never>()
      const times: Array<number> = []
      const logger = Logger.make<unknown, void>(({ date, fiber }) => {
        const [[, since] = []] = fiber.getRef(References.CurrentLogSpans)
        times.push(date.getTime(), since!)
      })
      const own = Context.add(context, References.CurrentLoggers, new Set([logger])).pipe(
        Context.add(Tracer.ParentSpan, span)
      )
      const { observations } = yield* makeEnd({ contextOf: () => own })
      observations.receive(told(0, [["Log", 0, 0, "Info", 65_000, [0], { spans: [["label", 64_990]] }]], 65_000))
      // how long a log span has been going on stays as it was
      assert.deepStrictEqual(times, [5_003, 4_993])
    })
  )

  it.effect("O3 a task that has a Clock of its own is believed", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(10_000_000)
      const { lines, observations } = yield* makeEnd({ ageOf: () => 100 })
      observations.receive(told(0, [line(0, 700), line(1, 0)], 10_000_000))
      assert.deepStrictEqual(
        lines.map(({ time }) => time),
        [700, 0]
      )
    })
  )

  it.effect("O3 a time that is none harms no other line", () =>
    Effect.gen(function* () {
      const { lines, observations } = yield* makeEnd()
      const times = [5_000, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5_000]
      yield* TestClock.adjust(1_000)
      observations.receive(
        told(
          0,
          times.map((time, n) => line(n, time)),
          5_000
        )
      )
      assert.deepStrictEqual(
        lines.map(({ time }) => time),
        times.map(() => 1_000)
      )
    })
  )

  it.effect("O3 a logger that throws is its own affair", () =>
    Effect.gen(function* () {
      let asked = 0
      const throwing = Logger.make(() => {
        asked++
        throw new Error("the logger")
      })
      const context = Context.make(References.CurrentLoggers, new Set([throwing]))
      const observations = new Observations(
        { id: 0, generation: 1 },
        context,
        new ObservedSpans(() => undefined),
        noChunks
      )
      observations.receive(told(0, [line(0), line(1)]))
      assert.strictEqual(asked, 2)
      yield* Effect.void
    })
  )

  it.effect("O3 how many lines were left out is a Warning", () =>
    Effect.gen(function* () {
      const { lines, observations } = yield* makeEnd()
      observations.receive(told(0, [{ _tag: "LogsDropped", chunk: -1, position: 0, count: 12, time: 5 }]))
      assert.strictEqual(lines[0]?.level, "Warn")
      assert.include(String(lines[0]?.message), "12 lines")
    })
  )

  it.effect("F6 what no worker tells is refused, and harms nobody", () =>
    Effect.gen(function* () {
      const { lines, observations } = yield* makeEnd()
      const hostile: ReadonlyArray<unknown> = [
        ["Log"],
        ["Log", 0, 0, "Shout", 0, []],
        ["Log", 0, 0, "Info", "now", []],
        ["Log", 0, 0, "Info", 0, "text"],
        ["Log", 0, 0, "Info", 0, [1], { errors: [0] }],
        ["Log", 0, 0, "Info", 0, [1], { cause: 5 }],
        ["Log", 0, 0, "Info", 0, [1], { spans: 5 }],
        ["Span", 0],
        { _tag: "Nothing" },
        { _tag: "LogsDropped" },
        null,
        5
      ]
      for (const record of hostile) {
        const message = { _tag: "Observed", first: 0, records: [record], at: 0 }
        if (!isFromWorker(message)) continue
        try {
          observations.receive(message as never)
        } catch (cause) {
          assert.instanceOf(cause, Error)
        }
      }
      for (const message of [
        { _tag: "Observed", first: -1, records: [], at: 0 },
        { _tag: "Observed", first: 0, records: {}, at: 0 },
        { _tag: "Observed", first: 0, records: [], at: "now" }
      ]) {
        assert.isFalse(isFromWorker(message))
      }
      observations.receive(told(50, [line(7)]))
      assert.deepStrictEqual(messages(lines).at(-1), 7)
    })
  )
})
