import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import * as Progress from "../src/Progress.ts"
import { remaining } from "../src/internal/progress/estimate.ts"
import { FakeRuntime } from "./fakeRuntime.ts"
import { integer, kinds, makePool, noise, oneOf, outcome, reasons, recordLogs, runs, settle, timed } from "./support.ts"

type Shown = ReadonlyArray<Progress.CallProgress>

/** A layer that keeps what it is shown. */
const recording = () => {
  const shown: Array<Shown> = []
  return { shown, layer: Progress.layer((calls) => Effect.sync(() => void shown.push(calls))) }
}

const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

/** Runs an Effect while time passes for it, in small steps: ten times a second somebody looks. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect)
    for (let step = 0; fiber.pollUnsafe() === undefined; step++) {
      assert.isBelow(step, 1000, "it hangs")
      yield* settle
      yield* TestClock.adjust(50)
    }
    // of two calls that end at almost the same time, the second is shown to have ended at the next look
    yield* TestClock.adjust(100)
    return yield* Fiber.join(fiber)
  })

/** What came of a call in the end. */
const end = (shown: ReadonlyArray<Shown>): Partial<Progress.CallProgress> => {
  const { done, failed, items, label, length, state, total, unit } =
    shown.at(-1)?.at(-1) ?? assert.fail("nothing is shown")
  return { label, unit, state, items, failed, length, done, total }
}

const succeeded = { state: "succeeded", failed: 0, unit: "items" } as const

