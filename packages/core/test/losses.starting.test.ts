import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as errors from "../src/internal/common/errors.ts"
import { diligent, FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import { failures, hasEnded, makePool, type PoolOptions, recordLogs, releaseFailed, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const exit = () => Effect.void

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  runtime.run = diligent
  const pool = yield* makePool("WorkerPool", { keepAlive: true, chunkSize: 1, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  return { pool, runtime }
})

/** Vanishes while something runs. */
const vanish = (worker: FakeWorker) =>
  Effect.andThen(
    Effect.sync(() => worker.lose()),
    Effect.never
  )

describe("a worker that is lost before it has done anything", () => {
  it.effect("F2 L10 its items are tried once more, and then fail with WorkerLost", () =>
    Effect.gen(function* () {
      for (const when of ["start", "init"] as const) {
        const { pool, runtime } = yield* setup({ size: 1 })
        const how = (losses: number) => {
          let left = losses
          const maybe = (worker: FakeWorker) => (left-- > 0 ? vanish(worker) : Effect.void)
          if (when === "start") {
            runtime.start = ({ options }) =>
              left-- > 0 ? Effect.fail(errors.workerLost(options.worker, { signal: "SIGKILL" })) : Effect.void
          } else runtime.init = maybe
        }
        how(1)
        assert.deepStrictEqual(yield* pool.map([1, 2], task), [10, 20])
        yield* pool.stop
        how(2)
        assert.deepStrictEqual(failures(yield* Effect.exit(pool.map([1, 2], task))), ["WorkerLost"])
        // and then the slot rests
        assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(task, 1))), ["WorkerLost"])
        assert.strictEqual(runtime.workers.length, 4)
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* pool.run(task, 1), 10)
      }
    })
  )

  it.effect(
    "L10 nor does a slot start workers without end whose init, by turns the call's and a later one's, ends them",
    () =>
      Effect.gen(function* () {
        const open = (n: number) => () => Effect.succeed(n)
        const own = open(1)
        for (const [name, later] of Object.entries({
          "another init": { init: open(2) },
          "the same init with another timeout": { init: own, initTimeout: 5000 },
          "another timeout alone": { initTimeout: 5000 }
        })) {
          const { pool, runtime } = yield* setup({ size: 1 })
          runtime.run = () => {}
          yield* pool.start
          const call = yield* Effect.forkDetach(pool.map([1, 2], task, { init: own }), { startImmediately: true })
          const other = yield* Effect.forkDetach(pool.map([3], task, later), { startImmediately: true })
          const worker = runtime.last
          // the later call is served by the worker that is there: what it named stays current
          for (let n = 0; n < 2; n++) worker.work()
          assert.isTrue(yield* hasEnded(other), name)
          assert.isFalse(yield* hasEnded(call), name)
          runtime.init = (started) => (runtime.workers.length > 20 ? Effect.void : vanish(started))
          worker.lose()
          assert.isTrue(yield* hasEnded(call), `${name}: the call goes on`)
          assert.deepStrictEqual(failures(yield* Fiber.await(call)), ["WorkerLost"], name)
          assert.isAtMost(runtime.workers.length, 1 + 2 + 2, name)
        }
      })
  )

  it.effect("F2 its items go to another slot that has a live worker", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2 })
      runtime.init = (worker) => (worker.options.worker.id === 0 ? Effect.void : vanish(worker))
      const fiber = yield* Effect.forkChild(Effect.exit(pool.start))
      yield* settle
      yield* Fiber.await(fiber)
      for (let n = 0; n < 3; n++) {
        // the first slot has something to do, so the second is tried
        runtime.run = () => {}
        const busy = yield* Effect.forkChild(pool.run(task, 1))
        const other = yield* Effect.forkChild(pool.run(task, 2))
        yield* settle
        runtime.run = diligent
        runtime.workers[0]!.work()
        assert.strictEqual(yield* Fiber.join(busy), 10)
        assert.strictEqual(yield* Fiber.join(other), 20)
        yield* TestClock.adjust("10 seconds")
      }
      assert.deepInclude(yield* pool.stats, { live: 1, starting: 0 })
    })
  )

  it.effect(
    "F2 L10 one that is lost at once again and again is not started in a loop: an item is charged each time",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1 })
        runtime.run = (worker) => worker.lose()
        const calls = yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.forkChild(pool.map([1, 2, 3], task)))
        yield* settle
        for (const call of calls) assert.deepStrictEqual(failures(yield* Fiber.await(call)), ["WorkerLost"])
        // each call has sent its first item twice: the second time it was alone, so that it is to blame
        assert.strictEqual(runtime.workers.length, 10)
        // no slot waits for that
        runtime.run = diligent
        assert.strictEqual(yield* pool.run(task, 1), 10)
      })
  )

  it.effect("L10 a success in between counts, whatever becomes of the worker later", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, lifespan: 1, exit })
      runtime.exit = ({ options }) => Effect.fail(errors.startFailed(options.worker, "exit"))
      for (let n = 0; n < 3; n++) {
        runtime.start = ({ options }) => Effect.fail(errors.startFailed(options.worker, "start"))
        yield* Effect.exit(pool.map([1], task))
        runtime.start = () => Effect.void
        yield* Effect.exit(pool.map([1], task))
      }
      assert.strictEqual(runtime.workers.length, 6)
    })
  )

  it.effect("C4 L1 killed in init: whoever waits hears at once, the slot waits for its real end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { pool, runtime } = yield* Scope.provide(setup({ size: 1 }), scope)
      const ended = Deferred.makeUnsafe<void>()
      const overdue = Deferred.makeUnsafe<void>()
      runtime.init = (worker) =>
        Effect.andThen(
          Deferred.await(overdue),
          Effect.suspend(() => {
            worker.lose({ killed: true, ended: Deferred.await(ended), hookFails: true })
            return Effect.fail(errors.startFailed(worker.options.worker, "init took too long"))
          })
        )
      const fiber = yield* Effect.forkChild(pool.map([1], task))
      yield* settle
      Deferred.doneUnsafe(overdue, Exit.void)
      assert.isTrue(yield* hasEnded(fiber))
      assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["StartFailed"])
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      assert.isFalse(yield* hasEnded(closing))
      assert.strictEqual(runtime.workers.length, 1)
      Deferred.doneUnsafe(ended, Exit.void)
      assert.isTrue(yield* hasEnded(closing))
    })
  )
})

