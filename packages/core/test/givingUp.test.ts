import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import { endless, throwing } from "./hostile.ts"
import {
  driven,
  failures,
  isInterrupted,
  kinds,
  makePool,
  type Pool,
  type PoolOptions,
  reasons,
  settle
} from "./support.ts"

/** How long pools of this file wait before they give up, in milliseconds. */
const killAfter = 50

const after = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)

const sleeper = (n: number) => Effect.as(Effect.sleep(n), n)

for (const kind of kinds) {
  /** Uses a pool, and asserts that its Scope closes and that no call is left. */
  const using = <A>(options: PoolOptions, use: (pool: Pool) => Effect.Effect<A, unknown, any>) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(makePool(kind, { killAfter, ...options }), scope)
      const result = yield* use(pool) as Effect.Effect<A, unknown>
      assert.strictEqual((yield* pool.stats).calls, 0)
      yield* driven(Scope.close(scope, Exit.void))
      return result
    })

  describe(`what does not yield, ${kind}`, () => {
    for (const [what, body] of Object.entries(endless)) {
      it.effect(`C4 ${what}: the call fails with TaskTimedOut, its neighbours complete, the worker is replaced`, () =>
        using(
          {
            size: 1,
            tasksPerWorker: 2,
            keepAlive: true,
            init: (worker: WorkerContext) => Effect.succeed(worker.generation)
          },
          (pool) =>
            Effect.gen(function* () {
              const task = (n: number, worker: WorkerContext<number>) =>
                n === 0 ? body() : Effect.as(Effect.sleep(n), worker.state)
              const stuck = yield* Effect.forkChild(Effect.exit(pool.run(task as never, 0, { timeout: 100 })))
              yield* settle
              const neighbour = yield* Effect.forkChild(pool.run(task as never, 200))
              yield* settle
              yield* after(149)
              assert.isUndefined(stuck.pollUnsafe())
              yield* after(1)
              assert.deepStrictEqual(failures(yield* Fiber.join(stuck)), ["TaskTimedOut"])
              assert.isUndefined(neighbour.pollUnsafe())
              const next = yield* Effect.forkChild(pool.run(task as never, 10))
              yield* settle
              assert.strictEqual((yield* pool.stats).killed, 1)
              yield* after(50)
              assert.strictEqual(yield* Fiber.join(neighbour), 1)
              yield* after(10)
              assert.strictEqual(yield* Fiber.join(next), 2)
            })
        )
      )

      it.effect(`C4 ${what}: a map of which an item fails ends killAfter later`, () =>
        using({ size: 2 }, (pool) =>
          Effect.gen(function* () {
            const call = yield* Effect.forkChild(
              Effect.exit(pool.map([0, 1], ((n: number) => (n === 0 ? body() : Effect.fail("failed"))) as never))
            )
            yield* settle
            yield* after(killAfter - 1)
            assert.isUndefined(call.pollUnsafe())
            yield* after(1)
            assert.deepStrictEqual(failures(yield* Fiber.join(call)), ["failed"])
            assert.strictEqual((yield* pool.stats).killed, 1)
            assert.deepStrictEqual(yield* driven(pool.map([1, 2], sleeper)), [1, 2])
          })
        )
      )

      it.effect(`C5 ${what}: an interrupted caller goes on killAfter later, and exit is skipped`, () => {
        const log: Array<string> = []
        const hooks = {
          init: () => Effect.addFinalizer(() => Effect.sync(() => log.push("finalizer"))),
          exit: () => Effect.sync(() => log.push("exit"))
        }
        return using({ size: 1, keepAlive: true, ...hooks }, (pool) =>
          Effect.gen(function* () {
            const call = yield* Effect.forkChild(pool.run((() => body()) as never, 0))
            yield* settle
            const interrupted = yield* Effect.forkChild(Fiber.interrupt(call), { startImmediately: true })
            yield* after(killAfter - 1)
            assert.isUndefined(interrupted.pollUnsafe())
            yield* after(1)
            assert.isDefined(interrupted.pollUnsafe())
            assert.isTrue(isInterrupted(yield* Fiber.await(call)))
            yield* settle
            assert.deepStrictEqual(log, ["finalizer"])
            assert.strictEqual(yield* driven(pool.run(sleeper, 7)), 7)
          })
        )
      })

      it.effect(`F2 ${what}: items of the worker that have not started go to another one`, () =>
        using({ size: 1 }, (pool) =>
          Effect.gen(function* () {
            const started: Array<number> = []
            const task = (n: number) => {
              started.push(n)
              return n === 1 ? body() : n
            }
            const exits = yield* driven(pool.mapExit([0, 1, 2, 3], task as never, { chunkSize: 4, timeout: 100 }))
            assert.deepStrictEqual(exits.map(failures), [[], ["TaskTimedOut"], [], []])
            assert.deepStrictEqual(started, [0, 1, 2, 3])
            assert.strictEqual((yield* pool.stats).killed, 1)
          })
        )
      )

      if (what.includes("finalizer")) continue

      it.effect(`T3 ${what}: init fails with InitTimedOut, and the next worker starts`, () => {
        let inits = 0
        const init = () => (inits++ === 0 ? body() : inits)
        return using({ size: 1, init: init as never, initTimeout: 100 }, (pool) =>
          Effect.gen(function* () {
            const call = yield* Effect.forkChild(Effect.exit(pool.map([1], sleeper)))
            yield* settle
            yield* after(149)
            assert.isUndefined(call.pollUnsafe())
            yield* after(1)
            assert.deepStrictEqual(failures(yield* Fiber.join(call)), ["InitTimedOut"])
            assert.deepStrictEqual(yield* driven(pool.map([1], sleeper)), [1])
            assert.strictEqual((yield* pool.stats).killed, 1)
          })
        )
      })

      it.effect(`C4 ${what}: terminate ends killAfter later, among items`, () =>
        using({ size: 2 }, (pool) =>
          Effect.gen(function* () {
            const call = yield* Effect.forkChild(Effect.exit(pool.map([0, 1], (() => body()) as never)))
            yield* settle
            const terminated = yield* Effect.forkChild(pool.terminate, { startImmediately: true })
            yield* after(killAfter - 1)
            assert.isUndefined(terminated.pollUnsafe())
            yield* after(1)
            assert.isDefined(terminated.pollUnsafe())
            assert.deepStrictEqual(failures(yield* Fiber.join(call)), ["Terminated"])
            assert.deepStrictEqual(yield* driven(pool.map([1], sleeper)), [1])
          })
        )
      )

      it.effect(`C4 ${what}: terminate ends killAfter later, in init`, () => {
        let inits = 0
        const init = () => (inits++ === 0 ? body() : inits)
        return using({ size: 1, init: init as never }, (pool) =>
          Effect.gen(function* () {
            const call = yield* Effect.forkChild(Effect.exit(pool.map([0], sleeper)))
            yield* settle
            const terminated = yield* Effect.forkChild(pool.terminate, { startImmediately: true })
            yield* after(killAfter)
            assert.isDefined(terminated.pollUnsafe())
            assert.deepStrictEqual(failures(yield* Fiber.join(call)), ["Terminated"])
          })
        )
      })

      for (const place of ["exit", "finalizer"] as const) {
        it.effect(`T3 ${what}: in ${place}, the call that caused the release fails with ExitTimedOut`, () => {
          const finalizer = () => Effect.addFinalizer(() => Effect.uninterruptible(Effect.never))
          const hooks = place === "exit" ? { exit: body as never } : { init: finalizer }
          return using({ size: 1, exitTimeout: 100, ...hooks }, (pool) =>
            Effect.gen(function* () {
              const exit = yield* driven(Effect.exit(pool.map([1], sleeper)))
              assert.deepStrictEqual(failures(exit), ["ExitTimedOut"])
            })
          )
        })
      }
    }

    for (const [what, body] of Object.entries(throwing)) {
      if (what.includes("an Exit") || what.includes("finalizer")) continue

      it.effect(`F8 ${what}: in init, in exit`, () =>
        Effect.gen(function* () {
          const init = using({ size: 1, init: body as never }, (pool) => driven(Effect.exit(pool.map([1], sleeper))))
          assert.deepStrictEqual(failures(yield* init), ["InitFailed"])
          const exit = using({ size: 1, exit: body as never }, (pool) => driven(Effect.exit(pool.map([1], sleeper))))
          const [reason] = reasons(yield* exit)
          assert.strictEqual(reason?._tag, "ExitFailed")
        })
      )
    }
  })
}
