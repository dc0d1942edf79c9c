import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import { hasEnded, Ledger, makePool, type Pool, type PoolOptions, settle } from "./support.ts"

const id = (n: number) => Effect.succeed(n)

const ledgered = (options: PoolOptions<any, any>) =>
  Effect.gen(function* () {
    const ledger = new Ledger()
    const pool = yield* makePool<any, any>("FiberPool", { init: ledger.init(), exit: ledger.exit(), ...options })
    return { pool, ledger }
  })

/** How many workers live when time has passed. */
const liveAfter = (pool: Pool, millis: number) =>
  Effect.gen(function* () {
    yield* TestClock.adjust(millis)
    yield* settle
    return (yield* pool.stats).live
  })

/** Runs that overlap: each gets a worker of its own, whose id it returns, and which is idle from `millis` on. */
const runFor = (pool: Pool, ...millis: ReadonlyArray<number>) =>
  Effect.forEach(millis, (each) =>
    Effect.forkChild(pool.run((each: number, worker: WorkerContext) => Effect.as(Effect.sleep(each), worker.id), each))
  )

describe("keepAlive", () => {
  it.effect("L4 T3 releases a worker when it has been idle for exactly that long", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 1, keepAlive: "1 second" })
      yield* pool.map([1, 2, 3], id)
      assert.strictEqual(yield* liveAfter(pool, 999), 1)
      assert.strictEqual(yield* liveAfter(pool, 1), 0)
      ledger.assertReleased()
    })
  )

  it.effect("L4 counts idle time from the end of a worker's last item, by any call", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 1, keepAlive: 1000 })
      yield* pool.map([1], id)
      assert.strictEqual(yield* liveAfter(pool, 600), 1)
      const fibers = yield* runFor(pool, 5000)
      // busy for longer than it may be idle
      assert.strictEqual(yield* liveAfter(pool, 5000), 1)
      yield* Fiber.join(fibers[0]!)
      assert.strictEqual(yield* liveAfter(pool, 999), 1)
      assert.strictEqual(yield* liveAfter(pool, 1), 0)
      assert.strictEqual(ledger.entries.length, 1)
    })
  )

  it.effect("L4 releases each worker at its own time, down to minSize", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 4, keepAlive: 1000, minSize: 2 })
      const fibers = yield* runFor(pool, 100, 200, 300, 400)
      assert.strictEqual(yield* liveAfter(pool, 400), 4)
      assert.strictEqual(yield* liveAfter(pool, 699), 4)
      assert.strictEqual(yield* liveAfter(pool, 1), 3)
      assert.strictEqual(yield* liveAfter(pool, 99), 3)
      assert.strictEqual(yield* liveAfter(pool, 1), 2)
      assert.strictEqual(yield* liveAfter(pool, 100_000), 2)
      // the longest idle went
      const left = [...ledger.present.keys()]
      const ids = yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(left.sort(), ids.slice(2).sort())
      // a map without work ends nothing
      yield* pool.map([], id)
      assert.strictEqual((yield* pool.stats).live, 2)
    })
  )

  it.effect("L4 releases workers of start that never got work", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 3, keepAlive: 1000, minSize: 1 })
      yield* pool.start
      assert.strictEqual(yield* liveAfter(pool, 999), 3)
      assert.strictEqual(yield* liveAfter(pool, 1), 1)
    })
  )

  it.effect("L4 releases idle workers while others are busy, in the middle of a call too", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 2, keepAlive: 100 })
      const slow = Stream.mapEffect(Stream.make(0, 1, 2), (n) => Effect.as(Effect.sleep(n === 0 ? 0 : 1000), n))
      const fiber = yield* Effect.forkChild(pool.map(slow, id))
      yield* settle
      assert.strictEqual((yield* pool.stats).live, 1)
      assert.strictEqual(yield* liveAfter(pool, 100), 0)
      yield* TestClock.adjust(2000)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 1, 2])
      assert.strictEqual(ledger.entries.length, 3)
    })
  )

  it.effect("L4 keeps workers for a duration without an end as it does with true", () =>
    Effect.gen(function* () {
      for (const keepAlive of [true, Duration.infinity, Number.POSITIVE_INFINITY]) {
        const { pool } = yield* ledgered({ size: 1, keepAlive })
        yield* pool.map([1], id)
        assert.strictEqual(yield* liveAfter(pool, 10 ** 12), 1)
      }
    })
  )

  it.effect("L4 without keepAlive workers are gone before the last running map-family call returns", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const exit = ledger.exit(() => Effect.sleep(50))
      const pool = yield* makePool<any, any>("FiberPool", { size: 3, init: ledger.init(), exit })
      const sleep = (millis: number) => Effect.sleep(millis)
      const first = yield* Effect.forkChild(pool.map([100, 100], sleep))
      const second = yield* Effect.forkChild(Stream.runDrain(pool.stream([300], sleep)))
      yield* settle
      yield* TestClock.adjust(100)
      assert.isTrue(yield* hasEnded(first), "another one runs, so nothing is to be released")
      assert.strictEqual(ledger.present.size, 3)
      yield* TestClock.adjust(249)
      assert.isFalse(yield* hasEnded(second), "exit hooks run")
      yield* TestClock.adjust(1)
      assert.isTrue(yield* hasEnded(second))
      ledger.assertReleased()
    })
  )

  it.effect("L4 run never ends a session: its worker stays until a map-family call ends", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 2 })
      assert.strictEqual(yield* pool.run(id, 1), 1)
      assert.strictEqual(yield* pool.run(id, 2), 2)
      assert.strictEqual(yield* liveAfter(pool, 10 ** 9), 1)
      yield* pool.map([], id)
      ledger.assertReleased()
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1"])
    })
  )

  it.effect("L4 a run in progress is waited for when the last map-family call ends", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 2 })
      const [run] = yield* runFor(pool, 500)
      yield* settle
      const map = yield* Effect.forkChild(pool.map([1], id))
      assert.isFalse(yield* hasEnded(map))
      yield* TestClock.adjust(500)
      yield* Fiber.join(run!)
      yield* Fiber.join(map)
      ledger.assertReleased()
    })
  )
})