describe("a worker that is lost in exit", () => {
  it.effect("F1 L10 only the call that caused the release hears of it", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, lifespan: 1, exit })
      runtime.exit = (worker) => (worker.name === "0.1" ? vanish(worker) : Effect.void)
      runtime.run = () => {}
      const first = yield* Effect.forkChild(pool.map([1], task))
      yield* settle
      const second = yield* Effect.forkChild(pool.run(task, 2))
      yield* settle
      for (const worker of runtime.workers) worker.work()
      assert.deepStrictEqual(failures(yield* Fiber.await(first)), ["WorkerLost"])
      assert.deepStrictEqual(yield* Fiber.join(second), 20)
      assert.deepInclude(yield* pool.stats, { lost: 1, live: 0 })
      runtime.run = diligent
      assert.deepStrictEqual(yield* pool.map([3], task), [30])
    })
  )

  it.effect("L10 at scope close it is logged", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      const scope = yield* Scope.make()
      yield* Effect.gen(function* () {
        const { pool, runtime } = yield* Scope.provide(setup({ size: 1, exit }), scope)
        runtime.exit = vanish
        yield* pool.start
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(logs.layer))
      assert.deepStrictEqual(logs.lines, [releaseFailed])
    })
  )
})

describe("what comes late", () => {
  it.effect("F1 a worker is lost once, and nothing more is heard of it", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 2 })
      runtime.run = () => {}
      const fiber = yield* Effect.forkChild(pool.map([1, 2], task, { onWorkerLost: { retries: 1 } }))
      yield* settle
      const first = runtime.last
      const { chunk } = first
      first.begin()
      runtime.run = diligent
      first.lose()
      first.lose({ killed: true })
      first.options.onLost({ closed: {}, killed: true, inHand: new Map(), ended: Effect.never })
      chunk.onSuccess(1, "late")
      chunk.onFailure(0, Cause.fail("late"))
      chunk.onEnd(undefined)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
      assert.deepInclude(yield* pool.stats, { lost: 1, killed: 0, calls: 0, idle: 1 })
      assert.strictEqual(runtime.workers.length, 2)
    })
  )

  it.effect("F1 nor of one that was terminated", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const ended = Deferred.makeUnsafe<void>()
      runtime.killed = () => Deferred.await(ended)
      runtime.run = () => {}
      const fiber = yield* Effect.forkChild(pool.run(task, 1))
      yield* settle
      const first = runtime.last
      const both = yield* Effect.forkChild(Effect.all([pool.terminate, pool.terminate], { concurrency: 2 }))
      yield* settle
      first.lose({ killed: true })
      assert.isFalse(yield* hasEnded(both))
      assert.isTrue(yield* hasEnded(fiber))
      Deferred.doneUnsafe(ended, Exit.void)
      yield* Fiber.join(both)
      assert.deepInclude(yield* pool.stats, { lost: 0, killed: 1, live: 0 })
      runtime.run = diligent
      assert.strictEqual(yield* pool.run(task, 1), 10)
    })
  )

  it.effect("F5 the pool may be terminated from within a worker's start", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const reached = Deferred.makeUnsafe<void>()
      runtime.init = () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.sleep(10))
      const terminating = yield* Effect.forkChild(Effect.andThen(Deferred.await(reached), pool.terminate))
      yield* settle
      const fiber = yield* Effect.forkChild(pool.run(task, 1))
      assert.isTrue(yield* hasEnded(terminating))
      assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["Terminated"])
      runtime.init = () => Effect.void
      assert.strictEqual(yield* pool.run(task, 1), 10)
    })
  )
})
