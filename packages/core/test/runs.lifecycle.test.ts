import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as errors from "../src/internal/common/errors.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { failures, hasEnded, kinds, Ledger, makePool, type Pool, type PoolOptions, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** A pool of remote workers, of a task that is known to be short. */
const setup = Effect.fnUntraced(function* (options: PoolOptions, measured = 20) {
  const runtime = new FakeRuntime()
  runtime.isRemote = true
  runtime.itemTime = 0.01
  runtime.run = diligent
  const pool: Pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  for (let n = 0; n < measured; n++) yield* pool.run(task, 0)
  return { pool, runtime }
})

const start = (pool: Pool, items: ReadonlyArray<number>) =>
  Effect.forEach(items, (item) => Effect.forkChild(pool.run(task, item), { startImmediately: true }))

const outcomes = (fibers: ReadonlyArray<Fiber.Fiber<any, unknown>>) =>
  Effect.map(
    Effect.forEach(fibers, (fiber) => Fiber.await(fiber)),
    (exits) => exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : failures(exit)[0]))
  )

const exitFailed = (generation: number) =>
  WorkerPoolError.make(new WorkerPoolError.ExitFailed({ worker: 0, generation, cause: "exit" }))

describe("runs and a worker's end", () => {
  it.effect(
    "L8 L10 no worker gets more than its lifespan; just those that use one up wait, and fail as the release does",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1, lifespan: 5 })
        assert.strictEqual(runtime.workers.length, 4)
        runtime.exit = ({ options }) => Effect.fail(exitFailed(options.worker.generation))
        runtime.run = () => {}
        const fibers = yield* start(pool, range(1, 13))
        const given = new Map<unknown, number>()
        for (let n = 0; n < 50 && (yield* pool.stats).calls > 0; n++) {
          yield* settle
          const worker = runtime.last
          if (worker.chunks.length === 0) continue
          given.set(worker, (given.get(worker) ?? 0) + worker.chunk.items.length)
          worker.work()
        }
        const all = yield* outcomes(fibers)
        assert.strictEqual(all.filter((one) => one === "ExitFailed").length, 2)
        assert.deepStrictEqual(all.filter((one) => one !== "ExitFailed").length, 10)
        assert.deepStrictEqual([...given.values()], [5, 5, 2])
      })
  )

  it.effect("L10 a start that fails fails those in that slot and those that wait, once, and no more", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 }, 0)
      runtime.init = ({ options }) =>
        Effect.andThen(Effect.yieldNow, Effect.fail(errors.startFailed(options.worker, "no")))
      const fibers = yield* start(pool, range(0, 5))
      assert.deepStrictEqual(yield* outcomes(fibers), Array(5).fill("StartFailed"))
      assert.strictEqual(runtime.workers.length, 1)
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, live: 0, starting: 0 })
      assert.deepStrictEqual(yield* outcomes(yield* start(pool, [7])), ["StartFailed"])
    })
  )

  it.effect("C4 F5 terminate, stop, restart, setSize and the scope's end settle all of them", () =>
    Effect.gen(function* () {
      for (const control of ["terminate", "stop", "restart", "setSize", "close"] as const) {
        const scope = yield* Scope.make()
        const { pool, runtime } = yield* Scope.provide(setup({ size: 2 }), scope)
        runtime.run = () => {}
        const fibers = yield* start(pool, range(1, 12))
        yield* settle
        for (const worker of runtime.present) worker.begin()
        const controlled = yield* Effect.forkChild(
          control === "close" ? Scope.close(scope, Exit.void) : control === "setSize" ? pool.setSize(1) : pool[control]
        )
        yield* settle
        for (let n = 0; n < 50 && runtime.present.some(({ chunks }) => chunks.length > 0); n++) {
          for (const worker of runtime.present) {
            while (worker.chunks.length > 0) {
              const started = worker.startedOf(worker.chunk)
              if (started > 0) worker.succeed(started - 1)
              else worker.work()
            }
          }
          yield* settle
        }
        assert.isTrue(yield* hasEnded(controlled), control)
        const expected =
          control === "terminate" ? "Terminated" : control === "close" ? "PoolClosed" : range(1, 12).map((n) => n * 10)
        const all = yield* outcomes(fibers)
        assert.deepStrictEqual(all, Array.isArray(expected) ? expected : Array(11).fill(expected), control)
        if (control === "close") continue
        assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, busy: 0, size: control === "setSize" ? 1 : 2 })
        runtime.run = diligent
        assert.strictEqual(yield* pool.run(task, 7), 70)
        yield* Scope.close(scope, Exit.void)
      }
    })
  )
})

describe.each(kinds)("runs of a %s", (kind) => {
  it.effect("L2 a run made by whoever heard of another's outcome finds the worker idle", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const pool = yield* makePool(kind, { size: 3, keepAlive: true, init: ledger.init(), exit: ledger.exit() })
      for (let n = 0; n < 20; n++) yield* pool.run(task, n)
      const failing = () => Effect.fail("no")
      for (let n = 0; n < 5; n++) yield* Effect.catch(pool.run(failing, n), () => pool.run(task, n))
      assert.strictEqual(ledger.entries.length, 1)
    })
  )

  it.effect("C10 no more than maxPending wait: those beyond are told at once, and the others are done", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true, maxPending: 3 })
      let isOpen = false
      const wait = (n: number) =>
        Effect.as(Effect.whileLoop({ while: () => !isOpen, body: () => Effect.yieldNow, step: () => {} }), n)
      const fibers = yield* Effect.forEach(range(0, 8), (n) =>
        Effect.forkChild(pool.run(wait, n), { startImmediately: true })
      )
      yield* settle
      assert.deepInclude(yield* pool.stats, { pending: 3, calls: 4 })
      isOpen = true
      assert.deepStrictEqual(yield* outcomes(fibers), [0, 1, 2, 3, ...Array(4).fill("Overloaded")])
    })
  )

  it.effect("C5 each sees its own caller's References, not its neighbours'", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true })
      const named = () => Effect.map(References.CurrentLogAnnotations, ({ name }) => name ?? "nobody")
      const names = yield* Effect.forEach(
        ["first", "second", undefined, "third"],
        (name) => {
          const run = pool.run(named as any, 0)
          return name === undefined ? run : Effect.annotateLogs(run, { name })
        },
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(names, ["first", "second", "nobody", "third"])
    })
  )
})
