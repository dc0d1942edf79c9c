import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import {
  driven,
  failures,
  hasEnded,
  kinds,
  Ledger,
  makePool,
  portable,
  reasons,
  settle,
  source,
  timed
} from "./support.ts"

const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

describe.each(kinds)("timeout, %s", (kind) => {
  it.effect("T1 T3 map fails with TaskTimedOut at the moment in which an item's time is over", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      let ended = 0
      const task = ledger.task((millis: number) =>
        Effect.ensuring(
          Effect.sleep(millis),
          Effect.sync(() => ended++)
        )
      )
      const pool = yield* makePool(kind, { size: 2, keepAlive: true, init: ledger.init(), exit: ledger.exit() })
      yield* pool.start
      const fiber = yield* Effect.forkChild(timed(pool.map([50, 101, 10, 30], task, { timeout: 100, chunkSize: 2 })))
      yield* settle
      yield* TestClock.adjust(1000)
      const { exit, took } = yield* Fiber.join(fiber)
      // items 0 and 1 are one chunk, but the other worker has nothing left at 40: time counts from when an item starts
      assert.strictEqual(took, 140)
      const [reason] = reasons(exit)
      assert(reason?._tag === "TaskTimedOut")
      assert.strictEqual(reason.index, 1)
      const worker = ledger.log.findLast((line) => line.endsWith("item"))!.split(" ")[0]
      assert.strictEqual(`${reason.worker}.${reason.generation}`, worker)
      assert(Exit.isFailure(exit))
      assert.deepStrictEqual(WorkerPoolError.origin(exit.cause), {
        index: 1,
        worker: reason.worker,
        generation: reason.generation,
        pool: pool.name
      })
      // the item was interrupted, and its worker lives on
      assert.strictEqual(ended, 4)
      assert.strictEqual(ledger.entries.length, 2)
      assert.strictEqual((yield* pool.stats).idle, 2)
    })
  )

  it.effect("T1 time counts from when an item starts in the worker, not from when it was sent", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, init: Effect.sleep(500) })
      const results = yield* driven(
        Effect.all(
          [
            pool.map([90, 90, 90, 90], sleep, { timeout: 100, chunkSize: 4 }),
            pool.run(sleep, 99, { timeout: 100 }),
            Stream.runCollect(pool.stream([90, 90, 90], sleep, { timeout: 100, chunkSize: 3 }))
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.deepStrictEqual(results, [[90, 90, 90, 90], 99, [90, 90, 90]])
    })
  )

  it.effect("T2 mapExit and streamExit mark the item and go on, in the same worker", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, { size: 1, init: ledger.init(), exit: ledger.exit() })
      const task = ledger.task(sleep)
      const options = { timeout: 100, chunkSize: 3 }
      const fiber = yield* Effect.forkChild(timed(pool.mapExit([1, 500, 2, 100, 3], task, options)))
      yield* settle
      yield* TestClock.adjust("1 minute")
      const { exit, took } = yield* Fiber.join(fiber)
      assert(Exit.isSuccess(exit))
      // an item that ends in the very moment may do either
      const tags = exit.value.map((exit) => (Exit.isSuccess(exit) ? exit.value : failures(exit)[0]))
      assert.deepStrictEqual([tags[0], tags[1], tags[2], tags[4]], [1, "TaskTimedOut", 2, 3])
      assert.strictEqual(took, 1 + 100 + 2 + 100 + 3)
      assert.deepStrictEqual(
        reasons(exit.value[1]!).map((reason) => (reason as WorkerPoolError.TaskTimedOut).index),
        [1]
      )
      assert.strictEqual(ledger.entries.length, 1)
      const outcomes = yield* driven(Stream.runCollect(pool.streamExit([1, 500, 2], task, options)))
      assert.deepStrictEqual(
        outcomes.map(({ exit, index }) => [index, Exit.isSuccess(exit)]),
        [
          [0, true],
          [1, false],
          [2, true]
        ]
      )
    })
  )

  it.effect("T2 in run only that run fails", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, timeout: 100 })
      const exits = yield* driven(
        Effect.all(
          [
            Effect.exit(pool.run(sleep, 500)),
            Effect.exit(pool.run(sleep, 50)),
            Effect.exit(pool.run(sleep, 500, { timeout: 1000 })),
            Effect.exit(pool.run(sleep, 500, { timeout: Number.POSITIVE_INFINITY })),
            Effect.exit(pool.map([50, 60], sleep)),
            Effect.exit(pool.map([500], sleep, { timeout: "501 millis" }))
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.deepStrictEqual(exits.map(failures), [["TaskTimedOut"], [], [], [], [], []])
      assert.deepStrictEqual(
        reasons(exits[0]).map((reason) => (reason as WorkerPoolError.TaskTimedOut).index),
        [0]
      )
    })
  )

  it.effect("T2 C4 on fibers a timed-out item that cannot be interrupted is waited for", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1 })
      const fiber = yield* Effect.forkChild(
        timed(pool.map([700], (millis) => Effect.uninterruptible(Effect.sleep(millis)), { timeout: 100 }))
      )
      yield* settle
      yield* TestClock.adjust(699)
      assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      const { exit, took } = yield* Fiber.join(fiber)
      assert.strictEqual(took, 700)
      assert.deepStrictEqual(failures(exit), ["TaskTimedOut"])
    })
  )

  it.effect("T2 tells a task by its signal, and one that asks later too", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const pool = yield* makePool(kind, { size: 1 })
      const task = (_: number, worker: WorkerContext) =>
        Effect.gen(function* () {
          worker.signal.addEventListener("abort", () => heard.push("signal"))
          return yield* Effect.ensuring(
            Effect.never,
            Effect.sync(() => heard.push(worker.interrupted ? "interrupted" : "not told"))
          )
        })
      const late = (_: number, worker: WorkerContext) =>
        Effect.ensuring(
          Effect.never,
          Effect.sync(() => heard.push(worker.signal.aborted ? "aborted" : "not told"))
        )
      // it cannot be interrupted, but it listens, and ends well
      const listens = (_: number, { signal }: WorkerContext) =>
        Effect.uninterruptible(
          Effect.callback<string>((resume) =>
            signal.addEventListener("abort", () => {
              heard.push("listener")
              resume(Effect.succeed("partial"))
            })
          )
        )
      const fiber = yield* Effect.forkChild(
        Effect.forEach([task, late, listens], (task) => timed(pool.run(task, 1, { timeout: 100 })))
      )
      yield* settle
      yield* TestClock.adjust(300)
      const ended = yield* Fiber.join(fiber)
      for (const { exit, took } of ended) assert.deepStrictEqual([failures(exit), took], [["TaskTimedOut"], 100])
      assert.deepStrictEqual(heard.toSorted(), ["aborted", "interrupted", "listener", "signal"])
    })
  )

  it.effect(
    "T1 initTimeout: the call fails with InitTimedOut, finalizers run and exit does not; the next call tries again",
    () =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const init = ledger.init((worker) => Effect.sleep(worker.generation === 1 ? 1000 : 99))
        const pool = yield* makePool(kind, { size: 1, init, exit: ledger.exit(), initTimeout: 100 })
        const fiber = yield* Effect.forkChild(timed(pool.map([1], sleep)))
        yield* settle
        yield* TestClock.adjust(100)
        assert.isTrue(yield* hasEnded(fiber))
        const { exit, took } = yield* Fiber.join(fiber)
        assert.strictEqual(took, 100)
        const [reason] = reasons(exit)
        assert(reason?._tag === "InitTimedOut")
        assert.deepInclude(reason, { worker: 0, generation: 1 })
        assert.deepStrictEqual(ledger.entries[0]?.log, ["init", "gone"])
        assert.deepStrictEqual(yield* driven(pool.map([1], sleep)), [1])
        assert.deepStrictEqual(yield* pool.exitResults, ["0.2"])
        ledger.assertReleased()
      })
  )

  it.effect("T1 exitTimeout: the call fails with ExitTimedOut, finalizers run", () =>
    Effect.gen(function* () {
      for (const [exitTimeout, expected] of [
        [undefined, 30_000],
        [200, 200],
        ["2 minutes", 120_000]
      ] as const) {
        const ledger = new Ledger()
        const exit = ledger.exit(() => Effect.never)
        const pool = yield* makePool(kind, { size: 1, init: ledger.init(), exit, exitTimeout })
        const fiber = yield* Effect.forkChild(timed(pool.map([1], (n) => Effect.succeed(n))))
        yield* settle
        yield* TestClock.adjust(expected - 1)
        assert.isFalse(yield* hasEnded(fiber))
        yield* TestClock.adjust(1)
        const ended = yield* Fiber.join(fiber)
        assert.strictEqual(ended.took, expected)
        assert.deepStrictEqual(failures(ended.exit), ["ExitTimedOut"])
        assert.deepStrictEqual(ledger.entries[0]?.log.slice(-3), ["exit", "finalizer", "gone"])
        assert.deepStrictEqual(yield* pool.exitResults, [])
      }
    })
  )

  it.effect("T1 hook timeouts of a call go with its hooks, for this call alone", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, {
        size: 1,
        init: ledger.init(() => Effect.sleep(300)),
        exit: ledger.exit(() => Effect.sleep(300))
      })
      const map = (options?: object) => Effect.exit(pool.map([1], sleep, options))
      const exits = yield* driven(
        Effect.all([map({ initTimeout: 100 }), map(), map({ exitTimeout: 100 }), map(), map({ exitTimeout: 301 })])
      )
      assert.deepStrictEqual(exits.map(failures), [["InitTimedOut"], [], ["ExitTimedOut"], [], []])
      ledger.assertReleased()
    })
  )
})

