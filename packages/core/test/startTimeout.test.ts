import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { failures, hasEnded, reasons, settle } from "./support.ts"

/** A module that is never loaded. */
const stuck = Portable.module<{ readonly f: (n: number) => number; readonly init: () => undefined }>(
  new URL(
    "data:text/javascript,await new Promise(() => {}); export const f = (n) => n; export const init = () => undefined"
  )
)

const ready = Portable.make("test:startTimeout", "ready", (n: number) => n)

const make = (options: WorkerPool.PoolOptions) =>
  Effect.provide(WorkerPool.make({ size: 1, keepAlive: true, ...options }), WorkerRuntime.layerFibers())

describe("startTimeout", () => {
  it.effect("T4 T3 a task's module that is never loaded is StartFailed, by the Clock; the worker lives on", () =>
    Effect.gen(function* () {
      const pool = yield* make({ startTimeout: "10 seconds" })
      const fiber = yield* Effect.forkChild(pool.map([1, 2], stuck.f))
      yield* settle
      yield* TestClock.adjust(9999)
      assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      const exit = yield* Fiber.await(fiber)
      assert.deepStrictEqual(failures(exit), ["StartFailed"])
      assert.deepInclude(reasons(exit)[0], { worker: 0, generation: 1 })
      assert.include(String((reasons(exit)[0] as { cause: unknown }).cause), "10000 milliseconds")
      assert.deepStrictEqual(yield* pool.map([1, 2], ready), [1, 2])
      assert.deepInclude(yield* pool.stats, { live: 1, killed: 0 })
      // the same again
      const again = yield* Effect.forkChild(pool.run(stuck.f, 1))
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(failures(yield* Fiber.await(again)), ["StartFailed"])
    })
  )

  it.live("T4 what this thread computes for meanwhile, as an item may, is none of the module's time", () =>
    Effect.gen(function* () {
      const slow = Portable.module<{ readonly f: (n: number) => number }>(
        new URL(
          "data:text/javascript,await new Promise((resolve) => setTimeout(resolve, 20)); export const f = (n) => 10 * n"
        )
      )
      const pool = yield* make({ startTimeout: 500 })
      const fiber = yield* Effect.forkChild(pool.map([1, 2], slow.f), { startImmediately: true })
      yield* Effect.sync(() => {
        for (const end = performance.now() + 1000; performance.now() < end;);
      })
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
    })
  )

  it.effect("T4 so is that of a hook, after 30 seconds by default", () =>
    Effect.gen(function* () {
      const pool = yield* make({ init: stuck.init } as WorkerPool.PoolOptions)
      const fiber = yield* Effect.forkChild(pool.map([1], ready))
      yield* settle
      yield* TestClock.adjust(29_999)
      assert.isFalse(yield* hasEnded(fiber))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["StartFailed"])
    })
  )

  it.effect("T4 F5 a call that gives up meanwhile, or a scope that closes, does not wait for it", () =>
    Effect.gen(function* () {
      const inInit = { init: stuck.init } as WorkerPool.PoolOptions
      for (const [options, task, other] of [[{}, stuck.f, ready] as const, [inInit, ready, undefined] as const]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const pool = yield* make({ ...options, startTimeout: Number.POSITIVE_INFINITY })
            const first = yield* Effect.forkChild(pool.map([1], task))
            yield* settle
            yield* TestClock.adjust("1 day")
            yield* Fiber.interrupt(first)
            if (other !== undefined) assert.deepStrictEqual(yield* pool.map([1], other), [1])
            yield* Effect.forkChild(pool.map([1], task))
            yield* settle
          })
        )
      }
    })
  )
})
