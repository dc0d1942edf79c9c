import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as PoolEvent from "../src/PoolEvent.ts"
import { driven, integer, makePool, noise, oneOf, runs, settle } from "./support.ts"

const told = (time: number, pool = "film") => ({ pool, time })
const inWorker = (time: number, worker: number, generation = 1) => ({ ...told(time), worker, generation })

const sent = (time: number, worker: number, chunk: number, queued = false): PoolEvent.PoolEvent => ({
  _tag: "ChunkSent",
  ...inWorker(time, worker),
  call: 1,
  chunk,
  index: 0,
  items: 4,
  queued
})

const done = (time: number, worker: number, chunk: number, succeeded = 4): PoolEvent.PoolEvent => ({
  _tag: "ChunkDone",
  ...inWorker(time, worker),
  call: 1,
  chunk,
  succeeded,
  failed: 0,
  interrupted: 0
})

const slices = ({ traceEvents }: PoolEvent.ChromeTrace) =>
  traceEvents
    .filter(({ ph }) => ph === "X")
    .map(({ dur, name, tid, ts }) => ({ tid, name, ts, dur }))
    .toSorted((one, other) => one.ts - other.ts)

describe("toChromeTrace", () => {
  it("O2 events of pools with one name are apart, be they mixed or one after another, and begin at the earliest", () => {
    const ofPool = (poolId: string | undefined, from: number): ReadonlyArray<PoolEvent.PoolEvent> => {
      const events: ReadonlyArray<PoolEvent.PoolEvent> = [
        { _tag: "WorkerStarting", ...inWorker(from, 0) },
        { _tag: "WorkerInitialised", ...inWorker(from + 10, 0) },
        sent(from + 10, 0, 1),
        done(from + 30, 0, 1)
      ]
      return poolId === undefined ? events : events.map((event) => ({ ...event, poolId }))
    }
    const [one, other, bare] = [ofPool("a-1", 1005), ofPool("b-1", 1000), ofPool(undefined, 1015)]
    const expected = [
      [1, "start", 5000, 10_000],
      [1, "call 1", 15_000, 20_000],
      [2, "start", 0, 10_000],
      [2, "call 1", 10_000, 20_000],
      [3, "start", 15_000, 10_000],
      [3, "call 1", 25_000, 20_000]
    ]
    const mixed = one.flatMap((event, n) => [event, other[n]!, bare[n]!])
    for (const events of [[...one, ...other, ...bare], mixed]) {
      const { otherData, traceEvents } = PoolEvent.toChromeTrace(events)
      const drawn = traceEvents.filter(({ ph }) => ph === "X").toSorted((a, b) => a.pid - b.pid || a.ts - b.ts)
      assert.deepStrictEqual(
        drawn.map(({ dur, name, pid, ts }) => [pid, name, ts, dur]),
        expected
      )
      assert.deepInclude(otherData, { began: "1970-01-01T00:00:01.000Z", withoutBeginning: 0, leftOut: 0 })
    }
  })

  it("O2 has a track for each slot, chunks and starts as slices, and losses as marks, in microseconds", () => {
    const trace = PoolEvent.toChromeTrace([
      { _tag: "CallStarted", ...told(1000), call: 1, task: "file:///app/film.ts#render", length: 12, runs: false },
      { _tag: "WorkerStarting", ...inWorker(1000, 0) },
      { _tag: "WorkerStarting", ...inWorker(1000.5, 1) },
      { _tag: "WorkerInitialised", ...inWorker(1010, 0) },
      sent(1010, 0, 1),
      { _tag: "WorkerInitialised", ...inWorker(1012, 1) },
      sent(1012, 1, 2),
      // prefetched: it waits for the one before
      sent(1013, 0, 3, true),
      done(1020.25, 0, 1),
      done(1030, 0, 3),
      { _tag: "WorkerLost", ...inWorker(1031, 1), exitCode: 9 },
      done(1031, 1, 2, 1),
      { _tag: "WorkerKilled", ...inWorker(1040, 0) }
    ])
    const { traceEvents, ...rest } = trace
    assert.deepStrictEqual(rest, {
      displayTimeUnit: "ms",
      otherData: { began: "1970-01-01T00:00:01.000Z", leftOut: 0, missed: 0, withoutBeginning: 0 }
    })
    assert.deepStrictEqual(
      traceEvents.filter(({ ph }) => ph === "M").map(({ args, name, pid, tid }) => [pid, tid, name, args]),
      [
        [1, 1, "process_name", { name: "film" }],
        [1, 1, "thread_name", { name: "worker 0" }],
        [1, 1, "thread_sort_index", { sort_index: 0 }],
        [1, 2, "thread_name", { name: "worker 1" }],
        [1, 2, "thread_sort_index", { sort_index: 1000 }]
      ]
    )
    assert.deepStrictEqual(slices(trace), [
      { tid: 1, name: "start", ts: 0, dur: 10_000 },
      { tid: 2, name: "start", ts: 500, dur: 11_500 },
      { tid: 1, name: "film.ts#render", ts: 10_000, dur: 10_250 },
      { tid: 2, name: "film.ts#render", ts: 12_000, dur: 19_000 },
      { tid: 1, name: "film.ts#render", ts: 20_250, dur: 9750 }
    ])
    assert.deepInclude(traceEvents.find(({ args }) => args?.["chunk"] === 2)?.args, {
      call: 1,
      generation: 1,
      items: 4,
      succeeded: 1,
      failed: 0
    })
    assert.deepStrictEqual(
      traceEvents
        .filter(({ ph }) => ph === "i")
        .map(({ args, name, s, tid, ts }) => [tid, name, s, ts, args?.["exitCode"]]),
      [
        [2, "lost", "t", 31_000, 9],
        [1, "killed", "t", 40_000, undefined]
      ]
    )
  })

  it("O2 has chunks that run at once in one worker beside each other, and pools apart", () => {
    const trace = PoolEvent.toChromeTrace([
      sent(0, 0, 1),
      sent(1, 0, 2),
      done(2, 0, 1),
      sent(3, 0, 3),
      done(4, 0, 3),
      done(5, 0, 2),
      { ...sent(6, 0, 1), ...told(6, "other") }
    ])
    assert.deepStrictEqual(
      slices(trace).map(({ dur, tid, ts }) => [tid, ts, dur]),
      [
        [1, 0, 2000],
        [10_001, 1000, 4000],
        [1, 3000, 1000],
        [1, 6000, 0]
      ]
    )
    const names = trace.traceEvents
      .filter(({ name }) => name.endsWith("_name"))
      .map(({ args, pid }) => [pid, args?.["name"]])
    assert.deepStrictEqual(names, [
      [1, "film"],
      [1, "worker 0"],
      [1, "worker 0 (2)"],
      [2, "other"],
      [2, "worker 0"]
    ])
  })

  it("O2 has no slices over each other, whenever somebody begins to listen", () => {
    // one runs and two wait all the time, and what ran first is not heard
    const events = [sent(0, 0, 2, true), sent(5, 0, 3, true)]
    for (let n = 1; n < 20; n++) events.push(done(10 * n, 0, n), sent(10 * n, 0, n + 3, true))
    for (const begin of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const found = slices(PoolEvent.toChromeTrace(events.slice(begin))).toSorted((one, other) => one.ts - other.ts)
      assert.isAtLeast(found.length, 14)
      for (const [n, { dur, tid, ts }] of found.entries()) {
        assert.strictEqual(tid, 1)
        // but for what waited for one that was not heard of, and ended first
        if (n > 2) assert.isAtLeast(ts, found[n - 1]!.ts + found[n - 1]!.dur!, `${begin}: ${n}`)
        assert.isAtMost(dur!, n > 2 ? 10_000 : 30_000)
      }
    }
  })

  it("O2 what waited and went elsewhere lets nothing else begin", () => {
    const events = [
      sent(0, 0, 1),
      sent(1, 0, 2, true),
      sent(2, 0, 3, true),
      done(3, 0, 2, 0),
      done(10, 0, 1),
      done(12, 0, 3)
    ]
    assert.deepStrictEqual(
      slices(PoolEvent.toChromeTrace(events)).map(({ dur, ts }) => [ts, dur]),
      [
        [0, 10_000],
        [10_000, 2000]
      ]
    )
  })

  it("O2 leaves out what waited and went elsewhere, and says what it left out", () => {
    assert.deepStrictEqual(slices(PoolEvent.toChromeTrace([sent(0, 0, 1), sent(1, 0, 2, true), done(2, 0, 2, 0)])), [
      { tid: 1, name: "call 1", ts: 0, dur: 2000 }
    ])
    const trace = PoolEvent.toChromeTrace(
      [
        done(0, 0, 7),
        sent(1, 0, 8),
        { _tag: "Missed", ...told(5), count: 30 },
        done(6, 0, 8),
        ...[10, 11, 12, 13].flatMap((n) => [sent(n, 1, n), done(n + 0.5, 1, n)])
      ],
      { limit: 3 }
    )
    assert.deepInclude(trace.otherData, { leftOut: 2, missed: 30, withoutBeginning: 2 })
    assert.deepStrictEqual(
      slices(trace).map(({ dur, ts }) => [ts, dur]),
      [
        [1000, 4000],
        [10_000, 500],
        [11_000, 500]
      ]
    )
    const last = trace.traceEvents.at(-1)
    assert.deepInclude(last, { ph: "i", s: "g", ts: 13_500 })
    assert.include(last?.name, "2 slices and marks beyond the limit, 30 events that were missed, 2 chunks without")
    assert.deepStrictEqual(PoolEvent.toChromeTrace([]).traceEvents, [])
  })

  it("O2 has at most 100,000 slices and marks by default", () => {
    const events = Array.from({ length: 200_010 }, (_, n) => (n % 2 === 0 ? sent(n, 0, n) : done(n, 0, n - 1)))
    const { otherData, traceEvents } = PoolEvent.toChromeTrace(events)
    assert.strictEqual(traceEvents.filter(({ ph }) => ph === "X").length, 100_000)
    assert.strictEqual(otherData.leftOut, 5)
  })

  it.effect.prop(
    "O2 slices on one track do not overlap, and each chunk that ran is one of them",
    {
      size: integer(1, 3),
      tasksPerWorker: integer(1, 3),
      // a real clock tells fractions of milliseconds
      clock: oneOf(1, Math.PI, 1 / 7),
      calls: Arbitrary.array(
        Arbitrary.all([oneOf("map", "mapExit", "terminate", "restart"), integer(1, 15), integer(1, 4)]),
        {
          minLength: 1,
          maxLength: 5
        }
      )
    },
    ({ calls, clock, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        const pool = yield* makePool("WorkerPool", { size, tasksPerWorker, init: Effect.sleep(2), keepAlive: true })
        const events: Array<PoolEvent.PoolEvent> = []
        const fiber = yield* Effect.forkChild(
          Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
          { startImmediately: true }
        )
        const task = (n: number) => Effect.sleep(noise(n, calls.length) % 9)
        yield* driven(
          Effect.forEach(
            calls,
            ([what, length, chunkSize]) =>
              what === "terminate" || what === "restart"
                ? Effect.andThen(Effect.sleep(length), Effect.exit(pool[what]))
                : Effect.exit(pool[what](Array(length).keys(), task, { chunkSize }) as Effect.Effect<unknown, unknown>),
            { concurrency: "unbounded" }
          )
        )
        yield* settle
        yield* Fiber.interrupt(fiber)
        const { otherData, traceEvents } = PoolEvent.toChromeTrace(
          events.map((event) => ({ ...event, time: event.time * clock }))
        )
        assert.deepInclude(otherData, { leftOut: 0, missed: 0, withoutBeginning: 0 })
        const ends = new Map<number, number>()
        const all = traceEvents.filter(({ ph }) => ph === "X")
        // those that began at the same time as others ended come after them
        for (const { dur = 0, tid, ts } of all.toSorted((one, other) => one.ts - other.ts || one.dur! - other.dur!)) {
          assert.isAtLeast(dur, 0)
          assert.isAtLeast(ts, ends.get(tid) ?? 0)
          ends.set(tid, ts + dur)
        }
        const ran = events.filter((event) => event._tag === "ChunkDone" && event.succeeded + event.failed > 0)
        const chunks = new Set(all.map(({ args }) => args?.["chunk"]))
        for (const event of ran) assert.isTrue("chunk" in event && chunks.has(event.chunk))
        const started = events.filter(({ _tag }) => _tag === "WorkerStarting").length
        assert.strictEqual(all.filter(({ name }) => name === "start").length, started)
      }),
    runs(60)
  )
})
