import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import {
  driven,
  failures,
  hasEnded,
  isInterrupted,
  kinds,
  Ledger,
  makePool,
  type Pool,
  reasons,
  settle,
  source
} from "./support.ts"

class Rejected extends Data.TaggedError("Rejected")<{ readonly n: number }> {}

const id = (n: number) => Effect.succeed(n)
const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

describe.each(kinds)("a failing task, %s", (kind) => {
  it.effect("C4 fails the call with that failure, typed, and says where it happened", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1 })
      const task = (n: number) => (n === 2 ? new Rejected({ n }) : Effect.succeed(n))
      const exit = yield* Effect.exit(pool.map([0, 1, 2, 3], task))
      assert(Exit.isFailure(exit))
      const origin = { index: 2, worker: 0, generation: 1, pool: pool.name }
      assert.deepStrictEqual(WorkerPoolError.origin(exit.cause), origin)
      const caught = yield* pool.map([0, 1, 2, 3], task).pipe(Effect.catchTag("Rejected", ({ n }) => Effect.succeed(n)))
      assert.strictEqual(caught, 2)
      assert.deepInclude(yield* Effect.flip(pool.run(task, 2)), { _tag: "Rejected", n: 2 })
      assert.deepInclude(yield* Effect.flip(Stream.runDrain(pool.stream([2], task))), { _tag: "Rejected", n: 2 })
    })
  )

  it.effect("C4 interrupts the running items of the call, sends no more, and then fails; workers survive", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, { size: 3, keepAlive: true, init: ledger.init(), exit: ledger.exit() })
      yield* pool.start
      const log: Array<string> = []
      const task = ledger.task((n: number) => {
        log.push(`start ${n}`)
        return n === 4
          ? Effect.andThen(Effect.sleep(10), Effect.fail("four"))
          : Effect.onInterrupt(Effect.sleep(n < 3 ? 100 + n : 1000), () =>
              Effect.andThen(
                Effect.sleep(50),
                Effect.sync(() => log.push(`interrupted ${n}`))
              )
            )
      })
      const fiber = yield* Effect.forkChild(Effect.exit(pool.map(source("array", 50), task, { chunkSize: 2 })))
      yield* settle
      yield* TestClock.adjust(10)
      // chunks are 0 1, 2 3, 4 5: item 4 fails at 10
      assert.deepStrictEqual(log, ["start 0", "start 2", "start 4"])
      yield* TestClock.adjust(49)
      assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(failures(yield* Fiber.join(fiber)), ["four"])
      assert.deepStrictEqual(log.slice(3).sort(), ["interrupted 0", "interrupted 2"])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(log.length, 5)
      assert.deepStrictEqual(
        ledger.entries.map(({ items }) => items),
        [1, 1, 1]
      )
      assert.deepInclude(yield* pool.stats, { live: 3, idle: 3, killed: 0 })
    })
  )

  it.effect("C4 of two failures the first counts", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      const task = (n: number) =>
        Effect.ensuring(
          Effect.andThen(Effect.sleep(n), Effect.fail(n)),
          n === 20 ? Effect.fail("too late").pipe(Effect.ignore) : Effect.void
        )
      assert.deepStrictEqual(failures(yield* driven(Effect.exit(pool.map([20, 10], task, { chunkSize: 1 })))), [10])
    })
  )

  it.effect("C6 a defect arrives as a defect, with its message and stack and where it happened", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1 })
      const boom = new TypeError("boom")
      const dies = (n: number) => (n === 1 ? Effect.die(boom) : Effect.succeed(n))
      const throws = (n: number) => {
        if (n === 1) throw boom
        return Effect.succeed(n)
      }
      for (const task of [dies, throws]) {
        const exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = [
          yield* Effect.exit(pool.map([0, 1, 2], task)),
          (yield* pool.mapExit([0, 1, 2], task))[1]!,
          yield* Effect.exit(Stream.runDrain(pool.streamUnordered([0, 1], task)))
        ]
        for (const exit of exits) {
          assert(Exit.isFailure(exit))
          const [reason] = exit.cause.reasons
          assert(reason !== undefined && Cause.isDieReason(reason))
          assert(reason.defect instanceof TypeError)
          assert.strictEqual(reason.defect.message, "boom")
          assert.strictEqual(reason.defect.stack, boom.stack)
          assert.strictEqual(WorkerPoolError.origin(exit.cause)?.index, 1)
        }
      }
      assert.deepStrictEqual(yield* pool.map([0, 2], dies), [0, 2])
    })
  )

  it.effect("C4 a task that interrupts itself fails its call with interruption, and no other", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      const [exit, other] = yield* driven(
        Effect.all(
          [
            Effect.exit(pool.map([0, 1, 2], (n) => (n === 1 ? Effect.interrupt : Effect.sleep(10)))),
            Effect.exit(pool.map([10, 20], sleep))
          ],
          { concurrency: "unbounded" }
        )
      )
      assert.isTrue(isInterrupted(exit))
      assert.isTrue(Exit.isSuccess(other))
      const outcomes = yield* pool.mapExit([0, 1], (n) => (n === 1 ? Effect.interrupt : Effect.succeed(n)))
      assert.deepStrictEqual(
        outcomes.map((exit) => isInterrupted(exit)),
        [false, true]
      )
    })
  )
})

