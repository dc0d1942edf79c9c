import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import { driven, integer, kinds, Ledger, makePool, noise, oneOf, runs, settle, source, sourceKinds } from "./support.ts"

const whoAmI = (_: number, worker: WorkerContext) => Effect.succeed(worker.id)

describe("slots", () => {
  it.effect("L2 an empty input starts nothing", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool("FiberPool", { size: 2, init: ledger.init(), exit: ledger.exit() })
      for (const kind of sourceKinds) {
        assert.deepStrictEqual(yield* pool.map(source(kind, 0), whoAmI), [])
        assert.deepStrictEqual(yield* Stream.runCollect(pool.streamUnordered(source(kind, 0), whoAmI)), [])
      }
      assert.strictEqual(ledger.entries.length, 0)
    })
  )

  it.effect.prop(
    "L2 no worker is started while another is idle: runs need as many as overlap",
    {
      kind: oneOf(...kinds),
      size: integer(1, 5),
      initTakes: integer(0, 20),
      calls: Arbitrary.array(Arbitrary.all({ at: integer(0, 300), takes: integer(1, 100) }), {
        minLength: 1,
        maxLength: 10
      })
    },
    ({ calls, initTakes, kind, size }) =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        let current = 0
        let peak = 0
        const task = ledger.task((millis: number) => Effect.sleep(millis))
        yield* driven(
          Effect.scoped(
            Effect.gen(function* () {
              const init = ledger.init(() => Effect.sleep(initTakes))
              const pool = yield* makePool(kind, { size, keepAlive: true, init, exit: ledger.exit() })
              yield* Effect.forEach(
                calls,
                ({ at, takes }) =>
                  Effect.gen(function* () {
                    // in between, so that no run begins in the moment in which another ends
                    yield* Effect.sleep(at + 0.5)
                    peak = Math.max(peak, ++current)
                    yield* pool.run(task, takes)
                    current--
                  }),
                { concurrency: "unbounded" }
              )
            })
          )
        )
        assert.strictEqual(ledger.entries.length, Math.min(size, peak))
      }),
    runs(100)
  )

  it.effect("L2 of the idle workers the most recently used one goes first", () =>
    Effect.gen(function* () {
      const pool = yield* makePool("FiberPool", { size: 3, keepAlive: true })
      const task = (millis: number, worker: WorkerContext) => Effect.as(Effect.sleep(millis), worker.id)
      const fibers = yield* Effect.forEach([20, 30, 10], (millis) => Effect.forkChild(pool.run(task, millis)))
      yield* settle
      yield* TestClock.adjust(100)
      const [, last] = yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
      // the one that was busy for longest ended last
      assert.strictEqual(yield* pool.run(whoAmI, 0), last)
      assert.strictEqual(yield* pool.run(whoAmI, 0), last)
      assert.deepStrictEqual(yield* pool.map([1, 2, 3], whoAmI, { chunkSize: 3 }), [last, last, last])
    })
  )

  it.effect.prop(
    "L2 ordered dispatch gives chunk i to slot i modulo size",
    {
      kind: oneOf(...kinds),
      size: integer(1, 5),
      chunkSize: integer(1, 4),
      input: oneOf("array", "generator", "set"),
      length: integer(0, 40),
      keepAlive: oneOf(false, true),
      seed: integer(0, 1_000_000)
    },
    ({ chunkSize, input, keepAlive, kind, length, seed, size }) =>
      Effect.gen(function* () {
        const task = (n: number, worker: WorkerContext) => Effect.as(Effect.sleep(noise(seed, n) % 20), worker.id)
        const options = { dispatch: "ordered", chunkSize } as const
        const ids = yield* driven(
          Effect.scoped(
            Effect.flatMap(makePool(kind, { size, keepAlive }), (pool) =>
              Effect.all([
                pool.map(source(input, length), task, options),
                pool.map(source(input, length), task, options)
              ])
            )
          )
        )
        const expected = Array.from({ length }, (_, n) => Math.floor(n / chunkSize) % size)
        assert.deepStrictEqual(ids, [expected, expected])
      }),
    runs(80)
  )

  it.effect("L2 MPIRE's order_tasks: with four workers, worker w gets items w, w + 4, …", () =>
    Effect.gen(function* () {
      const pool = yield* makePool("FiberPool", { size: 4, dispatch: "ordered" })
      const ids = yield* pool.map(source("array", 12), whoAmI, { chunkSize: 1 })
      assert.deepStrictEqual(ids, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
      const inThrees = yield* pool.map(source("array", 15), whoAmI, { chunkSize: 3 })
      assert.deepStrictEqual(inThrees, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0])
    })
  )

  it.effect("L2 start acquires a worker in every slot, once, and completes when all are live", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool("FiberPool", {
        size: 3,
        init: ledger.init((worker) => Effect.sleep(10 * (worker.id + 1))),
        exit: ledger.exit()
      })
      const first = yield* Effect.forkChild(pool.start)
      const second = yield* Effect.forkChild(pool.start)
      yield* settle
      assert.strictEqual((yield* pool.stats).starting, 3)
      yield* TestClock.adjust(29)
      assert.isUndefined(first.pollUnsafe())
      assert.deepInclude(yield* pool.stats, { live: 2, starting: 1, idle: 2, busy: 0 })
      yield* TestClock.adjust(1)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      yield* pool.start
      assert.deepInclude(yield* pool.stats, { size: 3, live: 3, starting: 0, idle: 3, busy: 0, calls: 0 })
      assert.strictEqual(ledger.entries.length, 3)
      yield* driven(pool.stop)
      ledger.assertReleased()
    })
  )

  it.effect("L2 stats tell what workers and calls do", () =>
    Effect.gen(function* () {
      const pool = yield* makePool("FiberPool", { size: 2, keepAlive: true, init: Effect.sleep(10) })
      const task = (millis: number) => Effect.sleep(millis)
      const map = yield* Effect.forkChild(pool.map([100, 100, 50], task))
      yield* settle
      assert.deepInclude(yield* pool.stats, { live: 0, starting: 2, idle: 0, busy: 0, pending: 0, calls: 1 })
      yield* TestClock.adjust(10)
      const run = yield* Effect.forkChild(pool.run(task, 30))
      yield* settle
      assert.deepInclude(yield* pool.stats, { live: 2, starting: 0, idle: 0, busy: 2, pending: 1, calls: 2 })
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* pool.stats, { live: 2, idle: 0, busy: 2, pending: 0, calls: 2 })
      yield* TestClock.adjust(30)
      assert.deepInclude(yield* pool.stats, { live: 2, idle: 1, busy: 1, pending: 0, calls: 1 })
      yield* TestClock.adjust(20)
      yield* Fiber.join(map)
      yield* Fiber.join(run)
      assert.deepStrictEqual(yield* pool.stats, {
        size: 2,
        live: 2,
        starting: 0,
        idle: 2,
        busy: 0,
        pending: 0,
        calls: 0,
        lost: 0,
        killed: 0,
        exitResultsDropped: 0
      })
    })
  )
})