describe("setKeepAlive", () => {
  it.effect("L5 does nothing by itself", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 1, keepAlive: 1000 })
      yield* pool.run(id, 1)
      for (const keepAlive of [false, 10, true]) {
        yield* pool.setKeepAlive(keepAlive)
        assert.strictEqual(yield* liveAfter(pool, 100), 1)
        // a run does not make it act either
        yield* pool.run(id, 1)
      }
      assert.strictEqual(yield* liveAfter(pool, 999), 1)
      assert.strictEqual(yield* liveAfter(pool, 1), 0)
    })
  )

  it.effect("L5 acts at the end of the running call", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 2, keepAlive: false })
      const kept = yield* Effect.forkChild(pool.map([10, 10], (millis) => Effect.sleep(millis)))
      yield* settle
      yield* pool.setKeepAlive(true)
      yield* TestClock.adjust(10)
      yield* Fiber.join(kept)
      assert.strictEqual(ledger.present.size, 2)
      const released = yield* Effect.forkChild(pool.map([10, 10], (millis) => Effect.sleep(millis)))
      yield* settle
      yield* pool.setKeepAlive(false)
      assert.strictEqual(yield* liveAfter(pool, 9), 2)
      yield* TestClock.adjust(1)
      yield* Fiber.join(released)
      ledger.assertReleased()
      assert.strictEqual(ledger.entries.length, 2)
    })
  )

  it.effect("L5 acts at the end of the last of overlapping calls", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 2, keepAlive: true })
      const sleep = (millis: number) => Effect.sleep(millis)
      const fibers = yield* Effect.forEach([100, 200], (millis) => Effect.forkChild(pool.map([millis], sleep)))
      yield* settle
      yield* pool.setKeepAlive(false)
      yield* TestClock.adjust(100)
      assert.isTrue(yield* hasEnded(fibers[0]!))
      assert.strictEqual(ledger.present.size, 2)
      yield* TestClock.adjust(100)
      yield* Fiber.join(fibers[1]!)
      ledger.assertReleased()
    })
  )

  it.effect("L5 acts at the end of an empty call, of one that fails, and of one that is interrupted", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* ledgered({ size: 1, keepAlive: true })
      const interrupted = Effect.flatMap(Effect.forkChild(pool.map([1], () => Effect.never)), (fiber) =>
        Effect.andThen(settle, Fiber.interrupt(fiber))
      )
      for (const call of [pool.map([], id), Effect.flip(pool.map([1], () => Effect.fail("no"))), interrupted]) {
        yield* pool.run(id, 1)
        assert.strictEqual(ledger.present.size, 1)
        yield* pool.setKeepAlive(false)
        yield* call
        ledger.assertReleased()
        yield* pool.setKeepAlive(true)
        yield* pool.map([], id)
      }
      assert.strictEqual(ledger.entries.length, 3)
    })
  )

  it.effect("L5 replaces a running idle timer, earlier or later", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 1, keepAlive: 1000 })
      yield* pool.map([1], id)
      assert.strictEqual(yield* liveAfter(pool, 500), 1)
      yield* pool.setKeepAlive(5000)
      yield* pool.map([], id)
      // idle since the beginning: an empty call gave it nothing
      assert.strictEqual(yield* liveAfter(pool, 4499), 1)
      assert.strictEqual(yield* liveAfter(pool, 1), 0)
      yield* pool.map([1], id)
      assert.strictEqual(yield* liveAfter(pool, 400), 1)
      yield* pool.setKeepAlive(600)
      yield* pool.map([], id)
      assert.strictEqual(yield* liveAfter(pool, 199), 1)
      assert.strictEqual(yield* liveAfter(pool, 1), 0)
      yield* pool.setKeepAlive(true)
      yield* pool.map([1], id)
      assert.strictEqual(yield* liveAfter(pool, 10_000), 1)
      yield* pool.setKeepAlive(100)
      yield* pool.map([], id)
      // it has been idle for longer than that
      assert.strictEqual(yield* liveAfter(pool, 0), 0)
    })
  )
})

