import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { diligent, FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import {
  driven,
  integer,
  kinds,
  makePool,
  now,
  oneOf,
  type Pool,
  type PoolOptions,
  runs,
  settle,
  timed
} from "./support.ts"
import { withoutTimers } from "./utils/realTime.ts"

const task = (n: number) => Effect.succeed(n)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** Lets real time pass until something is so. */
const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const look = () => (isSo() ? resume(Effect.void) : void setImmediate(look))
    look()
  })

/** A pool of remote workers that do what the test says, all of them started; an item is said to take so long. */
const setup = Effect.fnUntraced(function* (
  options: PoolOptions & { readonly size: number },
  itemTime = 1,
  started = options.size
) {
  const runtime = new FakeRuntime()
  runtime.isRemote = true
  runtime.itemTime = itemTime
  runtime.run = diligent
  const late = Deferred.makeUnsafe<void>()
  runtime.init = ({ options }) => (options.worker.id < started ? Effect.void : Deferred.await(late))
  const pool: Pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  // long enough for nothing to be sent ahead
  yield* pool.run(task, 0)
  const sent: Array<string> = []
  runtime.run = (worker, chunk) => void sent.push(`${worker.options.worker.id}: ${chunk.items.join(" ")}`)
  return { pool, runtime, sent, late }
})

/** Lets workers do all there is to do. */
const finish = (workers: ReadonlyArray<FakeWorker>) => {
  while (workers.some(({ chunks }) => chunks.length > 0))
    for (const worker of workers) if (worker.chunks.length > 0) worker.work(1)
}

describe("sharing among workers", () => {
  it.effect("L2 an idle worker gets half of what waits behind another's item, each item once, results in order", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 2 }, 60)
      const fiber = yield* Effect.forkChild(pool.map(range(0, 20), task, { chunkSize: 10 }))
      yield* settle
      const [first, second] = runtime.workers as [FakeWorker, FakeWorker]
      second.begin()
      first.work()
      assert.deepStrictEqual(sent, ["0: 0 1 2 3 4 5 6 7 8 9", "1: 10 11 12 13 14 15 16 17 18 19", "0: 15 16 17 18 19"])
      first.work()
      assert.deepStrictEqual(sent.slice(3), ["0: 13 14"])
      second.succeed(0)
      finish(runtime.workers)
      assert.deepStrictEqual(
        yield* Fiber.join(fiber),
        range(0, 20).map((n) => n * 10)
      )
      assert.strictEqual(sent.flatMap((one) => one.slice(3).split(" ")).length, 20 + 5 + 2)
    })
  )

  it.effect("L2 S2 not of a call that takes the slots in turn, nor what has moved, nor what is not worth it", () =>
    Effect.gen(function* () {
      for (const [dispatch, canTakeBack, itemTime] of [
        ["ordered", true, 60],
        ["available", false, 60],
        ["available", true, 0.01]
      ] as const) {
        const { pool, runtime, sent } = yield* setup({ size: 2 }, itemTime)
        runtime.canTakeBack = () => canTakeBack
        const fiber = yield* Effect.forkChild(pool.map(range(0, 20), task, { chunkSize: 10, dispatch }))
        yield* settle
        runtime.workers[1]!.begin()
        runtime.workers[0]!.work()
        assert.strictEqual(sent.length, 2)
        runtime.workers[1]!.succeed(0)
        finish(runtime.workers)
        assert.strictEqual((yield* Fiber.join(fiber)).length, 20)
      }
    })
  )

  it.effect("C9 where most cannot be taken back, because it has moved or its worker is starting, less is", () =>
    Effect.gen(function* () {
      for (const isStarting of [false, true]) {
        const { late, pool, runtime, sent } = yield* setup({ size: 3 }, 60, isStarting ? 2 : 3)
        const fiber = yield* Effect.forkChild(pool.map(range(0, 30), task, { chunkSize: 10 }))
        yield* settle
        const [first, second] = runtime.workers as [FakeWorker, FakeWorker]
        const last = runtime.workers[2]!
        if (!isStarting) runtime.canTakeBack = ({ items }) => items[0] !== 20
        second.work(4)
        second.begin()
        sent.length = 0
        first.work()
        assert.deepStrictEqual(sent, ["0: 17 18 19"])
        second.succeed(4)
        Deferred.doneUnsafe(late, Effect.void)
        yield* settle
        finish(runtime.workers)
        assert.isTrue(last.chunks.length === 0)
        assert.deepStrictEqual(
          yield* Fiber.join(fiber),
          range(0, 30).map((n) => n * 10)
        )
      }
    })
  )

  it.effect("F8 a runtime that throws when items are to be taken back stops nobody", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2 })
      runtime.canTakeBack = () => {
        throw new Error("It cannot")
      }
      const map = yield* Effect.forkChild(pool.map(range(0, 10), task, { chunkSize: 10 }))
      yield* settle
      const run = yield* Effect.forkChild(pool.run((n: number) => Effect.succeed(n), 99))
      yield* settle
      finish(runtime.workers)
      assert.strictEqual(yield* Fiber.join(run), 990)
      assert.strictEqual((yield* Fiber.join(map)).length, 10)
    })
  )

  it.effect("C9 what should have been over at once is looked at again, and shared if it is not", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 2 }, 0.01)
      const fiber = yield* Effect.forkChild(pool.map(range(0, 20), task, { chunkSize: 10 }))
      yield* settle
      const [first, second] = runtime.workers as [FakeWorker, FakeWorker]
      // an item that takes longer than they used to
      second.begin()
      first.work()
      // in real time, which is the workers' own (T3)
      yield* until(() => sent.length > 2)
      assert.deepStrictEqual(sent.slice(2), ["0: 15 16 17 18 19"])
      second.succeed(0)
      finish(runtime.workers)
      assert.strictEqual((yield* Fiber.join(fiber)).length, 20)
    })
  )

  for (const kind of kinds) {
    it.effect(`P4 no worker of a ${kind} waits for a straggler, unless slots are taken in turn`, () =>
      Effect.gen(function* () {
        for (const dispatch of ["available", "ordered"] as const) {
          const pool = yield* makePool(kind, { size: 2 })
          const { exit, took } = yield* driven(
            timed(
              pool.map(range(0, 20), (n) => Effect.as(Effect.sleep(n < 10 ? 100 : 1), n), { chunkSize: 10, dispatch })
            )
          )
          assert.deepStrictEqual(exit, (yield* Effect.exit(Effect.succeed(range(0, 20)))) as any)
          if (dispatch === "available") assert.isAtMost(took, 600)
          else assert.strictEqual(took, 1000)
        }
      })
    )
  }
})

