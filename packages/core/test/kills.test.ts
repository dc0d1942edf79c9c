import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as errors from "../src/internal/common/errors.ts"
import { diligent, FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import { failures, hasEnded, makePool, type PoolOptions, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  return { pool, runtime }
})

describe("a worker that is killed", () => {
  it.effect("L3 exit is not run when it is killed just after its release was decided", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const pool = yield* makePool<void, void>("FiberPool", {
        size: 1,
        keepAlive: true,
        init: () => Effect.addFinalizer(() => Effect.sync(() => void ran.push("finalizer"))),
        exit: () => Effect.sync(() => void ran.push("exit"))
      })
      // its caller is told at the end of a turn, and goes on at once: the release begins only after it
      yield* pool.run((n: number) => Effect.as(Effect.yieldNow, n), 1)
      const restart = yield* Effect.forkChild(pool.restart, { startImmediately: true })
      yield* pool.terminate
      yield* Fiber.join(restart)
      assert.deepStrictEqual(ran, ["finalizer"])
    })
  )

  it.effect("C4 L1 the call settles at once; the slot and a closing scope wait for its real end", () =>
    Effect.gen(function* () {
      for (const keepAlive of [true, false]) {
        const scope = yield* Scope.make()
        const { pool, runtime } = yield* Scope.provide(setup({ size: 1, keepAlive }), scope)
        const fiber = yield* Effect.forkChild(pool.map([1], task, { timeout: 10 }))
        yield* settle
        const ended = Deferred.makeUnsafe<void>()
        runtime.last.begin()
        runtime.last.lose({ killed: true, ended: Deferred.await(ended), hand: { timedOut: [0] } })
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["TaskTimedOut"])
        assert.deepInclude(yield* pool.stats, { killed: 1, lost: 0, live: 0, starting: 0 })
        const next = yield* Effect.forkChild(pool.map([1], task))
        const start = yield* Effect.forkChild(pool.start)
        yield* settle
        assert.strictEqual(runtime.workers.length, 1)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        assert.isTrue(yield* hasEnded(next))
        assert.isFalse(yield* hasEnded(closing))
        Deferred.doneUnsafe(ended, Exit.void)
        assert.isTrue(yield* hasEnded(closing))
        assert.isTrue(yield* hasEnded(start))
        assert.strictEqual(runtime.present.length, 0)
      }
    })
  )

  it.effect("C4 L1 its slot is used again when it has ended", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const fiber = yield* Effect.forkChild(pool.map([1, 2], task, { chunkSize: 2, onWorkerLost: { retries: 1 } }))
      yield* settle
      const ended = Deferred.makeUnsafe<void>()
      runtime.last.begin()
      runtime.run = diligent
      runtime.last.lose({ killed: true, ended: Deferred.await(ended) })
      assert.isFalse(yield* hasEnded(fiber))
      assert.strictEqual(runtime.workers.length, 1)
      Deferred.doneUnsafe(ended, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
      assert.deepStrictEqual(runtime.log.slice(0, 6), [
        "0.1 init",
        "0.1 run",
        "0.1 stop",
        "0.2 init",
        "0.2 run",
        "0.2 run"
      ])
    })
  )

  it.effect("L1 controls do not bring its slot back early, and none of them hangs", () =>
    Effect.gen(function* () {
      for (const control of ["stop", "restart", "terminate", "setSize"] as const) {
        const { pool, runtime } = yield* setup({ size: 2 })
        yield* pool.start
        const ended = Deferred.makeUnsafe<void>()
        runtime.workers[1]!.lose({ killed: true, ended: Deferred.await(ended) })
        runtime.run = diligent
        const fiber = yield* Effect.forkChild(control === "setSize" ? pool.setSize(1) : pool[control])
        yield* settle
        const again = yield* Effect.forkChild(Effect.andThen(pool.setSize(2), pool.start))
        yield* settle
        assert.isFalse(runtime.workers.some(({ name }) => name === "1.2"))
        Deferred.doneUnsafe(ended, Exit.void)
        assert.isTrue(yield* hasEnded(fiber))
        assert.isTrue(yield* hasEnded(again))
        assert.deepStrictEqual(yield* pool.map([1, 2], task, { chunkSize: 1 }), [10, 20])
        assert.strictEqual(runtime.present.length, 2)
      }
    })
  )

  it.effect(
    "F3 F1 what ended a worker that had run other tasks may be left behind: the module is excused, but not twice",
    () =>
      Effect.gen(function* () {
        const error = errors.startFailed({ id: 0, generation: 1 }, new Error("It ended the worker"))
        const { pool, runtime } = yield* setup({ size: 1 })
        const endsWorker = (mayBeLeftBehind: boolean) => (worker: FakeWorker) =>
          worker.lose({ mayBeLeftBehind, hand: { failure: error } })
        // once: the next worker runs it, however often that happens
        for (let n = 0; n < 3; n++) {
          runtime.run = (worker) => {
            runtime.run = diligent
            endsWorker(true)(worker)
          }
          assert.deepStrictEqual(yield* pool.map([1, 2], task, { chunkSize: 1 }), [10, 20])
          assert.strictEqual(runtime.workers.length, n + 2)
        }
        for (const [mayBeLeftBehind, workers] of [
          [true, 2],
          [false, 1]
        ] as const) {
          const before = (yield* pool.stats).lost
          runtime.run = endsWorker(mayBeLeftBehind)
          const exit = yield* Effect.exit(pool.map([1, 2], task, { chunkSize: 1 }))
          assert.deepStrictEqual(failures(exit), ["StartFailed"])
          assert.strictEqual((yield* pool.stats).lost - before, workers)
        }
      })
  )

  it.effect("F3 what a task's module does to its worker is StartFailed each time, and rests no slot", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const failure = errors.startFailed({ id: 0, generation: 1 }, "process.exit")
      runtime.run = (worker) => worker.lose({ hand: { failure } })
      for (let n = 0; n < 4; n++) {
        assert.deepStrictEqual(failures(yield* Effect.exit(pool.map([1], task))), ["StartFailed"])
      }
      runtime.run = diligent
      assert.deepStrictEqual(yield* pool.map([1], task), [10])
    })
  )
})