describe("time on fibers", () => {
  it.effect("T1 T2 an async hook is told by its signal that its time is over", () =>
    Effect.gen(function* () {
      const untilAborted = portable(
        ({ signal }: WorkerContext) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
      )
      const task = portable((n: number) => n)
      const ended = <X>(pool: WorkerPool.WorkerPool<void, X>) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(timed(pool.map([1], task)))
          yield* settle
          yield* TestClock.adjust(100)
          const { exit, took } = yield* Fiber.join(fiber)
          return [failures(exit), took]
        })
      const runtime = Effect.provide(WorkerRuntime.layerFibers())
      const init = yield* runtime(WorkerPool.make({ size: 1, init: untilAborted, initTimeout: 100 }))
      assert.deepStrictEqual(yield* ended(init), [["InitTimedOut"], 100])
      const exit = yield* runtime(WorkerPool.make({ size: 1, exit: untilAborted, exitTimeout: 100 }))
      assert.deepStrictEqual(yield* ended(exit), [["ExitTimedOut"], 100])
    })
  )

  it.effect("T3 pools take the time that their tasks take", () =>
    Effect.gen(function* () {
      for (const [size, chunkSize, expected] of [
        [1, 1, 1200],
        [3, 1, 400],
        [4, 3, 300],
        [12, 1, 100],
        // what waits behind others is done by whoever has nothing else to do
        [2, 5, 600]
      ] as const) {
        const pool = yield* makePool("WorkerPool", { size })
        const fiber = yield* Effect.forkChild(
          timed(pool.map(source("array", 12), () => Effect.sleep(100), { chunkSize }))
        )
        yield* settle
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* Fiber.join(fiber)).took, expected)
      }
    })
  )
})