describe("turns by item", () => {
  it.effect("C1 what is there ahead is taken back, and a chunk is cut to two milliseconds", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 1 }, 0.5)
      const map = yield* Effect.forkChild(pool.map(range(0, 30), task, { chunkSize: 10 }))
      yield* settle
      const worker = runtime.last
      assert.deepStrictEqual(sent, ["0: 0 1 2 3 4 5 6 7 8 9", "0: 10 11 12 13 14 15 16 17 18 19"])
      worker.succeed(worker.begin())
      sent.length = 0
      const run = yield* Effect.forkChild(pool.run((n: number) => Effect.succeed(n), 99))
      yield* settle
      assert.strictEqual(worker.chunks.length, 1)
      assert.strictEqual(worker.limitOf(worker.chunk), 4)
      worker.work()
      // the map has had its turn; after the run's nobody else waits
      assert.deepStrictEqual(sent, ["0: 99"])
      worker.work()
      assert.strictEqual(sent[1], "0: 4 5 6 7 8 9 10 11 12 13")
      finish(runtime.workers)
      assert.strictEqual(yield* Fiber.join(run), 990)
      assert.deepStrictEqual(
        yield* Fiber.join(map),
        range(0, 30).map((n) => n * 10)
      )
      // else the second look, five milliseconds later, could come first
    }).pipe(withoutTimers)
  )

  it.effect("C1 who waits for items that take longer than they used to waits for one of them", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 1 }, 0.01)
      const map = yield* Effect.forkChild(pool.map(range(0, 30), task, { chunkSize: 10 }))
      yield* settle
      const worker = runtime.last
      worker.succeed(worker.begin())
      worker.begin()
      sent.length = 0
      const run = yield* Effect.forkChild(pool.run((n: number) => Effect.succeed(n), 99))
      yield* settle
      // what is there should be over in a tenth of a millisecond, and is not
      yield* until(() => worker.limitOf(worker.chunk) < 10)
      assert.strictEqual(worker.limitOf(worker.chunk), 2)
      worker.succeed(1)
      assert.deepStrictEqual(sent, ["0: 99"])
      finish(runtime.workers)
      assert.strictEqual(yield* Fiber.join(run), 990)
      assert.strictEqual((yield* Fiber.join(map)).length, 30)
    })
  )

  it.effect.prop(
    "C1 P9 whoever comes while a map's chunks keep all workers waits for one item in a turn, and the map goes on",
    {
      kind: oneOf(...kinds),
      size: integer(1, 3),
      chunkSize: integer(1, 40),
      every: integer(5, 60),
      isMap: oneOf(false, true)
    },
    ({ chunkSize, every, isMap, kind, size }) =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size, keepAlive: true })
        const map = yield* Effect.forkChild(
          timed(pool.map(range(0, 120), (n) => Effect.as(Effect.sleep(10), n), { chunkSize }))
        )
        const others = yield* Effect.forkChild(
          Effect.forEach(range(0, 10), (n) =>
            Effect.gen(function* () {
              yield* Effect.sleep(every)
              const before = yield* now
              const started = (_: number) => Effect.andThen(Effect.sleep(2), now)
              const at = isMap ? (yield* pool.map([n], started))[0]! : yield* pool.run(started, n)
              return at - 2 - before
            })
          )
        )
        const waits = yield* driven(Fiber.join(others))
        assert.isAtMost(Math.max(...waits), 10)
        const { exit, took } = yield* driven(Fiber.join(map))
        assert.deepStrictEqual(exit, yield* Effect.exit(Effect.succeed(range(0, 120))))
        // each of the others costs it no more than its own time
        assert.isAtMost(took, Math.ceil(120 / size) * 10 + 10 * 2 + 10)
      }).pipe(Effect.scoped),
    runs(60)
  )

  it.effect("C1 runs that share a turn do not overtake a call that waits for its own slot", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 2 }, 60)
      const keepers = [0, 1].map(() => (n: number) => Effect.succeed(n))
      for (const keeper of keepers) yield* Effect.forkChild(pool.run(keeper, 0), { startImmediately: true })
      yield* settle
      const map = yield* Effect.forkChild(pool.map([1, 2], task, { dispatch: "ordered", chunkSize: 1 }))
      yield* settle
      for (const n of range(10, 16)) yield* Effect.forkChild(pool.run(task, n), { startImmediately: true })
      const [first, second] = runtime.workers as [FakeWorker, FakeWorker]
      sent.length = 0
      second.work()
      first.work()
      assert.deepStrictEqual(sent, ["1: 10", "0: 1"])
      finish(runtime.workers)
      assert.deepStrictEqual(yield* Fiber.join(map), [10, 20])
    })
  )
})