describe("progress", () => {
  it.effect("O4 looks ten times a second at what has ended, and tells the remaining time by the average rate", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2, name: "naps" })
      const items = Array.from({ length: 20 }, () => 200)
      const call = yield* Effect.forkChild(pool.map(items, sleep, { progress: "naps", chunkSize: 1 }))
      yield* settle
      for (let tick = 0; tick < 15; tick++) {
        yield* TestClock.adjust(100)
        yield* settle
      }
      const running = shown.map(([call]) => call!)
      assert.deepStrictEqual(
        running.map(({ elapsed, items, remaining }) => ({ elapsed, items, remaining })),
        Array.from({ length: 16 }, (_, tick) => {
          const elapsed = tick * 100
          const items = 2 * Math.floor(tick / 2)
          return { elapsed, items, remaining: items < 2 ? undefined : (elapsed * (20 - items)) / items }
        })
      )
      assert.isTrue(running.every(({ state }) => state === "running"))
      assert.strictEqual(running.at(-1)?.rate, 14 / 1.5)
      assert.strictEqual(running.at(-1)?.pool, "naps")
      yield* TestClock.adjust(1000)
      yield* Fiber.join(call)
      assert.deepInclude(end(shown), { ...succeeded, label: "naps", items: 20, length: 20, done: 20, total: 20 })
      assert.strictEqual(shown.at(-1)?.[0]?.elapsed, 2000)
      const looks = shown.length
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(shown.length, looks, "nobody looks when no call runs")
    }).pipe(Effect.provide(layer))
  })

  for (const kind of kinds) {
    it.effect(`O4 every call of a ${kind} reports its items`, () => {
      const { layer, shown } = recording()
      return Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 2, keepAlive: true })
        const items = [0, 1, 2, 3, 4]
        const options = { progress: "call" }
        const task = (n: number) => (n % 2 === 1 ? Effect.fail(n) : sleep(n))
        const all = { ...succeeded, items: 5, length: 5, done: 5, total: 5 }
        const calls: Record<string, Effect.Effect<unknown, unknown>> = {
          map: pool.map(items, sleep, options),
          mapUnordered: pool.mapUnordered(items, sleep, options),
          forEach: pool.forEach(items, sleep, options),
          stream: Stream.runDrain(pool.stream(items, sleep, options)),
          streamUnordered: Stream.runDrain(pool.streamUnordered(items, sleep, options))
        }
        for (const [name, call] of Object.entries(calls)) {
          yield* soon(call)
          assert.deepInclude(end(shown), all, name)
        }
        for (const call of [
          pool.mapExit(items, task, options),
          Stream.runDrain(pool.streamExit(items, task, options)),
          Stream.runDrain(pool.streamUnorderedExit(items, task, options))
        ]) {
          yield* soon(call)
          assert.deepInclude(end(shown), { ...all, failed: 2 })
        }
        yield* soon(pool.run(sleep, 3, options))
        assert.deepInclude(end(shown), { ...succeeded, items: 1, length: 1, done: 1, total: 1 })
        const array = new Float64Array(10)
        yield* soon(pool.mapArray(array, (slice) => Effect.succeed(slice), { progress: "array", chunks: 4 }))
        assert.deepInclude(end(shown), { ...succeeded, unit: "slices", items: 4, length: 4, label: "array" })
        // each is shown once as ended, and none is shown after that
        const ended = shown.flat().filter(({ state }) => state !== "running")
        assert.strictEqual(new Set(ended.map(({ id }) => id)).size, ended.length)
        assert.strictEqual(ended.length, 10)
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  }

  it.effect("O4 tells what is known of the length, and counts on where it was wrong", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      const numbers = function* () {
        for (let n = 0; n < 3; n++) yield 10
      }
      const lengths = (id: number) => shown.flat().filter((call) => call.id === id && call.state === "running")
      const last = () => shown.at(-1)!.at(-1)!.id
      yield* soon(pool.map(numbers(), sleep, { progress: "unknown" }))
      assert.deepInclude(end(shown), { items: 3, length: 3, total: 3 })
      assert.isTrue(lengths(last()).every(({ length, remaining }) => length === undefined && remaining === undefined))
      yield* soon(pool.map(numbers(), sleep, { progress: "told", length: 3 }))
      assert.isTrue(lengths(last()).every(({ length }) => length === 3))
      yield* soon(pool.map(numbers(), () => sleep(100), { progress: "too short", length: 1, chunkSize: 1 }))
      assert.deepInclude(end(shown), { items: 3, length: 3, total: 3 })
      assert.isTrue(
        lengths(last()).some(({ items, length, total }) => items > 1 && length === undefined && total === undefined)
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("O4 an empty input ends at once", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2 })
      yield* pool.map([], sleep, { progress: { label: "nothing", unit: "files" } })
      assert.strictEqual(shown.length, 1)
      assert.deepInclude(end(shown), { state: "succeeded", unit: "files", items: 0, length: 0, total: 0 })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("O4 a failure and an interruption show how far the call had come", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2, tasksPerWorker: 2 })
      const items = [1, 2, 3, 4, 50, 60, 70, 80]
      const task = (n: number) => (n === 50 ? Effect.andThen(Effect.sleep(n), Effect.fail("fifty")) : sleep(n))
      const failure = yield* soon(Effect.exit(pool.map(items, task, { progress: "fails", chunkSize: 2 })))
      assert.deepStrictEqual(outcome(failure), { failures: ["fifty"] })
      assert.deepInclude(end(shown), { state: "failed", items: 5, failed: 1, length: 8 })

      const call = yield* Effect.forkChild(pool.map(items, sleep, { progress: "interrupted" }))
      yield* TestClock.adjust(20)
      yield* settle
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust(100)
      assert.deepInclude(end(shown), { state: "interrupted", items: 4, failed: 0 })

      yield* soon(Stream.runDrain(Stream.take(pool.stream(items, sleep, { progress: "cut" }), 2)))
      assert.deepInclude(end(shown), { label: "cut", state: "interrupted" })
      const run = yield* soon(Effect.exit(pool.run(task, 50, { progress: "run" })))
      assert.deepStrictEqual(outcome(run), { failures: ["fifty"] })
      assert.deepInclude(end(shown), { state: "failed", items: 1, failed: 1 })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect.each([undefined, (n: number) => 10 ** n])(
    "O4 what a lost worker had done counts, too: weight %s",
    (weight) => {
      const { layer, shown } = recording()
      const runtime = new FakeRuntime()
      return Effect.gen(function* () {
        const pool = yield* makePool("WorkerPool", { size: 1, chunkSize: 3 }, runtime.layer)
        const call = yield* Effect.forkChild(pool.map([0, 1, 2, 3, 4], sleep, { progress: { label: "lost", weight } }))
        yield* settle
        runtime.last.work(1)
        runtime.last.begin()
        runtime.last.lose()
        assert.deepStrictEqual(outcome(yield* Fiber.await(call)), { failures: ["WorkerLost"] })
        yield* TestClock.adjust(100)
        assert.deepInclude(end(shown), { state: "failed", items: 2, failed: 1, done: weight === undefined ? 2 : 11 })
      }).pipe(Effect.scoped, Effect.provide(layer))
    }
  )

  it.effect("O4 goes by weight: done, total, rate and remaining time", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      const weight = (millis: number) => millis / 10
      const call = yield* Effect.forkChild(
        pool.map(new Set([300, 100, 500, 200]), sleep, {
          progress: { label: "films", unit: "MB", weight },
          chunkSize: 1
        })
      )
      for (let tick = 0; tick < 5; tick++) {
        yield* settle
        yield* TestClock.adjust(100)
      }
      yield* settle
      const { done, items, rate, remaining, total } = shown.at(-1)![0]!
      assert.deepStrictEqual(
        { done, items, rate, remaining, total },
        { done: 40, items: 2, rate: 80, remaining: 875, total: 110 }
      )
      yield* TestClock.adjust(600)
      yield* Fiber.join(call)
      assert.deepInclude(end(shown), { items: 4, done: 110, total: 110, unit: "MB" })
      const array = new Float64Array(10)
      const byLength = { label: "samples", weight: (slice: Float64Array) => slice.length }
      yield* soon(pool.mapArray(array, (slice) => Effect.succeed(slice), { progress: byLength, chunkSize: 4 }))
      assert.deepInclude(end(shown), { items: 3, done: 10, total: 10 })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("O4 C8 a weight that is no finite number >= 0 is InvalidOptions, and names the index and the value", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      const broken = new Error("broken")
      const ran: Array<unknown> = []
      const task = (item: unknown) => Effect.sync(() => void ran.push(item))
      for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, "3", undefined, 3n]) {
        const weight = (n: number) => (n === 2 ? (value as number) : n)
        const exit = yield* Effect.exit(pool.map([0, 1, 2, 3], task, { progress: { label: "a", weight } }))
        assert.deepInclude(reasons(exit)[0], { _tag: "InvalidOptions", option: "progress.weight", value })
        assert.match(reasons(exit)[0]!.message, /item 2/)
      }
      const throwing = () => {
        throw broken
      }
      for (const call of [
        pool.forEach([7], task, { progress: { label: "a", weight: throwing } }),
        pool.run(task, 7, { progress: { label: "a", weight: throwing } }),
        Stream.runDrain(pool.stream([7], task, { progress: { label: "a", weight: throwing } }))
      ]) {
        assert.deepInclude(reasons(yield* Effect.exit(call))[0], { _tag: "InvalidOptions", value: broken })
      }
      // how many there are is not known, so that they would all have to be pulled first
      const endless = function* () {
        for (let n = 0; ; n++) yield n
      }
      for (const items of [endless(), Stream.range(1, 3)]) {
        const exit = yield* Effect.exit(pool.map(items, task, { length: 3, progress: { label: "a", weight: () => 1 } }))
        assert.deepInclude(reasons(exit)[0], { _tag: "InvalidOptions", option: "progress.weight" })
      }
      const failing = Object.assign({ length: 2 }, { [Symbol.iterator]: throwing })
      const exit = yield* Effect.exit(pool.map(failing, task, { progress: { label: "a", weight: () => 1 } }))
      assert.deepInclude(reasons(exit)[0], { _tag: "InputFailed", cause: broken })
      assert.deepStrictEqual(ran, [], "nothing has started")
    }).pipe(Effect.scoped)
  )

  it.effect("O4 C8 refuses what is no label", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      for (const progress of [
        "",
        3,
        true,
        null,
        {},
        { label: "" },
        { label: "a", units: "b" },
        { label: "a", unit: 1 }
      ]) {
        const options = { progress: progress as string }
        const call = Effect.exit(pool.map([1], sleep, options))
        const run = Effect.exit(pool.run(sleep, 1, options))
        const made = Effect.exit(FiberPool.make(options))
        for (const exit of [yield* call, yield* run, yield* made]) {
          assert.deepInclude(reasons(exit)[0], { _tag: "InvalidOptions", option: "progress", value: progress })
        }
      }
    }).pipe(Effect.scoped)
  )

  it.effect("O4 as an option of a pool it is for all calls but runs", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1, progress: "all" })
      yield* soon(pool.run(sleep, 1))
      assert.strictEqual(shown.length, 0)
      yield* soon(pool.map([1], sleep))
      assert.deepInclude(end(shown), { label: "all", items: 1 })
      yield* soon(pool.map([1], sleep, { progress: "own" }))
      assert.deepInclude(end(shown), { label: "own", items: 1 })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("O4 thousands of runs that end together are shown once each, in few looks", () => {
    const { layer, shown } = recording()
    return Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 4 })
      yield* soon(
        Effect.forEach(
          Array.from({ length: 2000 }, (_, n) => n),
          (n) => pool.run(() => Effect.succeed(n), n, { progress: "r" }),
          {
            concurrency: "unbounded"
          }
        )
      )
      yield* TestClock.adjust(100)
      const ended = shown.flat().filter(({ state }) => state === "succeeded")
      assert.strictEqual(new Set(ended.map(({ id }) => id)).size, 2000)
      assert.strictEqual(ended.length, 2000)
      assert.isBelow(shown.length, 50)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("O4 F8 a display that dies is logged once and left alone; one that hangs holds nobody up", () => {
    const logs = recordLogs()
    let asked = 0
    const dying = Progress.layer(() =>
      Effect.sync(() => {
        asked++
        throw new Error("no display")
      })
    )
    const hanging = Progress.layer(() =>
      Effect.andThen(
        Effect.sync(() => void asked++),
        Effect.never
      )
    )
    const program = Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2 })
      const { took } = yield* soon(timed(pool.map([500, 500], sleep, { progress: "a" })))
      assert.isAtLeast(took, 500)
      return yield* soon(pool.map([1, 2, 3], sleep, { progress: "b" }))
    }).pipe(Effect.scoped)
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.provide(program, Layer.provide(dying, logs.layer)), [1, 2, 3])
      assert.deepStrictEqual(logs.lines, ["ERROR Progress is not shown any more"])
      assert.strictEqual(asked, 1)
      // once while the calls run, and once at the end
      assert.deepStrictEqual(yield* soon(Effect.provide(program, hanging)), [1, 2, 3])
      assert.strictEqual(asked, 3)
    })
  })

  it.effect.prop(
    "O4 counts each item once, whatever order they end in, and remaining time follows from what is shown",
    {
      size: integer(1, 4),
      tasksPerWorker: integer(1, 3),
      length: integer(0, 40),
      chunkSize: integer(1, 9),
      seed: integer(0, 1_000_000),
      weighs: oneOf(true, false),
      method: oneOf("map", "mapUnordered", "mapExit", "forEach", "stream")
    },
    ({ chunkSize, length, method, seed, size, tasksPerWorker, weighs }) => {
      const { layer, shown } = recording()
      return Effect.gen(function* () {
        const pool = yield* FiberPool.make({ size, tasksPerWorker })
        const items = Array.from({ length }, (_, n) => 1 + (noise(seed, n) % 300))
        const progress = weighs ? { label: "p", weight: (n: number) => n } : "p"
        const options = { progress, chunkSize }
        yield* soon<unknown, unknown, never>(
          method === "stream"
            ? Stream.runDrain(pool.stream(items, sleep, options))
            : pool[method](items, sleep, options)
        )
        const total = weighs ? items.reduce((sum, n) => sum + n, 0) : length
        assert.deepInclude(end(shown), { state: "succeeded", items: length, failed: 0, done: total, total })
        let last = 0
        for (const { done, elapsed, items, rate, remaining, state } of shown.flat()) {
          assert.isAtLeast(items, last)
          last = items
          assert.strictEqual(rate, done > 0 && elapsed > 0 ? (done * 1000) / elapsed : undefined)
          if (state !== "running") continue
          const isTold = items >= size || done >= total
          assert.strictEqual(remaining, isTold ? (elapsed * (total - done)) / (done || 1) : undefined)
        }
      }).pipe(Effect.scoped, Effect.provide(layer))
    },
    runs(60)
  )

  it.prop(
    "O4 the remaining time of work at an even rate is what is left of it, at any moment",
    {
      total: integer(1, 1000),
      share: integer(1, 999),
      perSecond: integer(1, 500),
      workers: integer(1, 16)
    },
    ({ perSecond, share, total, workers }) => {
      const done = (total * share) / 1000
      const elapsed = (done / perSecond) * 1000
      const left = ((total - done) / perSecond) * 1000
      const told = remaining({ items: workers, done, total, elapsed }, workers)
      assert.isBelow(Math.abs(told! - left), 1e-6 * (left + 1))
      assert.strictEqual(remaining({ items: workers - 1, done, total, elapsed }, workers), undefined)
      assert.strictEqual(remaining({ items: workers, done, total: undefined, elapsed }, workers), undefined)
      assert.strictEqual(remaining({ items: workers, done: total, total, elapsed }, workers), 0)
    },
    { arbitrary: runs(200).arbitrary }
  )
})

