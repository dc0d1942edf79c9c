import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import {
  driven,
  failures,
  hasEnded,
  integer,
  kinds,
  Ledger,
  makePool,
  oneOf,
  type Pool,
  type PoolOptions,
  runs,
  settle,
  source
} from "./support.ts"

const id = (n: number) => Effect.succeed(n)
const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)
const generation = (_: number, worker: WorkerContext) => Effect.succeed(worker.generation)

const ledgered = (kind: (typeof kinds)[number], options: PoolOptions<any, any>, exitTakes = 0) =>
  Effect.gen(function* () {
    const ledger = new Ledger()
    const exit = ledger.exit(() => Effect.sleep(exitTakes))
    return { ledger, pool: yield* makePool<any, any>(kind, { init: ledger.init(), exit, ...options }) }
  })

/** A call of each kind that takes so long. */
const callsThatTake = (pool: Pool, millis: number): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
  pool.map([millis], sleep),
  pool.mapExit([millis], sleep),
  pool.run(sleep, millis),
  Stream.runDrain(pool.streamUnordered([millis], sleep))
]

describe.each(kinds)("stop, %s", (kind) => {
  it.effect("L3 waits for the calls that run, then releases all workers; calls made meanwhile wait for it", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 4, keepAlive: true }, 100)
      const before = yield* Effect.forEach(callsThatTake(pool, 1000), (call) => Effect.forkChild(call))
      yield* settle
      const stop = yield* Effect.forkChild(pool.stop)
      yield* settle
      const run = yield* Effect.forkChild(pool.run(generation, 1))
      const start = yield* Effect.forkChild(pool.start)
      const map = yield* Effect.forkChild(pool.map([1], generation))
      const later = [run, start, map]
      yield* TestClock.adjust(999)
      for (const fiber of [...before, stop, ...later]) assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      for (const fiber of before) assert.isTrue(yield* hasEnded(fiber))
      yield* TestClock.adjust(99)
      for (const fiber of [stop, ...later]) assert.isFalse(yield* hasEnded(fiber))
      assert.strictEqual(ledger.count("exit"), 4)
      assert.strictEqual(ledger.entries.length, 4)
      yield* TestClock.adjust(1)
      yield* Fiber.join(stop)
      assert.strictEqual(yield* Fiber.join(run), 2)
      yield* Fiber.join(start)
      assert.deepStrictEqual(yield* Fiber.join(map), [2])
      assert.isAbove(ledger.entries.length, 4)
      yield* driven(pool.stop)
    })
  )

  it.effect("L3 does nothing to a pool without workers, and may be called by many", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 2, keepAlive: true })
      yield* pool.stop
      yield* pool.start
      yield* Effect.all([pool.stop, pool.stop, pool.restart, pool.stop], { concurrency: "unbounded" })
      ledger.assertReleased()
      assert.strictEqual(ledger.entries.length, 2)
      assert.deepStrictEqual(yield* pool.map([1, 2], id), [1, 2])
    })
  )

  it.effect("C5 an interrupted stop keeps nobody waiting", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered(kind, { size: 2, keepAlive: true })
      const long = yield* Effect.forkChild(pool.map([1000], sleep))
      yield* settle
      const stop = yield* Effect.forkChild(pool.stop)
      yield* settle
      const run = yield* Effect.forkChild(pool.run(id, 1))
      assert.isFalse(yield* hasEnded(run))
      yield* Fiber.interrupt(stop)
      assert.strictEqual(yield* Fiber.join(run), 1)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(long)
    })
  )

  it.effect("L3 waits for a stream's consumer", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 1, keepAlive: true })
      const stream = yield* Effect.forkChild(
        Stream.runForEach(pool.stream(source("array", 10), id), () => Effect.sleep(100))
      )
      yield* settle
      const stop = yield* Effect.forkChild(pool.stop)
      yield* settle
      yield* TestClock.adjust(999)
      assert.isFalse(yield* hasEnded(stop))
      yield* TestClock.adjust(1)
      yield* Fiber.join(stop)
      yield* Fiber.join(stream)
      ledger.assertReleased()
    })
  )
})