describe.each(kinds)("interruption, %s", (kind) => {
  const shapes = {
    map: (pool: Pool, task: (n: number, worker: any) => Effect.Effect<number>) => pool.map(source("array", 20), task),
    mapExit: (pool: Pool, task: (n: number, worker: any) => Effect.Effect<number>) =>
      pool.mapExit(source("stream", 20), task),
    run: (pool: Pool, task: (n: number, worker: any) => Effect.Effect<number>) => pool.run(task, 1),
    stream: (pool: Pool, task: (n: number, worker: any) => Effect.Effect<number>) =>
      Stream.runDrain(pool.stream(source("generator", 20), task))
  }

  it.effect.each(Object.keys(shapes) as ReadonlyArray<keyof typeof shapes>)(
    "C5 interrupts the running items, sends no more, and waits for them: %s",
    (shape) =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const pool = yield* makePool<any, any>(kind, { size: 2, init: ledger.init(), exit: ledger.exit() })
        yield* pool.setKeepAlive(true)
        yield* pool.map([], id)
        let interrupted = 0
        const task = ledger.task((n: number) =>
          Effect.onInterrupt(Effect.as(Effect.sleep(1000), n), () =>
            Effect.andThen(
              Effect.sleep(50),
              Effect.sync(() => interrupted++)
            )
          )
        )
        const fiber = yield* Effect.forkChild(shapes[shape](pool, task))
        yield* settle
        const running = shape === "run" ? 1 : 2
        assert.strictEqual((yield* pool.stats).busy, running)
        fiber.interruptUnsafe()
        yield* settle
        yield* TestClock.adjust(49)
        assert.isFalse(yield* hasEnded(fiber))
        yield* TestClock.adjust(1)
        assert.isTrue(isInterrupted(yield* Fiber.await(fiber)))
        assert.strictEqual(interrupted, running)
        yield* TestClock.adjust("1 hour")
        assert.deepInclude(yield* pool.stats, { live: running, idle: running, calls: 0, killed: 0 })
        assert.strictEqual(ledger.log.filter((line) => line.endsWith(" item")).length, running)
      })
  )

  it.effect("C4 C5 tells tasks by their signal before it interrupts them", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true })
      const heard: Array<string> = []
      const task = (n: number, worker: WorkerContext): Effect.Effect<void, string> => {
        if (n === 1) return Effect.andThen(Effect.sleep(10), Effect.fail("one"))
        worker.signal.addEventListener("abort", () => heard.push("signal"))
        return Effect.ensuring(
          Effect.never,
          Effect.sync(() => heard.push(worker.interrupted ? "interrupted" : "not told"))
        )
      }
      const told = ["signal", "interrupted"]
      yield* driven(Effect.exit(pool.map([0, 1], task, { chunkSize: 1 })))
      assert.deepStrictEqual(heard.splice(0), told)
      const fiber = yield* Effect.forkChild(pool.run(task, 0))
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(heard.splice(0), told)
    })
  )

  it.effect("C5 ending a stream early does the same, and closes the source", () =>
    Effect.gen(function* () {
      let running = 0
      let interrupted = 0
      const closed: Array<string> = []
      const pool = yield* makePool(kind, { size: 2, keepAlive: true })
      const task = (n: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => running++),
          () =>
            Effect.onInterrupt(Effect.as(Effect.sleep(n < 2 ? 10 * n : 1000), n), () =>
              Effect.sync(() => interrupted++)
            ),
          () => Effect.sync(() => running--)
        )
      const items = (function* () {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          closed.push("iterator")
        }
      })()
      const taken = yield* driven(Stream.runCollect(Stream.take(pool.stream(items, task, { chunkSize: 1 }), 2)))
      assert.deepStrictEqual(taken, [0, 1])
      assert.strictEqual(running, 0)
      assert.isAtLeast(interrupted, 1)
      const endless = Stream.ensuring(
        Stream.forever(Stream.succeed(0)),
        Effect.sync(() => closed.push("stream"))
      )
      assert.deepStrictEqual(yield* driven(Stream.runCollect(Stream.take(pool.stream(endless, task), 3))), [0, 0, 0])
      assert.deepStrictEqual(closed, ["iterator", "stream"])
      assert.strictEqual(running, 0)
      assert.deepInclude(yield* pool.stats, { live: 2, idle: 2, calls: 0 })
    })
  )

  it.effect("C5 a call that waits for its turn, or for an emptying pool, is interrupted at once", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, exit: () => Effect.sleep(100) })
      const busy = yield* Effect.forkChild(pool.map([1000], sleep))
      yield* settle
      const waiting = yield* Effect.forEach([pool.run(id, 1), pool.map([1], id)], (call) => Effect.forkChild(call))
      yield* settle
      assert.strictEqual((yield* pool.stats).calls, 3)
      yield* Fiber.interruptAll(waiting)
      assert.deepInclude(yield* pool.stats, { calls: 1, pending: 0 })
      yield* TestClock.adjust(1050)
      const gated = yield* Effect.forEach([pool.run(id, 1), pool.map([1], id)], (call) => Effect.forkChild(call))
      yield* settle
      yield* Fiber.interruptAll(gated)
      assert.deepInclude(yield* pool.stats, { calls: 1, pending: 0 })
      yield* TestClock.adjust(50)
      yield* Fiber.join(busy)
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, live: 0 })
    })
  )

  it.effect("C5 an interrupted init is no failure of those that wait", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, { size: 1, init: ledger.init(() => Effect.sleep(100)), exit: ledger.exit() })
      const first = yield* Effect.forkChild(pool.map([1], id))
      yield* settle
      const others = yield* Effect.forEach([1, 2], (n) => Effect.forkChild(pool.run(id, n)))
      yield* TestClock.adjust(50)
      yield* Fiber.interrupt(first)
      // it was stopped, because nobody needed it, and started again for those that wait
      assert.deepStrictEqual(ledger.entries[0]?.log, ["init", "gone"])
      yield* settle
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.joinAll(others), [1, 2])
      assert.strictEqual(ledger.entries.length, 2)
    })
  )
})

