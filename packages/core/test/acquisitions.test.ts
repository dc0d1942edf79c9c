import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import {
  driven,
  failures,
  hasEnded,
  kinds,
  makePool,
  now,
  type PoolOptions,
  recordLogs,
  settle,
  timed
} from "./support.ts"

const id = (n: number) => Effect.succeed(n)

const stateOf = (_: number, worker: WorkerContext<any>) => Effect.succeed(worker.state)

/** Hooks that count, by name, how often they have begun. */
const counters = () => {
  const begun: Record<string, number> = {}
  const init =
    (name: string, step: Effect.Effect<unknown, unknown> = Effect.void) =>
    () =>
      Effect.suspend(() => {
        begun[name] = (begun[name] ?? 0) + 1
        return Effect.as(step, name)
      })
  return { begun, init }
}

describe.each(kinds)("acquisitions that others ask for, %s", (kind) => {
  const make = (options: PoolOptions<any, any>) =>
    makePool<any, any>(kind, { size: 1, keepAlive: true, killAfter: 100, ...options })

  it.effect("L10 an init that is slower than its callers' patience serves the third of them, by one init", () =>
    Effect.gen(function* () {
      const { begun, init } = counters()
      const pool = yield* make({ init: init("slow", Effect.sleep(500)) })
      const attempt = timed(Effect.timeout(pool.run(id, 1), 200))
      const attempts = yield* Effect.forkDetach(Effect.replicateEffect(attempt, 3))
      const all = yield* driven(Fiber.join(attempts))
      assert.deepStrictEqual(
        all.map(({ exit }) => Exit.isSuccess(exit)),
        [false, false, true]
      )
      assert.deepStrictEqual(
        all.map(({ took }) => took),
        [200, 200, 100]
      )
      assert.deepStrictEqual(begun, { slow: 1 })
      assert.deepInclude(yield* pool.stats, { live: 1, calls: 0, pending: 0 })
    })
  )

  it.effect("L10 a later call with the same init joins an acquisition that was given up", () =>
    Effect.gen(function* () {
      const { begun, init } = counters()
      const slow = init("slow", Effect.sleep(500))
      const pool = yield* make({ init: slow })
      yield* Effect.forkDetach(Effect.timeout(pool.map([1], id), 100))
      yield* settle
      yield* TestClock.adjust(100)
      const second = yield* Effect.forkDetach(pool.map([1], stateOf, { init: slow }))
      yield* settle
      yield* TestClock.adjust(400)
      assert.isTrue(yield* hasEnded(second))
      assert.deepStrictEqual(yield* Fiber.join(second), ["slow"])
      assert.deepStrictEqual(begun, { slow: 1 })
    })
  )

  it.effect(
    "L10 an acquisition that was given up is interrupted when another init becomes current, and by no time",
    () =>
      Effect.gen(function* () {
        const { begun, init } = counters()
        const pool = yield* make({ init: init("never", Effect.never), initTimeout: "1 day" })
        yield* Effect.forkDetach(Effect.timeout(pool.map([1], id), 100))
        yield* settle
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* pool.stats).starting, 1)
        const other = yield* Effect.forkDetach(pool.map([1], stateOf, { init: init("other") }))
        assert.isTrue(yield* hasEnded(other))
        assert.deepStrictEqual(yield* Fiber.join(other), ["other"])
        assert.deepStrictEqual(begun, { never: 1, other: 1 })
      })
  )

  it.effect("L10 an acquisition that was given up ends with the session, within killAfter", () =>
    Effect.gen(function* () {
      for (const end of ["stop", "terminate"] as const) {
        const { init } = counters()
        const pool = yield* make({ init: init("never", Effect.never), initTimeout: "1 day" })
        yield* Effect.forkDetach(Effect.timeout(pool.map([1], id), 100))
        yield* settle
        yield* TestClock.adjust(200)
        const ending = yield* Effect.forkDetach(pool[end] as Effect.Effect<void, unknown>)
        yield* settle
        yield* TestClock.adjust(100)
        assert.isTrue(yield* hasEnded(ending), end)
        assert.deepInclude(yield* pool.stats, { starting: 0, live: 0, calls: 0 })
        assert.deepStrictEqual(yield* driven(pool.map([1], stateOf, { init: init("other") })), ["other"])
      }
    })
  )

  it.effect("L10 after failures in a row those with that init fail at once with the same error, and nobody else", () =>
    Effect.gen(function* () {
      const { begun, init } = counters()
      const bad = init("bad", Effect.fail("bad"))
      const pool = yield* make({ keepAlive: false, init: init("default") })
      const failing = Effect.exit(pool.map([1], id, { init: bad }))
      for (let time = 0; time < 2; time++) assert.deepStrictEqual(failures(yield* failing), ["InitFailed"])
      assert.deepStrictEqual(begun, { bad: 2 })
      const before = yield* now
      const third = yield* failing
      assert.deepStrictEqual(failures(third), ["InitFailed"])
      assert.deepStrictEqual(begun, { bad: 2 })
      // neither a map nor a run nor start has to wait
      const others = yield* Effect.forkDetach(
        Effect.all([
          pool.map([1], stateOf),
          pool.run(stateOf, 1),
          Effect.as(pool.stop, "stopped"),
          Effect.as(pool.start, "started"),
          pool.map([1], stateOf, { init: init("other") })
        ])
      )
      assert.isTrue(yield* hasEnded(others))
      assert.deepStrictEqual<unknown>(yield* Fiber.join(others), [
        ["default"],
        "default",
        "stopped",
        "started",
        ["default"]
      ])
      assert.strictEqual(yield* now, before)
      // once the slot has waited, that init is tried again
      yield* TestClock.adjust(200)
      yield* pool.stop
      assert.deepStrictEqual(failures(yield* failing), ["InitFailed"])
      assert.strictEqual(begun["bad"], 3)
    })
  )

  it.effect(
    "L10 a call is told nothing of what another's init failed with, when another's fails at the same time",
    () =>
      Effect.gen(function* () {
        for (const size of [1, 2]) {
          const { init } = counters()
          const pool = yield* make({ size, init: init("default") })
          const failAfter = (name: string, millis: number) => init(name, Effect.delay(Effect.fail(name), millis))
          const fork = (name: string, millis: number) =>
            Effect.forkDetach(Effect.exit(pool.map([1], id, { init: failAfter(name, millis) })))
          const first = yield* fork("first", 50)
          yield* settle
          const second = yield* fork("second", 100)
          const third = yield* Effect.forkDetach(pool.map([1], stateOf, { init: init("third") }))
          const cause = (exit: Exit.Exit<unknown, unknown>) =>
            Exit.isFailure(exit) ? String((exit.cause.reasons[0] as any).error.reason.cause) : "success"
          assert.include(cause(yield* driven(Fiber.join(first))), "first")
          // unless another's worker served it first
          assert.match(cause(yield* driven(Fiber.join(second))), /second|success/)
          assert.deepStrictEqual(yield* driven(Fiber.join(third)), ["third"])
          assert.strictEqual((yield* pool.stats).calls, 0)
        }
      })
  )

  it.effect(
    "L6 L7 a worker that was being started for a call that was interrupted is no other's without a warning",
    () =>
      Effect.gen(function* () {
        for (const wait of [0, 10, 50, 99]) {
          const { init } = counters()
          const logs = recordLogs()
          const pool = yield* make({ init: init("default") })
          const first = yield* Effect.forkDetach(pool.map([1], id, { init: init("first", Effect.sleep(100)) }))
          yield* settle
          yield* TestClock.adjust(wait)
          first.interruptUnsafe()
          const second = pool.map([1], stateOf, { init: init("second") })
          const [state] = yield* driven(Effect.provide(second, logs.layer))
          assert.isTrue(state === "second" || (state === "first" && logs.lines.length > 0), `after ${wait}: ${state}`)
        }
      })
  )
})
