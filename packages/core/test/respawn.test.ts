import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as errors from "../src/internal/common/errors.ts"
import { byClock } from "../src/internal/pool/later.ts"
import { Turn } from "../src/internal/common/turn.ts"
import type { Fork } from "../src/internal/common/fork.ts"
import { Backoff } from "../src/internal/slot/backoff.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { failures, hasEnded, makePool, type PoolOptions, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const broken = (what: string) => Effect.fail(errors.startFailed({ id: 0, generation: 1 }, what))

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  return { pool, runtime }
})

/** Fails to start, and says how often that was tried. */
const never = (runtime: FakeRuntime) => {
  runtime.start = () => broken(`attempt ${runtime.workers.length}`)
  runtime.run = diligent
}

/** What the causes of an Exit's StartFailed say. */
const attempts = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<unknown> =>
  Exit.isSuccess(exit)
    ? [exit.value]
    : exit.cause.reasons.map((reason) => reason._tag === "Fail" && (reason.error as any).reason.cause)

describe("after consecutive failures to acquire a worker", () => {
  it.effect("L10 the first costs nothing; then a slot waits 100 ms, doubling to 5 s, and calls fail at once", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      never(runtime)
      assert.deepStrictEqual(attempts(yield* Effect.exit(pool.map([1], task))), ["attempt 1"])
      for (const [n, rest] of [100, 200, 400, 800, 1600, 3200, 5000, 5000].entries()) {
        const attempt = `attempt ${n + 2}`
        assert.deepStrictEqual(attempts(yield* Effect.exit(pool.map([1], task))), [attempt])
        yield* TestClock.adjust(rest - 1)
        const calls = [
          pool.map([1], task),
          pool.map([1, 2], task, { dispatch: "ordered" }),
          pool.run(task, 1),
          pool.start,
          Stream.runDrain(pool.stream([1], task)),
          Stream.runDrain(pool.stream(Stream.make(1), task))
        ]
        for (const call of calls) assert.deepStrictEqual(attempts(yield* Effect.exit(call)), [attempt])
        assert.strictEqual(runtime.workers.length, n + 2)
        yield* TestClock.adjust(1)
      }
      // a success, and it begins anew
      runtime.start = () => Effect.void
      assert.deepStrictEqual(yield* pool.map([1], task), [10])
      runtime.last.lose()
      yield* settle
      never(runtime)
      assert.deepStrictEqual(attempts(yield* Effect.exit(pool.run(task, 1))), ["attempt 11"])
      assert.deepStrictEqual(attempts(yield* Effect.exit(pool.run(task, 1))), ["attempt 12"])
    })
  )

  it.effect("L10 the same when init fails", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      runtime.init = () => broken(`attempt ${runtime.workers.length}`)
      for (const attempt of [1, 2, 2, 2]) {
        assert.deepStrictEqual(attempts(yield* Effect.exit(pool.map([1], task))), [`attempt ${attempt}`])
      }
      assert.deepStrictEqual(
        runtime.log.filter((line) => line.endsWith("stop")),
        ["0.1 stop", "0.2 stop"]
      )
    })
  )

  it.effect("L10 a call that waits already fails when the last slot begins to rest", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 1 })
      runtime.run = diligent
      runtime.start = () => Effect.andThen(Effect.sleep(10), broken(`attempt ${runtime.workers.length}`))
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkChild(pool.run(task, 1)))
      yield* settle
      yield* TestClock.adjust(10)
      for (const fiber of fibers) assert.isTrue(yield* hasEnded(fiber))
      assert.isAtMost(runtime.workers.length, 4)
    })
  )

  it.effect("L10 slots with live workers go on, and the slot that rests is used again later", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 1 })
      runtime.start = ({ options }) => (options.worker.id === 1 ? broken("slot 1") : Effect.void)
      yield* Effect.exit(pool.start)
      yield* Effect.exit(pool.start)
      runtime.run = (worker) => queueMicrotask(() => worker.work())
      assert.deepStrictEqual(yield* pool.map([1, 2, 3, 4], task), [10, 20, 30, 40])
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.start)), ["StartFailed"])
      assert.strictEqual(runtime.workers.length, 3)
      runtime.start = () => Effect.void
      yield* TestClock.adjust(100)
      yield* pool.start
      assert.strictEqual((yield* pool.stats).live, 2)
    })
  )

  it.effect("L10 a call that takes the slots in turn needs the one that rests, and fails at once", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 1 })
      runtime.start = ({ options }) => (options.worker.id === 1 ? broken("slot 1") : Effect.void)
      runtime.run = diligent
      yield* Effect.exit(pool.start)
      yield* Effect.exit(pool.start)
      const ordered = yield* Effect.forkChild(pool.map([1, 2, 3], task, { dispatch: "ordered" }))
      assert.isTrue(yield* hasEnded(ordered))
      assert.deepStrictEqual(attempts(yield* Fiber.await(ordered)), ["slot 1"])
      // it needs only the first
      assert.deepStrictEqual(yield* pool.map([1], task, { dispatch: "ordered" }), [10])
    })
  )

  it.effect("L10 nothing is started over and over while calls come all the time", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2 })
      never(runtime)
      const calls = Effect.forever(Effect.andThen(Effect.exit(pool.map([1, 2, 3], task)), Effect.sleep(997)))
      yield* Effect.forkChild(calls)
      yield* settle
      yield* TestClock.adjust("1 hour")
      // every five seconds, and per slot
      assert.isAtMost(runtime.workers.length, 2 * (60 * 12 + 8))
      assert.isAtLeast(runtime.workers.length, 100)
    })
  )

  it.effect("L10 nobody calls: nothing is started", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 3 })
      never(runtime)
      yield* Effect.exit(pool.start)
      yield* Effect.exit(pool.start)
      const { length } = runtime.workers
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(runtime.workers.length, length)
    })
  )

  it.effect("L10 F5 a closed pool leaves no timer behind, and starts nothing", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { pool, runtime } = yield* Scope.provide(setup({ size: 2 }), scope)
      never(runtime)
      yield* Effect.exit(pool.start)
      yield* Effect.exit(pool.start)
      yield* pool.setSize(1)
      yield* Scope.close(scope, Exit.void)
      const { length } = runtime.workers
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(task, 1))), ["PoolClosed"])
      yield* TestClock.adjust("1 day")
      assert.strictEqual(runtime.workers.length, length)
    })
  )

  it.effect("L10 F5 back-off keeps no more than one timer, and none once it is stopped", () =>
    Effect.gen(function* () {
      const fibers: Array<Fiber.Fiber<void>> = []
      const context = yield* Effect.context<never>()
      let overs = 0
      const fork: Fork = (effect) => {
        const fiber = Effect.runForkWith(context)(effect)
        fibers.push(fiber)
        return fiber
      }
      const backoff = new Backoff(byClock(fork, new Turn()), () => overs++)
      const error = errors.startFailed({ id: 0, generation: 1 }, "broken")
      for (let n = 0; n < 5; n++) backoff.failed(error)
      yield* settle
      assert.strictEqual(fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length, 1)
      backoff.dispose()
      yield* settle
      assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() !== undefined))
      yield* TestClock.adjust("1 day")
      assert.strictEqual(overs, 0)
    })
  )

  it.effect("L10 terminating a worker that is starting is no failure to start", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      runtime.run = diligent
      runtime.init = () => Effect.never
      for (let n = 0; n < 3; n++) {
        const fiber = yield* Effect.forkChild(pool.map([1], task))
        yield* settle
        yield* pool.terminate
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["Terminated"])
      }
      runtime.init = () => Effect.void
      assert.deepStrictEqual(yield* pool.map([1], task), [10])
      assert.deepStrictEqual(runtime.breaches, [])
      assert.strictEqual((yield* pool.stats).killed, 3)
    })
  )
})
