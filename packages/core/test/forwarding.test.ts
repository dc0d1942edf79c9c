/** What a worker tells of its Effects, and when, by its own end alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { ItemSpans } from "../src/internal/served/itemSpans.ts"
import { Observer } from "../src/internal/served/observer.ts"
import { Observing } from "../src/internal/served/observing.ts"
import { callerOf } from "../src/internal/wire/caller.ts"
import {
  type LogRecord,
  type LogsDropped,
  mostLines,
  type ObservedRecord,
  rows
} from "../src/internal/wire/observed.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { layerInThisThread } from "./utils/inThisThread.ts"
import { heldClock } from "./utils/realTime.ts"

const tracer = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })

/** A worker's end, and how Effects run in it for a caller with that context. */
const makeEnd = (callers: Context.Context<never> = Context.make(Tracer.Tracer, tracer)) => {
  const told: Array<ObservedRecord> = []
  const sender = {
    observed: undefined as (() => void) | undefined,
    sendPlain: (message: protocol.FromWorker) => void told.push(...(message as protocol.Observed).records)
  }
  const observer = new Observer(sender, {})
  const observing = new Observing(0, observer)
  const caller = callerOf(callers)
  return {
    told,
    sender,
    observer,
    observing,
    caller,
    run: (effect: Effect.Effect<void>, chunk = 1) =>
      Effect.runSyncWith(observing.contextOf(chunk, 0, caller, undefined))(effect),
    lines: () => told.filter((record): record is LogRecord => "length" in record),
    dropped: () => told.filter((record): record is LogsDropped => "_tag" in record && record._tag === "LogsDropped")
  }
}

const logs = (count: number) =>
  Effect.gen(function* () {
    for (let n = 0; n < count; n++) yield* Effect.logInfo(n)
  })

describe("a line with a Cause that cannot be read", () => {
  it("O3 F8 is told of without harm", () => {
    const { lines, run } = makeEnd()
    const cause: any = Object.defineProperty(Object.create(Cause.empty), "reasons", { get: () => assert.fail("read") })
    run(
      Effect.withFiber((fiber) => {
        for (const logger of fiber.getRef(References.CurrentLoggers)) {
          logger.log({ cause, date: new Date(0), fiber, logLevel: "Error", message: ["told"] })
        }
        return Effect.void
      })
    )
    assert.deepStrictEqual(
      lines().map((line) => line[5]),
      [["told"]]
    )
  })
})

describe("lines that are left out", () => {
  const clock = heldClock()

  it("O3 are counted by real time, whatever Clock the task has, and told of when the next second begins", () => {
    const standing: Clock.Clock = {
      ...Effect.runSync(Effect.clockWith(Effect.succeed)),
      currentTimeMillisUnsafe: () => 1000
    }
    const running: Clock.Clock = { ...standing, currentTimeMillisUnsafe: () => (clock.now += 0.001) * 1_000_000 }
    for (const own of [standing, running]) {
      const { dropped, lines, run, sender } = makeEnd()
      for (let second = 0; second < 2; second++) {
        run(Effect.provideService(logs(mostLines + 5), Clock.Clock, own))
        clock.now += 1000
      }
      run(logs(1))
      sender.observed?.()
      assert.strictEqual(lines().length, 2 * mostLines + 1)
      assert.deepStrictEqual(
        dropped().map(({ count }) => count),
        [5, 5]
      )
    }
  })

  it("O3 are told of before their chunk's last result, to its caller, and before the worker ends", () => {
    const { dropped, observer, run, sender } = makeEnd()
    const told = () => {
      sender.observed?.()
      return dropped().map(({ chunk, count }) => [chunk, count])
    }
    run(logs(mostLines + 7))
    assert.deepStrictEqual(told(), [])
    observer.chunkEnds()
    assert.deepStrictEqual(told(), [[1, 7]])
    // there may be thousands of chunks a second
    run(logs(1), 2)
    observer.chunkEnds()
    run(logs(1), 3)
    observer.chunkEnds()
    assert.deepStrictEqual(told(), [[1, 7]])
    observer.closing()
    assert.deepStrictEqual(told(), [
      [1, 7],
      [3, 2]
    ])
    run(logs(1), 4)
    observer.ending()
    assert.deepStrictEqual(told().at(-1), [4, 1])
  })
})

const tasks = Portable.module<typeof import("./utils/logging.tasks.ts")>(
  new URL("./utils/logging.tasks.ts", import.meta.url)
)

describe("a task that logs without end", () => {
  // a busy machine logs fewer lines in a second than are told
  heldClock()

  it.live("O3 has its caller told how many lines were left out, also when the worker ends with it", () =>
    Effect.gen(function* () {
      for (const keepAlive of [true, false]) {
        const lines: Array<string> = []
        const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive })
          yield* Effect.provideService(
            pool.run(tasks.logsMany, mostLines + 12),
            References.CurrentLoggers,
            new Set([logger])
          )
          assert.deepStrictEqual(lines.length, 1, `keepAlive: ${keepAlive}`)
        }).pipe(Effect.scoped)
        assert.match(lines.join("; "), /^1?\d lines below Warn were left out/)
      }
    }).pipe(Effect.provide(layerInThisThread))
  )

  it.live("O3 has those of its exit hook counted, too", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        if (logLevel === "Warn") lines.push(String(message))
      })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, exit: tasks.logsManyAtExit })
        yield* pool.run(tasks.logsMany, 1)
      }).pipe(Effect.scoped, Effect.provideService(References.CurrentLoggers, new Set([logger])))
      assert.match(lines.join("; "), /^\d+ lines below Warn were left out/)
    }).pipe(Effect.provide(layerInThisThread))
  )
})

