/** When what workers tell has happened, by the caller's Clock. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import * as Tracer from "effect/Tracer"
import { LineClock } from "../src/internal/remote/lineClock.ts"
import { WorkerClock } from "../src/internal/remote/workerClock.ts"
import { driven, integer, noise, runs } from "./support.ts"
import { line, makeEnd, told } from "./utils/observedEnd.ts"
import { heldClock } from "./utils/realTime.ts"

describe("the time of what a worker has told", () => {
  const real = heldClock()

  /** Lets all clocks but the worker's go on. */
  const pass = (millis: number) =>
    Effect.andThen(
      Effect.sync(() => (real.now += millis)),
      TestClock.adjust(millis)
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

  it.effect("O3 on another machine times are corrected however little its clock is off", () =>
    Effect.gen(function* () {
      yield* pass(10_000_000)
      for (const off of [-900, -20, 20, 900]) {
        const { lines, observations } = yield* makeEnd({ ageOf: () => 50 }, new WorkerClock(true))
        observations.receive(told(0, [line(0, 10_000_000 + off - 5)], 10_000_000 + off))
        assert.strictEqual(lines[0]?.time, 9_999_995, `off by ${off}`)
      }
    })
  )

  it.effect("O3 what is corrected stays so while it is found that the clock is off by a little less", () =>
    Effect.gen(function* () {
      yield* pass(10_000_000)
      const { lines, observations } = yield* makeEnd()
      let now = 10_000_000
      // it is behind by 995 milliseconds, and a message takes 30, then 2, then 1
      for (const [n, way] of [30, 2, 1].entries()) {
        observations.receive(told(n, [line(n, now - 995 - way)], now - 995 - way))
        yield* pass(10)
        now += 10
      }
      const times = lines.map(({ time }) => time)
      assert.deepStrictEqual(times, [10_000_000, 10_000_010, 10_000_020])
    })
  )

  it.effect("O3 a clock that is set right while the worker runs is believed within a minute", () =>
    Effect.gen(function* () {
      yield* pass(10_000_000)
      const { lines, observations } = yield* makeEnd({ ageOf: () => 5 }, new WorkerClock(true))
      let now = 10_000_000
      const logged = Effect.fnUntraced(function* (off: number) {
        observations.receive(told(lines.length, [line(lines.length, now + off - 2)], now + off))
        yield* pass(1000)
        now += 1000
        return now - 1000 - lines.at(-1)!.time
      })
      for (let n = 0; n < 10; n++) assert.strictEqual(yield* logged(300_000), 2)
      // it is in its chunk at once, and exact when what was known has been forgotten
      for (let n = 0; n < 61; n++) assert.isAtMost(yield* logged(0), 5)
      for (let n = 0; n < 10; n++) assert.strictEqual(yield* logged(0), 2)
    })
  )

  it.effect("O3 a Clock of the pool that a test lets go on takes what is told along", () =>
    Effect.gen(function* () {
      const { lines, observations } = yield* makeEnd()
      const at = 1_700_000_000_000
      const receive = (later: number) => observations.receive(told(lines.length, [line(0, at + later)], at + later))
      receive(0)
      yield* TestClock.adjust("1 hour")
      real.now += 20
      receive(20)
      // in real time nothing of an hour has gone by, and then it has, while the pool's Clock stands still
      real.now += 3_600_000
      receive(3_600_000)
      assert.deepStrictEqual(
        lines.map(({ time }) => time),
        [0, 3_600_000, 3_600_000]
      )
    })
  )

  it.effect("O3 a caller that has a Clock of its own is told by that", () =>
    Effect.gen(function* () {
      yield* pass(10_000_000)
      const clock = yield* Clock.Clock
      for (const ahead of [3_600_000, -3_600_000, 40]) {
        const callers = new LineClock(10_000_000 + ahead, BigInt(0), clock)
        const context = yield* Effect.context<never>()
        const dates: Array<number> = []
        const logger = Logger.make<unknown, void>(({ date }) => void dates.push(date.getTime()))
        const own = Context.add(context, References.CurrentLoggers, new Set([logger])).pipe(
          Context.add(Clock.Clock, callers)
        )
        const { observations } = yield* makeEnd({ contextOf: () => own, ageOf: () => 100 })
        observations.receive(told(0, [line(0, 9_999_950), line(1, 9_999_990)], 10_000_000))
        assert.deepStrictEqual(dates, [9_999_950 + ahead, 9_999_990 + ahead])
      }
    })
  )

  it.effect("O3 a task whose Clock is ahead puts no other line into the future", () =>
    Effect.gen(function* () {
      yield* pass(10_000_000)
      const { lines, observations } = yield* makeEnd()
      // its machine's clock is behind, so times are corrected
      const at = 10_000_000 - 60_000
      observations.receive(told(0, [line(0, at + 7_200_000), line(1, at)], at))
      yield* pass(10)
      observations.receive(told(2, [line(2, at + 10)], at + 10))
      assert.deepStrictEqual(
        lines.map(({ time }) => time),
        [10_000_000, 10_000_000, 10_000_010]
      )
    })
  )

  it.effect("O3 for loggers the time is that of the line, and so it is an event of its span before that ends", () =>
    Effect.gen(function* () {
      yield* pass(10_000)
      const span = new Tracer.NativeSpan({
        name: "item",
        parent: Option.none(),
        annotations: Context.empty(),
        links: [],
        startTime: BigInt(9_400_500_000),
        kind: "internal",
        sampled: true
      })
      const context = Context.add(yield* Effect.context<never>(), Tracer.ParentSpan, span).pipe(
        Context.add(References.CurrentLoggers, new Set([Logger.tracerLogger]))
      )
      const { observations } = yield* makeEnd({ contextOf: () => context })
      observations.receive(told(0, [line(0, 9_400), line(1, 9_500)], 10_000))
      assert.deepStrictEqual(
        span.events.map(([, time]) => time),
        [BigInt(9_400_500_000), BigInt(9_500_000_000)]
      )
    })
  )
})