describe("Progress.format", () => {
  const call: Progress.CallProgress = {
    id: 0,
    pool: undefined,
    label: "Thumbnails",
    unit: "files",
    state: "running",
    items: 300,
    failed: 0,
    length: 1200,
    done: 300,
    total: 1200,
    elapsed: 10_000,
    rate: 30,
    remaining: 30_000
  }
  const lines = (call: Progress.CallProgress, ...widths: ReadonlyArray<number>) =>
    widths.map((width) => Progress.format(call, { width }))

  it("O4 leaves out what has no room", () => {
    assert.deepStrictEqual(lines(call, 80, 60, 44, 30, 20, 10), [
      "Thumbnails ━━━━━━─────────────────────  25 %  300/1,200 files  30 files/s  00:30",
      "Thumbnails ━──────  25 %  300/1,200 files  30 files/s  00:30",
      "Thumbnails ━━━━━───────────────  25 %  00:30",
      "Thumbnails ━─────  25 %  00:30",
      "Thumbnails  25 %",
      "Thumbna…"
    ])
  })

  it("O4 names the unit of a rate, where that is not items", () => {
    const rated = (unit: string, rate: number | undefined) =>
      Progress.format({ ...call, state: "failed", done: 5.55, total: undefined, unit, rate })
    assert.deepStrictEqual(
      [rated("MB", 1.17), rated("MB", undefined), rated("items", 1.17), rated("M\nB\u202e", 1.17)],
      [
        "✗ Thumbnails  5.55 MB in 10.0 s  1.17 MB/s",
        "✗ Thumbnails  5.55 MB in 10.0 s",
        "✗ Thumbnails  5.55 items in 10.0 s  1.17/s",
        "✗ Thumbnails  5.55 M B in 10.0 s  1.17 M B/s"
      ]
    )
    assert.match(Progress.format({ ...call, unit: "MB", rate: undefined }), / {2}- MB\/s {2}00:30$/)
    assert.match(Progress.format({ ...call, unit: "items", rate: undefined }), / {2}-\/s {2}00:30$/)
  })

  it("O4 says what came of a call, and never 100 % before", () => {
    const ended = { ...call, items: 1200, done: 1200, elapsed: 40_000, remaining: undefined }
    assert.deepStrictEqual(
      [
        Progress.format({ ...ended, state: "succeeded" }),
        Progress.format({ ...ended, state: "succeeded", failed: 3 }),
        Progress.format({ ...call, state: "failed", elapsed: 1500, rate: undefined }),
        Progress.format({ ...call, state: "interrupted", elapsed: 3_700_000 })
      ],
      [
        "✔ Thumbnails  1,200/1,200 files in 40.0 s  30 files/s",
        "✔ Thumbnails  1,200/1,200 files, 3 failed in 40.0 s  30 files/s",
        "✗ Thumbnails  300/1,200 files in 1.50 s",
        "■ Thumbnails  300/1,200 files in 1:01:40  30 files/s"
      ]
    )
    assert.match(
      Progress.format({ ...ended, state: "running" }),
      / 99 % {2}1,200\/1,200 files {2}30 files\/s {2}--:--$/
    )
  })

  it("O4 has no bar where it is not known how many there are, and one that is full for nothing", () => {
    assert.strictEqual(
      Progress.format({ ...call, length: undefined, total: undefined, remaining: undefined }),
      "Thumbnails  300 files  30 files/s  00:10"
    )
    assert.match(Progress.format({ ...call, items: 0, done: 0, total: 0, length: 0 }), /━{30} {2}99 %/)
  })

  it("O4 shows a label in one line, without what would move the cursor", () => {
    const label = "a\nb\x1b[2Jc\u202ed"
    assert.match(Progress.format({ ...call, label }), /^a b \[2Jc d ━/)
  })

  it.prop(
    "O4 takes no more columns than there are",
    {
      label: Arbitrary.array(oneOf("a", "ö", "縮", "⚡", "😀", "e\u0301", " "), { maxLength: 60 }),
      width: integer(10, 120),
      state: oneOf("running", "succeeded", "failed", "interrupted"),
      total: oneOf(undefined, 0, 1, 1_234_567, 0.37),
      done: oneOf(0, 1, 1_234_567, 0.123456)
    },
    ({ done, label, state, total, width }) => {
      const line = Progress.format({ ...call, label: label.join(""), state, done, total }, { width })
      assert.isAtMost(Progress.textWidth(line), width, line)
    },
    { arbitrary: runs(300).arbitrary }
  )
})