describe.each(kinds)("a failing source, %s", (kind) => {
  const throwing = (at: number, error: unknown) =>
    (function* () {
      for (let n = 0; ; n++) {
        if (n === at) throw error
        yield n
      }
    })()

  it.effect("C7 a throwing iterable fails the call with InputFailed, wherever it throws", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true })
      for (const at of [0, 1, 5, 17]) {
        const error = new Error(`at ${at}`)
        const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          pool.map(throwing(at, error), id),
          pool.map(throwing(at, error), id, { chunkSize: 3 }),
          pool.mapExit(throwing(at, error), id),
          pool.forEach(throwing(at, error), id),
          Stream.runDrain(pool.stream(throwing(at, error), id)),
          Stream.runDrain(pool.streamUnorderedExit(throwing(at, error), id))
        ]
        for (const call of calls) {
          const [reason, ...others] = reasons(yield* Effect.exit(call))
          assert(reason?._tag === "InputFailed")
          assert.strictEqual(reason.cause, error)
          assert.deepStrictEqual(others, [])
        }
      }
      assert.deepStrictEqual(yield* pool.map([1], id), [1])
    })
  )

  it.effect("C7 an iterable that cannot be iterated over fails the call, and starts nothing", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, { size: 1, init: ledger.init(), exit: ledger.exit() })
      const items: Iterable<number> = {
        [Symbol.iterator]: () => {
          throw new Error("not today")
        }
      }
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.map(items, id))), ["InputFailed"])
      assert.strictEqual(ledger.entries.length, 0)
    })
  )

  it.effect("C7 what runs is interrupted, and the iterator that threw is not closed", () =>
    Effect.gen(function* () {
      let closed = 0
      let interrupted = 0
      let n = 0
      const items: Iterable<number> = {
        [Symbol.iterator]: () => ({
          next: () => {
            if (n === 3) throw new Error("three")
            return { done: false, value: n++ }
          },
          return: () => {
            closed++
            return { done: true, value: undefined }
          }
        })
      }
      const pool = yield* makePool(kind, { size: 3 })
      const task = (n: number) =>
        Effect.onInterrupt(Effect.sleep(n === 0 ? 10 : 1000), () => Effect.sync(() => interrupted++))
      const exit = yield* driven(Effect.exit(pool.map(items, task, { chunkSize: 1 })))
      assert.deepStrictEqual(failures(exit), ["InputFailed"])
      assert.deepStrictEqual([interrupted, closed], [2, 0])
    })
  )

  it.effect("C7 C4 an iterator is closed once when its call fails, and what that throws hides nothing", () =>
    Effect.gen(function* () {
      let closed = 0
      const items: Iterable<number> = {
        [Symbol.iterator]: () => ({
          next: () => ({ done: false, value: 1 }),
          return: () => {
            closed++
            throw new Error("cannot close")
          }
        })
      }
      const pool = yield* makePool(kind, { size: 1 })
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.map(items, () => Effect.fail("task")))), ["task"])
      assert.strictEqual(closed, 1)
    })
  )

  it.effect("C7 a failing Stream fails the call with its own error, once what runs is interrupted", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true })
      for (const at of [0, 1, 4]) {
        const items = (fail: Effect.Effect<never, Rejected>) =>
          Stream.concat(
            Stream.fromIterable(source("array", at) as Array<number>, { chunkSize: 1 }),
            Stream.fromEffect(fail)
          )
        const calls = (fail: Effect.Effect<never, Rejected>): ReadonlyArray<Effect.Effect<unknown, unknown>> => [
          pool.map(items(fail), id),
          pool.mapExit(items(fail), id),
          Stream.runDrain(pool.stream(items(fail), id))
        ]
        for (const call of calls(Effect.fail(new Rejected({ n: at })))) {
          assert.deepInclude(yield* Effect.flip(call), { _tag: "Rejected", n: at })
        }
        for (const call of calls(Effect.die("dead"))) {
          const exit = yield* Effect.exit(call)
          assert(Exit.isFailure(exit))
          assert.deepStrictEqual(
            exit.cause.reasons.map((reason) => (Cause.isDieReason(reason) ? reason.defect : undefined)),
            ["dead"]
          )
        }
      }
      assert.deepInclude(yield* pool.stats, { calls: 0, busy: 0 })
    })
  )

  it.effect("C7 the finalizers of a Stream run before its call returns, whatever ends it", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      let finalized = 0
      const items = (length: number) =>
        Stream.ensuring(
          source("stream", length) as Stream.Stream<number>,
          Effect.andThen(
            Effect.sleep(20),
            Effect.sync(() => finalized++)
          )
        )
      yield* driven(pool.map(items(3), id))
      assert.strictEqual(finalized, 1)
      yield* driven(Effect.exit(pool.map(items(100), (n) => (n === 2 ? Effect.fail("two") : Effect.succeed(n)))))
      assert.strictEqual(finalized, 2)
      yield* driven(Stream.runDrain(Stream.take(pool.stream(items(100), id), 1)))
      assert.strictEqual(finalized, 3)
      const fiber = yield* Effect.forkChild(pool.map(items(100), () => Effect.never))
      yield* settle
      yield* driven(Fiber.interrupt(fiber))
      assert.strictEqual(finalized, 4)
    })
  )
})