describe("tasksPerWorker", () => {
  it.effect.prop(
    "L2 C4 a worker runs up to tasksPerWorker items at once, and never more",
    {
      kind: oneOf(...kinds),
      size: integer(1, 3),
      tasksPerWorker: integer(1, 5),
      chunkSize: integer(1, 7),
      lengths: Arbitrary.array(integer(0, 25), { minLength: 1, maxLength: 3 }),
      seed: integer(0, 1_000_000)
    },
    ({ chunkSize, kind, lengths, seed, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        const running = Array<number>(size).fill(0)
        const peaks = Array<number>(size).fill(0)
        const task = (n: number, worker: WorkerContext) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running[worker.id]!++
              peaks[worker.id] = Math.max(peaks[worker.id]!, running[worker.id]!)
            }),
            () => Effect.sleep(5 + (noise(seed, n) % 20)),
            () => Effect.sync(() => running[worker.id]!--)
          )
        yield* driven(
          Effect.scoped(
            Effect.flatMap(makePool(kind, { size, tasksPerWorker }), (pool) =>
              Effect.forEach(lengths, (length) => pool.map(source("array", length), task, { chunkSize }), {
                concurrency: "unbounded"
              })
            )
          )
        )
        for (const peak of peaks) assert.isAtMost(peak, tasksPerWorker)
        // one call alone has this many at once, or all that it has
        const most = Math.max(...lengths)
        if (size === 1) assert.isAtLeast(peaks[0]!, Math.min(most, tasksPerWorker))
      }),
    runs(80)
  )

  it.effect("L2 items of several tasks per worker take the time that they should", () =>
    Effect.gen(function* () {
      const pool = yield* makePool("FiberPool", { size: 2, tasksPerWorker: 5 })
      const fiber = yield* Effect.forkChild(pool.map(source("array", 40), () => Effect.sleep(100), { chunkSize: 5 }))
      yield* settle
      yield* TestClock.adjust(399)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(fiber.pollUnsafe())
    })
  )
})
