import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Observations } from "../src/internal/remote/observations.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import { isFromWorker } from "../src/internal/wire/wellFormed.ts"
import { driven, integer, noise, runs } from "./support.ts"
import { type Line, line, makeEnd, noChunks, told } from "./utils/observedEnd.ts"

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

  it.effect("F8 O3 what throws when it is read of a caller's context is left out, and costs no worker", () =>
    Effect.gen(function* () {
      const throws = () => assert.fail("read")
      const hostile: any = new Proxy([], { get: throws, ownKeys: throws, getOwnPropertyDescriptor: throws })
      const clock = yield* Clock.Clock
      const own = yield* Effect.context<never>()
      const clocks = [throws, () => Number.NaN, () => Number.POSITIVE_INFINITY].map((currentTimeMillisUnsafe) =>
        Context.add(own, Clock.Clock, { ...clock, currentTimeMillisUnsafe })
      )
      const contexts: ReadonlyArray<Context.Context<never>> = [
        Context.add(own, References.CurrentLogAnnotations, hostile),
        Context.add(own, References.CurrentLogSpans, hostile),
        ...clocks
      ]
      for (const hostile of contexts) {
        const written: Array<unknown> = []
        const logger = Logger.make<unknown, void>(({ date, message }) => void written.push(message, date.getTime()))
        const context = Context.add(hostile, References.CurrentLoggers, new Set([logger]))
        const { observations } = yield* makeEnd({ contextOf: () => context })
        observations.receive(told(0, [["Log", 0, 0, "Info", 0, [1], { annotations: { a: 1 }, spans: [["b", 0]] }]]))
        assert.deepStrictEqual(written, [[1], 0])
      }
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
        new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false }),
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
