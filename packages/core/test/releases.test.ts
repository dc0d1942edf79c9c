import { assert, describe, it } from "@effect/vitest"
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
  isInterrupted,
  kinds,
  Ledger,
  makePool,
  type PoolOptions,
  reasons,
  recordLogs,
  releaseFailed,
  settle
} from "./support.ts"

const id = (n: number) => Effect.succeed(n)
const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

describe.each(kinds)("a release that fails, %s", (kind) => {
  /** A pool whose exit hooks take 10 ms for each slot, and fail in those of the given slots. */
  const failing = (options: PoolOptions<any, any>, ...slots: ReadonlyArray<number>) => {
    const ledger = new Ledger()
    const exit = ledger.exit((worker) =>
      Effect.andThen(
        Effect.sleep(10 * (worker.id + 1)),
        slots.includes(worker.id) ? Effect.fail(`exit ${worker.id}`) : Effect.void
      )
    )
    return Effect.map(makePool<any, any>(kind, { init: ledger.init(), exit, ...options }), (pool) => ({ pool, ledger }))
  }

  const causes = (exit: Exit.Exit<unknown, unknown>) =>
    reasons(exit).map((reason) => (reason._tag === "ExitFailed" ? reason.cause : reason._tag))

  it.effect("L10 fails the call that ended the session, after all releases", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* failing({ size: 3 }, 0, 1)
      const fiber = yield* Effect.forkChild(Effect.exit(pool.map([5, 5, 5], sleep)))
      yield* settle
      yield* TestClock.adjust(34)
      assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      const exit = yield* Fiber.join(fiber)
      assert.deepStrictEqual(causes(exit).toSorted(), ["exit 0", "exit 1"])
      const [reason] = reasons(exit)
      assert(reason?._tag === "ExitFailed")
      assert.deepInclude(reason, { worker: Number(String(reason.cause).slice(5)), generation: 1 })
      ledger.assertReleased()
      assert.deepStrictEqual(yield* pool.exitResults, ["2.1"])
      // the pool stays usable
      assert.deepStrictEqual(causes(yield* driven(Effect.exit(pool.map([5, 5, 5], sleep)))).length, 2)
    })
  )

  it.effect("L10 is carried in the Cause of a call that failed anyway", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* failing({ size: 2 }, 0)
      const task = (n: number) => (n === 1 ? Effect.fail("task") : Effect.sleep(100))
      const exit = yield* driven(Effect.exit(pool.map([0, 1], task, { chunkSize: 1 })))
      assert.deepStrictEqual(failures(exit), ["task", "ExitFailed"])
      ledger.assertReleased()
      const streamed = yield* driven(Effect.exit(Stream.runDrain(pool.stream([0, 1], task, { chunkSize: 1 }))))
      assert.deepStrictEqual(failures(streamed), ["task", "ExitFailed"])
    })
  )

  it.effect("L10 fails a stream at its end, once its results were delivered", () =>
    Effect.gen(function* () {
      const { pool } = yield* failing({ size: 1 }, 0)
      const seen: Array<number> = []
      const exit = yield* driven(
        Effect.exit(Stream.runForEach(pool.stream([1, 2, 3], id), (n) => Effect.sync(() => seen.push(n))))
      )
      assert.deepStrictEqual(failures(exit), ["ExitFailed"])
      assert.deepStrictEqual(seen, [1, 2, 3])
    })
  )

  it.effect("L10 L8 fails the call, a run too, whose items used the lifespan up, and no other", () =>
    Effect.gen(function* () {
      const { pool } = yield* failing({ size: 1, keepAlive: true, lifespan: 2 }, 0)
      const exits = yield* driven(Effect.forEach([0, 1, 2, 3], (n) => Effect.exit(pool.run(id, n))))
      assert.deepStrictEqual(exits.map(causes), [[], ["exit 0"], [], ["exit 0"]])
      const [map, run] = yield* driven(
        Effect.all([Effect.exit(pool.map([1, 2, 3], id, { chunkSize: 1 })), Effect.exit(pool.run(id, 1))])
      )
      assert.deepStrictEqual([causes(map), causes(run)], [["exit 0"], ["exit 0"]])
    })
  )

  it.effect("L10 L8 fails the call whose start caused it, once its items are done", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* failing({ size: 1, keepAlive: true }, 0)
      yield* pool.map([1, 2], id)
      const exit = yield* driven(Effect.exit(pool.map([1, 2], ledger.task(id), { lifespan: 2, chunkSize: 1 })))
      // by its start, and by the lifespan that it used up
      assert.deepStrictEqual(causes(exit), ["exit 0", "exit 0"])
      assert.strictEqual(ledger.entries[1]?.items, 2)
    })
  )

  it.effect("L10 fails the stop, restart or setSize that caused it", () =>
    Effect.gen(function* () {
      const { ledger, pool } = yield* failing({ size: 3, keepAlive: true }, 1, 2)
      for (const control of ["stop", "restart", "setSize"] as const) {
        yield* pool.start
        const exit = yield* Effect.exit(control === "setSize" ? pool.setSize(1) : pool[control])
        assert.deepStrictEqual(causes(exit).toSorted(), ["exit 1", "exit 2"])
        assert.deepStrictEqual([...ledger.present.keys()], control === "setSize" ? [0] : [])
      }
    }).pipe(Effect.scoped, driven)
  )

  it.effect("L10 is logged where nobody waits for it: after interruption, an early end, idle time, scope close", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      const logged = () => logs.lines.splice(0)
      yield* driven(
        Effect.gen(function* () {
          const { pool } = yield* failing({ size: 1 }, 0)
          const fiber = yield* Effect.forkChild(pool.map([1000], sleep))
          yield* Effect.sleep(1)
          yield* Fiber.interrupt(fiber)
          assert.isTrue(isInterrupted(yield* Fiber.await(fiber)))
          assert.deepStrictEqual(logged(), [releaseFailed], "an interrupted call")

          assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(pool.stream([1, 2, 3], id), 1)), [1])
          assert.deepStrictEqual(logged(), [releaseFailed], "a stream that ended early")

          const idle = yield* failing({ size: 2, keepAlive: 50 }, 0, 1)
          yield* idle.pool.map([1, 1], sleep)
          yield* Effect.sleep(100)
          assert.deepStrictEqual(logged(), [releaseFailed, releaseFailed], "idle time")

          const scope = yield* Scope.make()
          const closed = yield* Scope.provide(failing({ size: 2, keepAlive: true }, 1), scope)
          yield* closed.pool.start
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(logged(), [releaseFailed], "the scope")

          const restarted = yield* failing({ size: 1, keepAlive: true }, 0)
          yield* restarted.pool.start
          const restart = yield* Effect.forkChild(restarted.pool.restart)
          yield* Effect.sleep(5)
          yield* Fiber.interrupt(restart)
          yield* Effect.sleep(50)
          assert.deepStrictEqual(logged(), [releaseFailed], "an interrupted restart")
        }).pipe(Effect.scoped, Effect.provide(logs.layer))
      )
      assert.deepStrictEqual(logged(), [])
    })
  )

  it.effect("L10 is logged when the consumer of a stream is interrupted while its workers are released", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      yield* driven(
        Effect.gen(function* () {
          const { pool } = yield* failing({ size: 1 }, 0)
          const fiber = yield* Effect.forkChild(Stream.runDrain(pool.stream([1], id)))
          yield* Effect.sleep(5)
          assert.strictEqual((yield* pool.stats).live, 0)
          yield* Fiber.interrupt(fiber)
          assert.isTrue(isInterrupted(yield* Fiber.await(fiber)))
        }).pipe(Effect.scoped, Effect.provide(logs.layer))
      )
      assert.deepStrictEqual(logs.lines, [releaseFailed])
    })
  )

  it.effect(
    "L3 L10 finalizers run, last first, when exit or another finalizer fails, and what they fail with is told",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const finalizer = (name: string, then: Effect.Effect<void> = Effect.void) =>
          Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.sync(() => log.push(name)),
              then
            )
          )
        const init = (then: Effect.Effect<void>) =>
          Effect.gen(function* () {
            yield* finalizer("first")
            yield* finalizer("second", then)
            yield* finalizer("third")
          })
        const exit = (then: Effect.Effect<void, string>) =>
          Effect.andThen(
            Effect.sync(() => log.push("exit")),
            then
          )
        const order = ["exit", "third", "second", "first"]
        for (const [init_, exit_, expected] of [
          [init(Effect.void), exit(Effect.void), []],
          [init(Effect.void), exit(Effect.fail("exit")), ["ExitFailed"]],
          [init(Effect.void), exit(Effect.die("exit")), ["ExitFailed"]],
          [init(Effect.die("finalizer")), exit(Effect.void), ["ExitFailed"]],
          [init(Effect.die("finalizer")), exit(Effect.fail("exit")), ["ExitFailed"]]
        ] as const) {
          const pool = yield* makePool<any, any>(kind, { size: 1, init: init_, exit: exit_ })
          assert.deepStrictEqual(failures(yield* Effect.exit(pool.map([1], id))), expected)
          assert.deepStrictEqual(log.splice(0), order)
        }
      })
  )

  it.effect("L3 exit runs after a failing task, a defect, an interruption and a timeout", () =>
    Effect.gen(function* () {
      const ends: ReadonlyArray<(n: number, worker: WorkerContext<any>) => Effect.Effect<unknown, unknown>> = [
        () => Effect.fail("no"),
        () => Effect.die("no"),
        () => Effect.interrupt,
        () => Effect.never
      ]
      for (const task of ends) {
        const ledger = new Ledger()
        const pool = yield* makePool(kind, { size: 2, timeout: 1000, init: ledger.init(), exit: ledger.exit() })
        assert.isTrue(Exit.isFailure(yield* driven(Effect.exit(pool.map([1, 2], ledger.task(task))))))
        ledger.assertReleased()
        const fiber = yield* Effect.forkChild(
          pool.map(
            [1, 2],
            ledger.task(() => Effect.never)
          )
        )
        yield* settle
        yield* Fiber.interrupt(fiber)
        ledger.assertReleased()
        assert.strictEqual(ledger.entries.length, 4)
      }
    })
  )
})