describe("spans of a task that computes", () => {
  const clock = heldClock()

  const computes = (millis: number) => Effect.sync(() => void (clock.now += millis))

  /** How many spans have been told to have begun, and to have ended, as a whole or later. */
  const seen = (told: ReadonlyArray<ObservedRecord>) => {
    let begun = 0
    let ended = 0
    for (const record of told) {
      if (!("_tag" in record) || record._tag !== "Spans") continue
      for (let at = 0; at < record.rows.length; at += record.rows[at] === rows.begun ? 12 : 7) {
        if (record.rows[at] === rows.begun) begun++
        if (record.rows[at] === rows.ended || record.rows[at + 6] !== undefined) ended++
      }
    }
    return [begun, ended]
  }

  it("O3 are told of within ten milliseconds, as soon as there is another", () => {
    const { run, told } = makeEnd()
    let spans = 0
    // the clock of spans goes on as the other one does
    const own: Clock.Clock = {
      ...Effect.runSync(Effect.clockWith(Effect.succeed)),
      currentTimeNanosUnsafe: () => BigInt(clock.now * 1_000_000)
    }
    const each = Effect.gen(function* () {
      yield* Effect.withSpan(computes(25), "long")
      assert.deepStrictEqual(seen(told), [++spans, spans])
    }).pipe(Effect.provideService(Clock.Clock, own))
    for (let n = 0; n < 5; n++) run(each)
    // many that are short: the oldest that is not told of is no older than that
    const { run: runShort, told: toldShort } = makeEnd()
    runShort(
      Effect.gen(function* () {
        for (let n = 0; n < 300; n++) {
          yield* Effect.withSpan(computes(1), "short")
          assert.isAtLeast(seen(toldShort)[1]!, n - 10)
        }
      })
    )
    assert.isBelow(toldShort.length, 300 / 5, "several are told of together")
  })

  it("O3 what is added to the caller's span is, too", () => {
    const around = new Tracer.NativeSpan({
      name: "call",
      parent: Effect.runSync(Effect.option(Effect.fail("none"))) as never,
      annotations: Context.empty(),
      links: [],
      startTime: BigInt(0),
      kind: "internal",
      sampled: true
    })
    const { run, told } = makeEnd(Context.make(Tracer.Tracer, tracer).pipe(Context.add(Tracer.ParentSpan, around)))
    for (let n = 0; n < 50; n++) {
      run(Effect.andThen(computes(5), Effect.annotateCurrentSpan(`key ${n}`, n)))
    }
    const added = told.flatMap((record) =>
      "_tag" in record && record._tag === "SpanChange" ? (record.attributes ?? []) : []
    )
    assert.isAtLeast(added.length / 2, 47)
  })

  it("O3 those of items that are plain functions are, too", () => {
    const { observer, told } = makeEnd()
    const items = new ItemSpans(0, observer)
    for (let n = 0; n < 50; n++) {
      items.begin(n)
      clock.now += 5
      items.end(n)
    }
    const begun = told.flatMap((record) => ("_tag" in record && record._tag === "Items" ? record.items : []))
    assert.isAtLeast(begun.length, 47)
  })
})

describe("what is told of", () => {
  const clock = heldClock()

  it("O3 a message of many parts is cut, as it says", () => {
    const { lines, run } = makeEnd()
    run(Effect.logInfo(...Array.from({ length: 50_000 }, (_, n) => n)))
    const [[, , , , , parts]] = lines() as [LogRecord]
    assert.isBelow(parts.length, 2100)
    assert.strictEqual(parts.at(-1), `… ${50_000 - parts.length + 1} more`)
    assert.strictEqual(parts[17], 17)
  })

  it("O3 an annotation, attribute, log span or error with any name is there", () => {
    const { lines, run, sender, told } = makeEnd()
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", ""]
    run(
      Effect.gen(function* () {
        const span = yield* Effect.orDie(Effect.currentSpan)
        for (const name of names) span.attribute(name, name)
        span.event("event", BigInt(1), Object.fromEntries(names.map((name) => [name, name])))
        clock.now += 10
      }).pipe(Effect.withSpan("within"))
    )
    run(Effect.annotateLogs(Effect.logInfo("line"), Object.fromEntries(names.slice(1).map((name) => [name, name]))))
    sender.observed?.()
    const spans = told.flatMap((record) => ("_tag" in record && record._tag === "Spans" ? [record.rows] : []))
    const ended = spans.flat().slice(12)
    assert.deepStrictEqual(
      ended[3],
      names.flatMap((name) => [name, name])
    )
    const [[, , attributes]] = ended[4] as [[string, bigint, ReadonlyArray<unknown>]]
    assert.deepStrictEqual(
      attributes,
      names.flatMap((name) => [name, name])
    )
    assert.deepStrictEqual(Object.keys(lines()[0]![6]?.annotations ?? {}), names.slice(1))
  })

  it("O3 a caller without any logger is told of no line; loggers of the services' own are", () => {
    const none = Context.make(References.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())
    const { caller, lines, observing, run, sender } = makeEnd(none)
    run(Effect.andThen(logs(3), Effect.logError("error")))
    sender.observed?.()
    assert.deepStrictEqual(lines(), [])
    let own = 0
    observing.provide(Context.make(References.CurrentLoggers, new Set([Logger.make(() => void own++)])))
    Effect.runSyncWith(observing.contextOf(1, 0, caller, undefined))(logs(3))
    assert.strictEqual(own, 3)
    // the next caller is told
    Effect.runSyncWith(observing.contextOf(1, 0, callerOf(Context.empty()), undefined))(logs(1))
    assert.strictEqual(own, 4)
  })
})