describe.each(kinds)("terminate, %s", (kind) => {
  it.effect("L3 kills all workers now, without exit hooks; running and waiting calls fail with Terminated", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 3, keepAlive: true })
      let interrupted = 0
      const task = ledger.task((n: number) =>
        Effect.onInterrupt(Effect.as(Effect.sleep(1000), n), () => Effect.sync(() => interrupted++))
      )
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        pool.map([1, 2], task),
        pool.mapExit([1], task),
        pool.run(task, 1),
        pool.run(task, 2),
        Stream.runDrain(pool.stream([1], task))
      ]
      const fibers = yield* Effect.forEach(calls, (call) => Effect.forkChild(call))
      yield* settle
      assert.strictEqual(ledger.present.size, 3)
      yield* pool.terminate
      assert.strictEqual(ledger.present.size, 0)
      assert.strictEqual(interrupted, 3)
      for (const fiber of fibers) {
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["Terminated"])
      }
      assert.strictEqual(ledger.count("exit"), 0)
      ledger.assertReleased(() => true)
      assert.deepInclude(yield* pool.stats, { live: 0, killed: 3, lost: 0, calls: 0, pending: 0 })
      assert.deepStrictEqual(yield* pool.exitResults, [])
      // it stays usable
      assert.deepStrictEqual(yield* pool.map([1, 2], generation), [2, 2])
      yield* pool.stop
      assert.strictEqual(ledger.count("exit"), 2)
    })
  )

  it.effect("L3 kills workers that start: their finalizers run, and start fails with Terminated", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      let fast = false
      const init = ledger.init(() => (fast ? Effect.void : Effect.sleep(1000)))
      const pool = yield* makePool<any, any>(kind, { size: 2, init, exit: ledger.exit() })
      const start = yield* Effect.forkChild(pool.start)
      const map = yield* Effect.forkChild(pool.map([1, 2], id))
      yield* settle
      yield* pool.terminate
      assert.deepStrictEqual(failures(yield* Fiber.await(start)), ["Terminated"])
      assert.deepStrictEqual(failures(yield* Fiber.await(map)), ["Terminated"])
      for (const { log } of ledger.entries) assert.deepStrictEqual(log, ["init", "gone"])
      fast = true
      assert.deepStrictEqual(yield* pool.map([1, 2], id), [1, 2])
    })
  )

  it.effect("L3 ends exit hooks that run, and lets those who wait for them go on", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 2, keepAlive: true }, 10_000)
      yield* pool.start
      const stop = yield* Effect.forkChild(pool.stop)
      const later = yield* Effect.forkChild(pool.run(generation, 1))
      yield* settle
      assert.strictEqual(ledger.count("exit"), 2)
      yield* pool.terminate
      yield* settle
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(stop)))
      assert.isTrue(ledger.entries.slice(0, 2).every(({ log }) => log.at(-1) === "gone"))
      assert.strictEqual(ledger.count("exit ended"), 0)
      assert.strictEqual(yield* Fiber.join(later), 2)
      yield* driven(pool.stop)
    })
  )

  it.effect("L3 does nothing to a pool without workers", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered(kind, { size: 2 })
      yield* pool.terminate
      yield* pool.terminate
      assert.deepInclude(yield* pool.stats, { killed: 0 })
      assert.deepStrictEqual(yield* pool.map([1, 2], id), [1, 2])
    })
  )
})

