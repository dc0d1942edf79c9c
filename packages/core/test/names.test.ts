/** F7: what errors call tasks and pools. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"

const messageOf = (exit: Exit.Exit<unknown, unknown>): string => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  assert(WorkerPoolError.isWorkerPoolError(error))
  return error.message
}

const never = () => Effect.never

function namedTask() {
  return Effect.never
}

const bound = Portable.make("https://example.com/a.ts", "a", (_: number, _item: number) => Effect.never)

const tasks: ReadonlyArray<readonly [of: string, task: any, name: string]> = [
  ["a function", namedTask, " of namedTask"],
  ["a function that a variable names", never, " of never"],
  [
    "a function without a name",
    (
      () => () =>
        Effect.never
    )(),
    ""
  ],
  ["a function whose name is no text", Object.defineProperty(() => Effect.never, "name", { value: 7 }), ""],
  [
    "a Proxy that throws when it is asked",
    new Proxy(never, {
      get: (f, key) => {
        if (key === "name") throw new Error("get")
        return Reflect.get(f, key)
      }
    }),
    ""
  ]
]

const portables: ReadonlyArray<readonly [of: string, task: any, name: string]> = [
  ["Portable.make", Portable.make("https://example.com/b.ts", "b", never), " of https://example.com/b.ts#b"],
  ["Portable.bind", Portable.bind(bound, 1), " of https://example.com/a.ts#a"],
  [
    "Portable.inline of a function",
    Portable.inline(async function later() {
      await new Promise(() => {})
    }),
    " of later"
  ],
  ["Portable.inline of an arrow function", Portable.inline(() => new Promise(() => {})), ""]
]

const timedOut = (pool: { readonly map: any }, task: unknown) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      pool.map([1], task, { timeout: "1 second" }) as Effect.Effect<unknown, unknown>
    )
    yield* TestClock.adjust("10 seconds")
    return messageOf(yield* Fiber.await(fiber))
  })

describe("errors name", () => {
  it.effect.each(tasks)("F7 the task of a FiberPool: %s", ([, task, name]) =>
    Effect.gen(function* () {
      const message = yield* timedOut(yield* FiberPool.make({ size: 1, name: "fibers" }), task)
      assert.strictEqual(message, `Item 0${name} timed out in worker 0 (generation 1) of fibers`)
    })
  )

  it.effect.each(portables)("F7 the task of a WorkerPool: %s", ([, task, name]) =>
    Effect.gen(function* () {
      const message = yield* timedOut(yield* WorkerPool.make({ size: 1, name: "images" }), task)
      assert.strictEqual(message, `Item 0${name} timed out in worker 0 (generation 1) of images`)
    }).pipe(Effect.provide(WorkerRuntime.layerFibers()))
  )

  it.effect("F7 the pool, by its own name or that of its service", () => {
    class Images extends WorkerPool.Service<Images>()("app/Images", { size: 1, maxPending: 1 }) {}
    const later = Portable.inline(() => new Promise(() => {}))
    const overload = Effect.gen(function* () {
      const pool = yield* Images
      const fiber = yield* Effect.forkChild(pool.run(later, 1))
      yield* Effect.forkChild(pool.run(later, 2))
      yield* Effect.yieldNow
      const overloaded = messageOf(yield* Effect.exit(pool.run(later, 3)))
      yield* pool.terminate
      return [overloaded, messageOf(yield* Fiber.await(fiber))]
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.provide(overload, Images.layer), [
        "More than 1 runs are waiting for the pool app/Images (maxPending)",
        "The pool app/Images was terminated while the call ran"
      ])
      assert.deepStrictEqual(yield* Effect.provide(overload, Images.layerWith({ name: "mine" })), [
        "More than 1 runs are waiting for the pool mine (maxPending)",
        "The pool mine was terminated while the call ran"
      ])
      const closed = yield* Effect.scoped(WorkerPool.make({ name: "mine" }))
      assert.strictEqual(messageOf(yield* Effect.exit(closed.start)), "The scope of the pool mine has closed")
      const invalid = yield* Effect.exit(Layer.launch(Images.layerWith({ name: "" })))
      assert.strictEqual(messageOf(invalid), 'name must be a text that is not empty, got ""')
    }).pipe(Effect.provide(WorkerRuntime.layerFibers()))
  })
})