describe("the end of a session by idle time", () => {
  it.effect("L9 L4 exitResults are those of the last session until a call begins the next", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 2, keepAlive: 1000 })
      yield* runFor(pool, 10, 500)
      yield* TestClock.adjust(1010)
      yield* settle
      assert.strictEqual((yield* pool.exitResults).length, 1)
      // one worker lives still, so this call belongs to the same session
      yield* pool.map([1], id)
      assert.strictEqual((yield* pool.exitResults).length, 1)
      yield* TestClock.adjust(2000)
      yield* settle
      const results = yield* pool.exitResults
      assert.deepStrictEqual([...results].sort(), ["0.1", "1.1"])
      yield* pool.map([1], id)
      assert.deepStrictEqual(yield* pool.exitResults, [])
      yield* TestClock.adjust(2000)
      yield* settle
      assert.strictEqual((yield* pool.exitResults).length, 1)
    })
  )

  it.effect("L9 L4 idle time that empties the pool while a call runs ends the session with the call", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 1, keepAlive: 100 })
      const slow = (last: number) =>
        Stream.mapEffect(Stream.fromIterable([0, 1], { chunkSize: 1 }), (n) =>
          Effect.as(Effect.sleep(n === 0 ? 0 : last), n)
        ).pipe(Stream.filter((n) => n === 0 || last < 1000))
      // the second worker belongs to the call's session, as the first does
      const both = yield* Effect.forkChild(pool.map(slow(500), id))
      yield* settle
      yield* TestClock.adjust(600)
      assert.deepStrictEqual(yield* Fiber.join(both), [0, 1])
      yield* settle
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1", "0.2"])
      // the call ends long after its only worker
      const first = yield* Effect.forkChild(pool.map(slow(1000), id))
      yield* settle
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* Fiber.join(first), [0])
      assert.deepStrictEqual(yield* pool.exitResults, ["0.3"])
      yield* pool.run(id, 1)
      assert.deepStrictEqual(yield* pool.exitResults, [])
    })
  )

  it.effect("L9 L4 minSize keeps a session open", () =>
    Effect.gen(function* () {
      const { pool } = yield* ledgered({ size: 2, keepAlive: 1000, minSize: 1 })
      yield* runFor(pool, 10, 20)
      yield* TestClock.adjust(5000)
      yield* settle
      assert.strictEqual((yield* pool.exitResults).length, 1)
      yield* pool.map([1], id)
      assert.strictEqual((yield* pool.exitResults).length, 1)
    })
  )
})