describe.each(kinds)("restart, %s", (kind) => {
  it.effect("L3 releases idle workers now and busy ones before their next chunk, and completes when all are gone", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 3, keepAlive: true }, 10)
      yield* pool.start
      const task = (millis: number, worker: WorkerContext) => Effect.as(Effect.sleep(millis), worker.generation)
      const map = yield* Effect.forkChild(pool.map([100, 100, 50, 50, 50, 50], task, { chunkSize: 1, maxActive: 2 }))
      yield* settle
      const restart = yield* Effect.forkChild(pool.restart)
      yield* settle
      // the idle one goes, and comes back for no work
      assert.strictEqual(ledger.count("exit"), 1)
      yield* TestClock.adjust(10)
      assert.strictEqual(ledger.present.size, 2)
      yield* TestClock.adjust(90)
      assert.isFalse(yield* hasEnded(restart))
      yield* TestClock.adjust(10)
      yield* Fiber.join(restart)
      yield* TestClock.adjust(1000)
      const generations = yield* Fiber.join(map)
      assert.deepStrictEqual(generations.slice(0, 2), [1, 1])
      assert.isTrue(generations.slice(2).every((generation) => generation === 2))
      yield* driven(pool.stop)
      ledger.assertReleased()
    })
  )

  it.effect("L3 L6 uses the current exit hook, and fresh workers the current init", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 2, keepAlive: true })
      yield* pool.map([1, 2], (n) => Effect.as(Effect.yieldNow, n))
      yield* pool.restart
      ledger.assertReleased()
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1", "1.1"])
      yield* pool.restart
      assert.strictEqual(ledger.entries.length, 2)
      assert.strictEqual(yield* pool.run(generation, 1), 2)
    })
  )
})

describe.each(kinds)("setSize, %s", (kind) => {
  it.effect("L1 grows at once: what waits gets the new slots", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered(kind, { size: 1, keepAlive: true })
      const map = yield* Effect.forkChild(pool.map(source("array", 4), () => Effect.sleep(100), { chunkSize: 1 }))
      const runs = yield* Effect.forEach([1, 2], () => Effect.forkChild(pool.run(sleep, 100)))
      yield* settle
      assert.deepInclude(yield* pool.stats, { size: 1, busy: 1, pending: 2 })
      yield* pool.setSize(4)
      yield* settle
      assert.deepInclude(yield* pool.stats, { size: 4, busy: 4, pending: 0 })
      yield* TestClock.adjust(200)
      yield* Fiber.join(map)
      yield* Fiber.joinAll(runs)
    })
  )

  it.effect("L1 shrinks as slots fall free, and completes when their workers are gone", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 4, keepAlive: true })
      yield* pool.start
      const options = { chunkSize: 1, dispatch: "ordered" } as const
      const map = yield* Effect.forkChild(pool.map([100, 200, 300], sleep, options))
      yield* settle
      const shrink = yield* Effect.forkChild(pool.setSize(1))
      const present = Effect.map(settle, () => [...ledger.present.keys()].sort())
      assert.deepStrictEqual(yield* present, [0, 1, 2])
      assert.deepInclude(yield* pool.stats, { size: 1 })
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(yield* present, [0, 2])
      assert.isFalse(yield* hasEnded(shrink))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* present, [0])
      yield* Fiber.join(shrink)
      assert.deepStrictEqual(yield* Fiber.join(map), [100, 200, 300])
      // and grows again, into the same slots
      yield* pool.setSize(3)
      yield* pool.start
      assert.deepStrictEqual([...ledger.present.keys()].sort(), [0, 1, 2])
      assert.deepInclude(yield* pool.stats, { size: 3, live: 3 })
    })
  )

  it.effect("L1 a slot that comes back while its worker is being released waits for that", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered(kind, { size: 2, keepAlive: true }, 100)
      yield* pool.start
      const shrink = yield* Effect.forkChild(pool.setSize(1))
      yield* settle
      yield* pool.setSize(2)
      const start = yield* Effect.forkChild(pool.start)
      yield* settle
      yield* TestClock.adjust(99)
      assert.isFalse(yield* hasEnded(start))
      yield* TestClock.adjust(1)
      yield* Fiber.join(shrink)
      yield* Fiber.join(start)
      assert.deepStrictEqual([...ledger.present.keys()].sort(), [0, 1])
      assert.strictEqual(ledger.entries.length, 3)
      yield* driven(pool.stop)
      ledger.assertReleased()
    })
  )

  it.effect.prop(
    "L1 calls go on over any changes of size, and never more workers live than there were slots",
    { sizes: oneOf([1, 3, 2], [4, 1], [1, 5, 1, 2], [2, 2, 1], [3, 1, 3, 1]), length: integer(0, 40) },
    ({ length, sizes }) =>
      Effect.gen(function* () {
        const { ledger, pool } = yield* ledgered(kind, { size: sizes[0] }, 5)
        const map = yield* Effect.forkChild(pool.map(source("array", length), () => sleep(10), { chunkSize: 2 }))
        for (const size of sizes) {
          yield* Effect.sleep(15)
          yield* pool.setSize(size)
          const live = ledger.present.size
          assert.isAtMost(live, size)
        }
        assert.strictEqual((yield* Fiber.join(map)).length, length)
        ledger.assertReleased()
      }).pipe(Effect.scoped, driven),
    runs(20)
  )
})

