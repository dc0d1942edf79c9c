/** T3: tests with TestClock whose tasks are in modules of their own, on fibers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { vi } from "vitest"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"

vi.mock("./utils/rate.ts", () => ({ rate: 100 }))

const url = new URL("./utils/sleeping.tasks.ts", import.meta.url)

const tasks = Portable.module<typeof import("./utils/sleeping.tasks.ts")>(url)

const load = vi.fn<(url: string) => Promise<unknown>>((url) => import(/* @vite-ignore */ url))

/** Runs a call while the Clock is moved on, at once. */
const adjusted = <A, E, R>(call: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(call, { startImmediately: true })
    yield* TestClock.adjust(1000)
    return fiber
  })

/** What is logged first while a task is run, the Clock is moved, and `then` has been called; the task is interrupted then. */
const warningOf = (task: Portable.Portable<(n: number) => number>, then: () => void = () => {}) =>
  Effect.gen(function* () {
    let resume: (message: string) => void
    const logged = new Promise<string>((resolve) => {
      resume = resolve
    })
    const logger = Logger.make(({ message }) => resume(String(message)))
    return yield* Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      const fiber = yield* adjusted(pool.run(task, 1000))
      then()
      const message = yield* Effect.promise(() => logged)
      yield* Fiber.interrupt(fiber)
      return message
    }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()), Effect.provide(Logger.layer([logger])))
  })

interface Numbers {
  readonly task: (n: number) => number
}

describe("TestClock and modules of tasks", () => {
  it.effect.each([
    { name: "references", modules: [tasks] },
    { name: "a URL", modules: [url] },
    { name: "text", modules: [url.href] }
  ])("T3 tasks of a module that is loaded with the runtime begin at once: $name", ({ modules }) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const fiber = yield* adjusted(pool.map([1000, 500], tasks.sleepy))
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1000, 500])
      const timedOut = yield* adjusted(Effect.exit(pool.run(tasks.sleepy, 5000, { timeout: 1000 })))
      assert.strictEqual((yield* Fiber.join(timedOut))._tag, "Failure")
    }).pipe(Effect.provide(WorkerRuntime.layerFibers({ modules })))
  )

  it.effect("T3 a module that is not, while the Clock is moved, is named in a warning", () =>
    Effect.gen(function* () {
      // loaded when the test says so, and not before the Clock has been moved
      const gate = "effectMpireTestClock"
      let open = () => {}
      ;(globalThis as Record<string, unknown>)[gate] = new Promise<void>((resolve) => {
        open = resolve
      })
      const gated = `data:text/javascript,await globalThis.${gate}; export const task = (n) => n`
      const message = yield* warningOf(Portable.module<Numbers>(gated).task, open)
      assert.include(message, `The Clock was set before ${gated}`)
      assert.include(message, "layerFibers({ modules: [tasks] })")
    })
  )

  it.effect("T3 one that is never loaded is named after a second", () =>
    Effect.gen(function* () {
      const endless = "data:text/javascript,await new Promise(() => {})"
      const message = yield* warningOf(Portable.module<Numbers>(endless).task)
      assert.include(message, `The Clock does not wait for ${endless}`)
    })
  )

  it.live("T3 a program in real time is told nothing", () =>
    Effect.gen(function* () {
      const slow = "data:text/javascript,await new Promise((go) => setTimeout(go, 1100)); export const task = (n) => n"
      const { task } = Portable.module<Numbers>(slow)
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        assert.deepStrictEqual(yield* pool.map([1, 2], task), [1, 2])
      }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()), Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(logged, [])
    })
  )

  it.effect("T3 a test's own import loads them, with what it mocks", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      assert.deepStrictEqual(yield* pool.map([1, 2], tasks.rated), [100, 200])
      assert.deepStrictEqual(load.mock.calls, [[url.href]])
    }).pipe(Effect.provide(WorkerRuntime.layerFibers({ modules: [tasks], load })))
  )

  it.effect("F3 what cannot be loaded with the runtime fails the calls that need it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { task } = Portable.module<Numbers>("file:///nowhere/tasks.ts")
      const error = yield* Effect.flip(pool.run(task, 1))
      assert.strictEqual(error.reason._tag, "StartFailed")
      assert.include(error.message, "could not load file:///nowhere/tasks.ts: There is no such file")
      assert.deepStrictEqual(yield* pool.map([1], tasks.rated), [100])
    }).pipe(Effect.provide(WorkerRuntime.layerFibers({ modules: ["file:///nowhere/tasks.ts", tasks] })))
  )
})
