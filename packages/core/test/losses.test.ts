import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { WorkerLost } from "../src/WorkerPoolError.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { driven, failures, makePool, type PoolOptions, reasons, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  return { pool, runtime }
})

/** What each item came to: its result, or the tags of what it failed with. */
const outcomes = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>): ReadonlyArray<unknown> =>
  exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : failures(exit)[0]))

const lostIndices = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<number> =>
  reasons(exit).flatMap((reason) => [...(reason as WorkerLost).indices])

describe("a worker that is lost", () => {
  it.effect("F2 takes with it what had started; what had not is done by the next", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 5 })
      const fiber = yield* Effect.forkChild(pool.mapExit([0, 1, 2, 3, 4], task))
      yield* settle
      runtime.last.work(1)
      runtime.last.begin()
      runtime.last.begin()
      runtime.run = diligent
      runtime.last.lose()
      const exits = yield* Fiber.join(fiber)
      assert.deepStrictEqual(outcomes(exits), [0, "WorkerLost", "WorkerLost", 30, 40])
      assert.deepStrictEqual(lostIndices(exits[1]!), [1, 2])
      assert.deepInclude(reasons(exits[1]!)[0], { worker: 0, generation: 1, exitCode: 9 })
      assert.deepInclude(yield* pool.stats, { lost: 1, killed: 0, live: 1 })
    })
  )

  it.effect("F1 fails a call that fails fast, with the items that were in hand", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 3 })
      const fiber = yield* Effect.forkChild(pool.map([0, 1, 2, 3, 4, 5], task))
      yield* settle
      runtime.last.work(1)
      runtime.last.begin()
      runtime.last.lose()
      const exit = yield* Fiber.await(fiber)
      assert.deepStrictEqual(failures(exit), ["WorkerLost"])
      assert.deepStrictEqual(lostIndices(exit), [4])
      assert.deepStrictEqual((yield* pool.stats).idle, 1)
    })
  )

  it.effect("F2 retries find the poison item; its neighbours complete", () =>
    Effect.gen(function* () {
      for (const tasksPerWorker of [1, 3]) {
        const { pool, runtime } = yield* setup({ size: 2, chunkSize: 4, tasksPerWorker })
        const sent: Array<ReadonlyArray<number>> = []
        runtime.run = (worker, chunk) => {
          sent.push(chunk.items as ReadonlyArray<number>)
          const poison = chunk.items.indexOf(2)
          queueMicrotask(() => {
            if (poison < 0) return worker.chunks.includes(chunk) && worker.work()
            worker.work(poison)
            worker.begin(chunk)
            worker.lose()
          })
        }
        const exits = yield* pool.mapExit([0, 1, 2, 3, 4, 5], task, { onWorkerLost: { retries: 2 } })
        assert.deepStrictEqual(outcomes(exits), [0, 10, "WorkerLost", 30, 40, 50])
        assert.deepStrictEqual(
          sent.filter((items) => items.includes(2)),
          [[0, 1, 2, 3], [2], [2]]
        )
        assert.deepInclude(yield* pool.stats, { lost: 3 })
      }
    })
  )

  it.effect("F2 what is sent alone has its worker to itself", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 1, tasksPerWorker: 3 })
      const fiber = yield* Effect.forkChild(pool.map([0, 1, 2, 3, 4], task, { onWorkerLost: { retries: 1 } }))
      yield* settle
      for (const chunk of runtime.last.chunks) runtime.last.begin(chunk)
      runtime.last.lose()
      yield* settle
      const runs = yield* Effect.forkChild(Effect.forEach([8, 9], (n) => pool.run(task, n), { concurrency: 2 }))
      const together: Array<ReadonlyArray<unknown>> = []
      for (yield* settle; runtime.last.chunks.length > 0; yield* settle) {
        together.push(runtime.last.chunks.map(({ items }) => items[0]))
        runtime.last.work()
      }
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 10, 20, 30, 40])
      assert.deepStrictEqual(yield* Fiber.join(runs), [80, 90])
      const alone = (item: unknown) => [0, 1, 2].includes(item as number)
      assert.strictEqual(together.filter((items) => items.some(alone)).length, 3)
      for (const items of together) if (items.some(alone)) assert.strictEqual(items.length, 1)
      assert.isTrue(together.some((items) => items.length > 1))
    })
  )

  it.effect("F2 run follows its own onWorkerLost, or else the pool's", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, onWorkerLost: { retries: 1 } })
      let losses = 2
      runtime.run = (worker) => {
        worker.begin()
        if (losses-- > 0) worker.lose()
        else worker.succeed(0)
      }
      const first = yield* Effect.exit(pool.run(task, 1))
      assert.deepStrictEqual(failures(first), ["WorkerLost"])
      assert.deepStrictEqual(lostIndices(first), [0])
      losses = 2
      assert.strictEqual(yield* pool.run(task, 1, { onWorkerLost: { retries: 2 } }), 10)
      losses = 1
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(task, 1, { onWorkerLost: "fail" }))), ["WorkerLost"])
    })
  )

  it.effect("S2 inputs that have moved are not sent again", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 3, onWorkerLost: { retries: 5 } })
      const fiber = yield* Effect.forkChild(pool.mapExit([0, 1, 2, 3], task))
      yield* settle
      runtime.run = diligent
      runtime.last.begin()
      runtime.last.lose({ hand: { moved: true } })
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), ["WorkerLost", "WorkerLost", "WorkerLost", 30])
    })
  )

  it.effect("T2 items that were out of time are TaskTimedOut, the others follow onWorkerLost", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 4, tasksPerWorker: 2 })
      const fiber = yield* Effect.forkChild(pool.mapExit([0, 1, 2, 3], task, { timeout: 10 }))
      yield* settle
      runtime.run = diligent
      runtime.last.begin()
      runtime.last.begin()
      runtime.last.lose({ killed: true, hand: { timedOut: [0] } })
      assert.deepStrictEqual(outcomes(yield* Fiber.join(fiber)), ["TaskTimedOut", "WorkerLost", 20, 30])
    })
  )

  it.effect("F2 no outcome of a lost chunk goes missing, however eagerly a stream's consumer comes back", () =>
    Effect.gen(function* () {
      for (const timedOut of [[], [0]]) {
        const { pool, runtime } = yield* setup({ size: 1, chunkSize: 4, tasksPerWorker: 4 })
        const stream = pool.streamUnorderedExit([0, 1, 2, 3], task, { maxActive: 4 })
        const fiber = yield* Effect.forkChild(Stream.runCollect(stream))
        yield* settle
        for (let n = 0; n < 3; n++) runtime.last.begin()
        runtime.run = diligent
        runtime.last.lose({ hand: { timedOut } })
        const indices = (yield* driven(Fiber.join(fiber))).map(({ index }) => index)
        assert.deepStrictEqual(indices.sort(), [0, 1, 2, 3])
      }
    })
  )

  it.effect("L8 a lifespan counts what the worker itself was given", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 10, lifespan: 4, onWorkerLost: { retries: 1 } })
      const sizes: Array<readonly [string, number]> = []
      runtime.run = (worker, chunk) => {
        sizes.push([worker.name, chunk.items.length])
        if (sizes.length > 1) return worker.work()
        worker.work(1)
        worker.begin()
        worker.lose()
      }
      assert.deepStrictEqual(yield* pool.map([0, 1, 2, 3, 4, 5], task), [0, 10, 20, 30, 40, 50])
      // the poison item goes alone, and takes its part of the second worker's four
      assert.deepStrictEqual(sizes, [
        ["0.1", 4],
        ["0.2", 1],
        ["0.2", 2],
        ["0.2", 1],
        ["0.3", 1]
      ])
    })
  )

  it.effect("C3 items sent again need no room: an ordered stream's head is among them, and nothing deadlocks", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 2, onWorkerLost: { retries: 1 } })
      let pulled = 0
      let taken = 0
      const items = (function* () {
        for (let n = 0; n < 40; n++) {
          pulled++
          assert.isAtMost(pulled - taken, 4)
          yield n
        }
      })()
      let chunks = 0
      runtime.run = (worker, chunk) => {
        const isLost = ++chunks % 3 === 1
        queueMicrotask(() => {
          if (!worker.chunks.includes(chunk)) return
          worker.begin()
          if (isLost) return worker.lose()
          worker.succeed(0)
          if (worker.chunk === chunk) worker.work()
        })
      }
      const results: Array<number> = []
      yield* driven(
        Stream.runForEach(pool.stream(items, task, { maxActive: 4 }), (n) =>
          Effect.sync(() => {
            taken++
            results.push(n)
          })
        )
      )
      assert.deepStrictEqual(
        results,
        Array.from({ length: 40 }, (_, n) => n * 10)
      )
      assert.isAbove((yield* pool.stats).lost, 5)
    })
  )
})