describe.each(kinds)("the end of the scope, %s", (kind) => {
  it.effect(
    "F5 C10 settles running and waiting calls with PoolClosed, releases every worker, and refuses what comes later",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { ledger, pool } = yield* Scope.provide(ledgered(kind, { size: 3, keepAlive: 1000 }, 50), scope)
        let interrupted = 0
        const task = (millis: number) => Effect.onInterrupt(sleep(millis), () => Effect.sync(() => interrupted++))
        const fibers = yield* Effect.forEach(
          [...callsThatTake(pool, 10_000), pool.map([10_000, 10_000], task), pool.run(id, 1)],
          (call) => Effect.forkChild(call)
        )
        yield* settle
        assert.strictEqual(ledger.present.size, 3)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* settle
        yield* TestClock.adjust(49)
        assert.isFalse(yield* hasEnded(closing))
        yield* TestClock.adjust(1)
        yield* Fiber.join(closing)
        ledger.assertReleased()
        assert.strictEqual(ledger.count("exit ended"), 3)
        for (const fiber of fibers) {
          assert.isTrue(yield* hasEnded(fiber))
          assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["PoolClosed"])
        }
        const later: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          ...callsThatTake(pool, 0),
          pool.map([], id),
          pool.start,
          pool.stop,
          pool.setSize(2)
        ]
        for (const call of later) assert.deepStrictEqual(failures(yield* Effect.exit(call)), ["PoolClosed"])
        yield* pool.terminate
        assert.deepInclude(yield* pool.stats, { live: 0, starting: 0, calls: 0, pending: 0 })
      })
  )

  it.effect("F5 leaves no timer", () =>
    Effect.gen(function* () {
      let timers = 0
      const clock = yield* Clock.Clock
      const counting: Clock.Clock = {
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanos: clock.currentTimeNanos,
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (duration) =>
          Effect.acquireUseRelease(
            Effect.sync(() => timers++),
            () => clock.sleep(duration),
            () => Effect.sync(() => timers--)
          )
      }
      const options = { size: 2, timeout: 10_000, initTimeout: 10_000, exitTimeout: 10_000, keepAlive: "1 hour" }
      const used = (use: (pool: Pool) => Effect.Effect<void, unknown>) =>
        Effect.gen(function* () {
          const pool = yield* makePool<any, any>(kind, options as PoolOptions)
          assert.deepStrictEqual(yield* pool.map([1, 2], id), [1, 2])
          yield* settle
          assert.strictEqual(timers, 1, "the idle time")
          yield* use(pool)
        }).pipe(Effect.scoped, Effect.provideService(Clock.Clock, counting), Effect.andThen(settle))
      yield* used(() => Effect.void)
      assert.strictEqual(timers, 0)
      yield* used((pool) =>
        Effect.gen(function* () {
          const run = yield* Effect.forkChild(pool.run(() => Effect.never, 1))
          yield* settle
          assert.strictEqual(timers, 2, "and the item's timeout")
          yield* Fiber.interrupt(run)
          yield* Effect.forkChild(pool.run(() => Effect.never, 1))
          yield* settle
        })
      )
      assert.strictEqual(timers, 0)
    })
  )

  it.effect("F5 waits for workers that start, which need not end their init", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const scope = yield* Scope.make()
      const init = ledger.init(() => Effect.sleep(10_000))
      const pool = yield* Scope.provide(makePool<any, any>(kind, { size: 2, init, exit: ledger.exit() }), scope)
      const start = yield* Effect.forkChild(pool.start)
      const run = yield* Effect.forkChild(pool.run(id, 1))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(ledger.present.size, 0)
      ledger.assertReleased()
      assert.isTrue(yield* hasEnded(start))
      assert.deepStrictEqual(failures(yield* Fiber.await(run)), ["PoolClosed"])
    })
  )

  it.effect("F5 settles calls that wait for a stop, and the stop", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { ledger, pool } = yield* Scope.provide(ledgered(kind, { size: 1, keepAlive: true }), scope)
      const long = yield* Effect.forkChild(pool.run(sleep, 10_000))
      yield* settle
      const stop = yield* Effect.forkChild(pool.stop)
      yield* settle
      const fibers = yield* Effect.forEach(callsThatTake(pool, 0), (call) => Effect.forkChild(call))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      for (const fiber of [long, ...fibers]) {
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["PoolClosed"])
      }
      assert.isTrue(yield* hasEnded(stop))
      ledger.assertReleased()
    })
  )
})