describe.each(kinds)("a failing init, %s", (kind) => {
  it.effect("L10 fails the call that has a chunk there; the next call tries again", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const init = ledger.init((worker) => (worker.generation === 1 ? new Rejected({ n: 7 }) : Effect.void))
      const pool = yield* makePool(kind, { size: 1, keepAlive: true, init, exit: ledger.exit() })
      const exit = yield* Effect.exit(pool.map([1, 2, 3], id))
      const [reason, ...others] = reasons(exit)
      assert(reason?._tag === "InitFailed")
      assert.deepInclude(reason, { worker: 0, generation: 1 })
      assert.deepInclude(reason.cause, { _tag: "Rejected", n: 7 })
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual(ledger.entries[0]?.log, ["init", "gone"])
      assert.deepStrictEqual(yield* pool.map([1, 2, 3], id), [1, 2, 3])
      assert.deepInclude(yield* pool.stats, { live: 1, calls: 0 })
    })
  )

  it.effect("L10 fails every kind of call, start too, for failures and defects alike", () =>
    Effect.gen(function* () {
      for (const init of [Effect.fail("no"), Effect.die("no"), () => Effect.fail("no"), () => Effect.die("no")]) {
        const pool = yield* makePool<any, any>(kind, { size: 2, init })
        const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          pool.map([1], id),
          pool.mapExit([1], id),
          pool.forEach([1], id),
          pool.run(id, 1),
          Stream.runDrain(pool.streamExit([1], id)),
          pool.start
        ]
        for (const call of calls) {
          const exit = yield* Effect.exit(call)
          const [reason] = reasons(exit)
          assert(reason?._tag === "InitFailed", `${exit}`)
          assert.strictEqual(reason.cause, "no")
          yield* TestClock.adjust("1 minute")
        }
      }
    })
  )

  it.effect("L10 a hook that interrupts itself has failed", () =>
    Effect.gen(function* () {
      const init = yield* makePool<any, any>(kind, { size: 1, init: Effect.interrupt })
      assert.deepStrictEqual(failures(yield* Effect.exit(init.map([1, 2], id))), ["InitFailed"])
      const exit = yield* makePool<any, any>(kind, { size: 1, exit: Effect.interrupt })
      assert.deepStrictEqual(failures(yield* Effect.exit(exit.map([1, 2], id))), ["ExitFailed"])
    })
  )

  it.effect("L10 fails the calls that wait when no worker is left, and respawns nothing in a loop", () =>
    Effect.gen(function* () {
      let inits = 0
      const init = Effect.andThen(
        Effect.sync(() => inits++),
        Effect.andThen(Effect.sleep(10), Effect.fail("no"))
      )
      const pool = yield* makePool(kind, { size: 2, init })
      const fibers = yield* Effect.forEach(
        [pool.map(source("array", 20), id, { chunkSize: 1 }), pool.run(id, 1), pool.map([1], id), pool.run(id, 2)],
        (call) => Effect.forkChild(call as Effect.Effect<unknown, unknown>)
      )
      yield* settle
      yield* TestClock.adjust(10)
      for (const fiber of fibers) {
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["InitFailed"])
      }
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(inits, 2)
      assert.deepInclude(yield* pool.stats, { live: 0, starting: 0, calls: 0, pending: 0 })
    })
  )

  it.effect("L10 leaves those alone that wait while another worker lives", () =>
    Effect.gen(function* () {
      const init = (worker: WorkerContext) =>
        worker.id === 1 && worker.generation === 1 ? Effect.andThen(Effect.sleep(10), Effect.fail("no")) : Effect.void
      const pool = yield* makePool(kind, { size: 2, keepAlive: true, init })
      const busy = yield* Effect.forkChild(pool.run(sleep, 100))
      yield* settle
      const failing = yield* Effect.forkChild(pool.run(id, 1))
      yield* settle
      const waiting = yield* Effect.forkChild(pool.run((_, worker) => Effect.succeed(worker.generation), 2))
      yield* settle
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(failures(yield* Fiber.await(failing)), ["InitFailed"])
      assert.strictEqual(yield* Fiber.join(waiting), 2)
      yield* TestClock.adjust(90)
      assert.strictEqual(yield* Fiber.join(busy), 100)
    })
  )
})