describe.each(kinds)("maxPending, %s", (kind) => {
  it.effect.prop(
    "C10 of runs that come at once, those beyond the workers and maxPending fail with Overloaded, at once",
    { size: integer(1, 3), tasksPerWorker: integer(1, 3), maxPending: integer(1, 5), count: integer(0, 20) },
    ({ count, maxPending, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size, tasksPerWorker, maxPending, keepAlive: true })
        yield* pool.start
        const fibers = yield* Effect.forEach(Array(count).fill(100), (millis) =>
          Effect.forkChild(Effect.exit(pool.run(sleep, millis)))
        )
        yield* settle
        const accepted = Math.min(count, size * tasksPerWorker + maxPending)
        const settled = fibers.map((fiber) => fiber.pollUnsafe() !== undefined)
        assert.deepStrictEqual(
          settled,
          fibers.map((_, n) => n >= accepted)
        )
        assert.strictEqual((yield* pool.stats).pending, Math.max(0, accepted - size * tasksPerWorker))
        for (const fiber of fibers.slice(accepted)) {
          assert.deepStrictEqual(failures(yield* Fiber.join(fiber)), ["Overloaded"])
        }
        yield* TestClock.adjust(10_000)
        for (const fiber of fibers.slice(0, accepted)) {
          assert.isTrue(yield* hasEnded(fiber))
          assert.deepStrictEqual(failures(yield* Fiber.join(fiber)), [])
        }
        assert.strictEqual((yield* pool.stats).pending, 0)
      }).pipe(Effect.scoped),
    runs(30)
  )

  it.effect("C10 a run may wait as soon as another has got its worker; map-family calls do not count", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, maxPending: 1, keepAlive: true })
      const map = yield* Effect.forkChild(pool.map([100, 100, 100], sleep, { chunkSize: 1 }))
      yield* settle
      const first = yield* Effect.forkChild(pool.run(sleep, 100))
      yield* settle
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(id, 1))), ["Overloaded"])
      const others = yield* Effect.forEach([1, 2], () => Effect.forkChild(pool.map([1], id)))
      yield* settle
      assert.deepInclude(yield* pool.stats, { pending: 1, calls: 4 })
      yield* TestClock.adjust(200)
      // the first runs now, so another may wait
      const second = yield* Effect.forkChild(pool.run(id, 2))
      assert.isFalse(yield* hasEnded(second))
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(first), 100)
      assert.strictEqual(yield* Fiber.join(second), 2)
      yield* Fiber.join(map)
      yield* Fiber.joinAll(others)
    })
  )

  it.effect("C10 a run that waits for a stop counts", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 4, maxPending: 2, keepAlive: true })
      const long = yield* Effect.forkChild(pool.run(sleep, 100))
      yield* settle
      const stop = yield* Effect.forkChild(pool.stop)
      yield* settle
      const waiting = yield* Effect.forEach([1, 2], (n) => Effect.forkChild(pool.run(id, n)))
      yield* settle
      assert.strictEqual((yield* pool.stats).pending, 2)
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(id, 3))), ["Overloaded"])
      yield* TestClock.adjust(100)
      yield* Fiber.join(stop)
      yield* Fiber.join(long)
      assert.deepStrictEqual(yield* Fiber.joinAll(waiting), [1, 2])
      assert.strictEqual((yield* pool.stats).pending, 0)
    })
  )
})
