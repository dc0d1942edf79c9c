/** K4: the loss of a runner, with all the workers that it held, is nobody's fault. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import type { Closed } from "../src/Channel.ts"
import * as errors from "../src/internal/common/errors.ts"
import * as realTime from "../src/internal/task/realTime.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import { diligent, FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import {
  failures,
  hasEnded,
  integer,
  makePool,
  noise,
  oneOf,
  type PoolOptions,
  reasons,
  recordLogs,
  runs,
  settle
} from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  return { pool, runtime }
})

const runnerLost = new WorkerPoolError.RunnerLost({
  runner: "r1",
  address: "10.0.0.7:7433",
  cause: new Error("silent")
})

const closed: Closed = { external: true, cause: runnerLost }

/** Calls back that many turns of the microtask queue later. */
const after = (turns: number, f: () => void): void => queueMicrotask(turns > 1 ? () => after(turns - 1, f) : f)

/** A worker begins with the item, if it has it, and its runner is lost. */
const losesRunnerOf = (poison: number, lost: (worker: FakeWorker) => void) => (worker: FakeWorker) =>
  queueMicrotask(() => {
    const chunk = worker.chunks[0]
    if (chunk === undefined) return
    const at = chunk.items.indexOf(poison)
    if (at < 0) return worker.work()
    worker.work(at)
    worker.begin(chunk)
    lost(worker)
    // each time another one, which held this worker alone
    worker.lose({ closed: { external: true, cause: new WorkerPoolError.RunnerLost({ runner: worker.name }) } })
  })

describe("a lost runner", () => {
  it.effect("K4 F1 is why its workers are lost; an item that may run once fails with that", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 3 })
      const fiber = yield* Effect.forkChild(pool.mapExit([0, 1, 2, 3], task))
      yield* settle
      runtime.last.work(1)
      runtime.last.begin()
      runtime.run = diligent
      runtime.last.lose({ closed })
      const exits = yield* Fiber.join(fiber)
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true, true])
      const [reason] = reasons(exits[1]!)
      assert.deepInclude(reason, { _tag: "WorkerLost", worker: 0, generation: 1, indices: [1] })
      assert.strictEqual((reason as WorkerPoolError.WorkerLost).cause, runnerLost)
      assert.include(reason!.message, "The runner r1 at 10.0.0.7:7433 was lost: silent")
    })
  )

  it.effect("K4 F2 charges no item the first time: with no retries at all, one loss is made up for", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 4 })
      const fiber = yield* Effect.forkChild(pool.map([0, 1, 2, 3], task, { onWorkerLost: { retries: 0 } }))
      yield* settle
      runtime.last.work(1)
      runtime.last.begin()
      runtime.last.begin()
      const sent: Array<ReadonlyArray<unknown>> = []
      runtime.run = (worker, chunk) => {
        sent.push(chunk.items)
        diligent(worker)
      }
      runtime.last.lose({ closed })
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 10, 20, 30])
      // those that were in hand are sent alone
      assert.deepStrictEqual(sent, [[1], [2], [3]])
    })
  )

  it.effect("K4 F2 one item that ends its runner each time costs retries + 2 of them, and it alone fails", () =>
    Effect.gen(function* () {
      for (const tasksPerWorker of [1, 3]) {
        for (const retries of [0, 1, 3]) {
          const { pool, runtime } = yield* setup({ size: 2, chunkSize: 4, tasksPerWorker })
          let lost = 0
          runtime.run = losesRunnerOf(2, () => lost++)
          const exits = yield* pool.mapExit([0, 1, 2, 3, 4, 5], task, { onWorkerLost: { retries } })
          assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, false, true, true, true])
          assert.instanceOf((reasons(exits[2]!)[0] as WorkerPoolError.WorkerLost).cause, WorkerPoolError.RunnerLost)
          assert.strictEqual(lost, retries + 2)
          assert.deepInclude(yield* pool.stats, { lost: retries + 2 })
        }
      }
    })
  )

  it.effect.prop(
    "K4 F2 of items that are in hand together when their runner is lost, again and again, the one that ends it fails alone",
    {
      items: integer(2, 12),
      size: integer(2, 4),
      tasksPerWorker: oneOf(1, 1, 2),
      more: integer(0, 2),
      poisoned: integer(1, 3),
      calls: integer(1, 2),
      seed: integer(0, 1e6)
    },
    ({ calls, items, more, poisoned, seed, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        // an innocent one is charged at most once for each of them
        const retries = poisoned + more
        const { pool, runtime } = yield* setup({ size, tasksPerWorker, chunkSize: 2 })
        const poison = new Set(Array.from({ length: poisoned }, (_, n) => noise(seed, n) % (items * calls)))
        let lost = 0
        const dead = new Set<FakeWorker>()
        // all workers are on one runner, and what ends it does so while the others are at their items
        runtime.run = (worker, chunk) =>
          queueMicrotask(() => {
            if (dead.has(worker) || worker.isGone || !worker.chunks.includes(chunk)) return
            const items = worker.limitOf(chunk) - worker.startedOf(chunk)
            const begun = Array.from({ length: Math.min(items, tasksPerWorker) }, () => worker.begin(chunk))
            const isPoison = begun.some((position) => poison.has(chunk.items[position] as number))
            after(isPoison ? 2 : 5, () => {
              if (dead.has(worker) || worker.isGone || !worker.chunks.includes(chunk)) return
              if (!isPoison) {
                for (const position of begun) worker.succeed(position, chunk)
                if (worker.chunks.includes(chunk)) runtime.run(worker, chunk)
                return
              }
              const cause = new WorkerPoolError.RunnerLost({ runner: `runner ${lost++}` })
              const lose = (other: FakeWorker) => other.lose({ closed: { external: true, cause } })
              // at once, or one after another: what the first had may be sent to the second, which has yet to be told of
              const [first, ...others] = runtime.present
              lose(first!)
              for (const other of others) {
                dead.add(other)
                if (noise(seed, lost) % 2 === 0) lose(other)
                else realTime.defer(() => realTime.defer(() => lose(other)))
              }
            })
          })
        const numbers = Array.from({ length: items }, (_, n) => n)
        const exits = yield* Effect.forEach(
          Array.from({ length: calls }, (_, n) => numbers.map((item) => n * items + item)),
          (numbers) => pool.mapExit(numbers, task, { onWorkerLost: { retries } }),
          { concurrency: "unbounded" }
        )
        for (const [item, exit] of exits.flat().entries()) {
          if (!poison.has(item)) assert.deepStrictEqual(exit, Exit.succeed(item * 10))
          else assert.instanceOf((reasons(exit)[0] as WorkerPoolError.WorkerLost).cause, WorkerPoolError.RunnerLost)
        }
        assert.isAtMost(lost, poison.size * (retries + 2))
        assert.deepStrictEqual(runtime.breaches, [])
      }).pipe(Effect.scoped),
    runs(200)
  )

  it.effect("K4 F2 gives what its workers had to none of them, where all are told of at once", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 3, chunkSize: 1 })
      yield* pool.start
      const given: Array<FakeWorker> = []
      runtime.run = (worker) => void given.push(worker)
      const fiber = yield* Effect.forkChild(pool.map([1], task))
      yield* settle
      assert.strictEqual(given.length, 1)
      // the others are idle, and could be given what the first one had
      const lost = [...given, ...runtime.present.filter((worker) => !given.includes(worker))]
      given.length = 0
      runtime.run = (worker) => {
        given.push(worker)
        diligent(worker)
      }
      // none has begun: all may be sent again, and nobody is to blame
      for (const worker of lost) worker.lose({ closed })
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10])
      for (const worker of given) assert.notInclude(lost, worker)
      assert.deepInclude(yield* pool.stats, { lost: 3 })
    })
  )

  it.effect.prop(
    "K4 F2 whatever runners are lost, an item that ends none has its result unless it was alone in hand too often",
    {
      items: integer(1, 12),
      chunkSize: integer(1, 5),
      losses: integer(0, 8),
      retries: oneOf(0, 1, 2),
      seed: integer(0, 1e6)
    },
    ({ chunkSize, items, losses, retries, seed }) =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 2, chunkSize })
        let left = losses
        const inHand = new Map<number, number>()
        runtime.run = (worker) =>
          queueMicrotask(() => {
            const chunk = worker.chunks[0]
            if (chunk === undefined) return
            const started = 1 + (noise(seed, left) % chunk.items.length)
            if (left === 0 || noise(seed + 1, left) % 2 === 0) return worker.work()
            left--
            const done = noise(seed + 2, left) % started
            worker.work(done)
            for (let n = done; n < started; n++) {
              worker.begin(chunk)
              const item = chunk.items[n] as number
              inHand.set(item, (inHand.get(item) ?? 0) + 1)
            }
            worker.lose({ closed })
          })
        const numbers = Array.from({ length: items }, (_, n) => n)
        const exits = yield* pool.mapExit(numbers, task, { onWorkerLost: { retries } })
        for (const [item, exit] of exits.entries()) {
          if (Exit.isSuccess(exit)) assert.strictEqual(exit.value, item * 10)
          else assert.strictEqual(inHand.get(item), retries + 2)
        }
        assert.deepStrictEqual(runtime.breaches, [])
      }).pipe(Effect.scoped),
    runs(200)
  )

  it.effect(
    "K4 L10 while a worker is acquired, fails nobody, and the slot does not back off: it tries again soon",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1, init: () => Effect.void })
        runtime.run = diligent
        let losses = 3
        runtime.init = (worker) =>
          Effect.suspend(() => {
            if (losses-- <= 0) return Effect.void
            worker.lose({ closed })
            return Effect.never
          })
        const fiber = yield* Effect.forkChild(pool.map([1, 2], task))
        for (let n = 0; n < 3; n++) {
          yield* settle
          assert.isFalse(yield* hasEnded(fiber))
          yield* TestClock.adjust(200)
        }
        assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
        assert.strictEqual(runtime.last.name, "0.4")
      })
  )

  it.effect("K4 L10 a hook that ends each runner costs fourteen of them, and no more", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, init: () => Effect.void })
      runtime.init = (worker) =>
        Effect.suspend(() => {
          worker.lose({ closed })
          return Effect.never
        })
      const fiber = yield* Effect.forkChild(pool.map([1, 2], task))
      for (let n = 0; n < 40; n++) yield* TestClock.adjust(200)
      assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["WorkerLost"])
      // twelve are made up for, and then a worker that vanishes while it is acquired is tried once more
      assert.strictEqual(runtime.workers.length, 14)
    })
  )

  it.effect(
    "K4 L10 a start that ends each runner costs twenty-two of them, and no more: it is rather the runners' fault",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1 })
        runtime.start = (worker) =>
          Effect.suspend(() => {
            worker.lose({ closed })
            return Effect.fail(errors.workerLost(worker.options.worker, closed))
          })
        const fiber = yield* Effect.forkChild(pool.map([1, 2], task))
        for (let n = 0; n < 40; n++) yield* TestClock.adjust(200)
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["WorkerLost"])
        assert.strictEqual(runtime.workers.length, 22)
      })
  )

  it.effect(
    "K4 L10 runners that are lost before and during `init` by turns are made up for, each by its own number",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1, init: () => Effect.void })
        runtime.run = diligent
        const lose = (worker: FakeWorker) => {
          worker.lose({ closed })
          return Effect.fail(errors.workerLost(worker.options.worker, closed))
        }
        runtime.start = (worker) =>
          Effect.suspend(() =>
            runtime.workers.length % 2 === 1 && runtime.workers.length < 25 ? lose(worker) : Effect.void
          )
        runtime.init = (worker) => Effect.suspend(() => (runtime.workers.length < 25 ? lose(worker) : Effect.void))
        const fiber = yield* Effect.forkChild(pool.map([1, 2], task))
        for (let n = 0; n < 40; n++) yield* TestClock.adjust(200)
        assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
        assert.strictEqual(runtime.workers.length, 25)
      })
  )

  describe("that is there all the same, as when it had stalled, and is ended by an item then, which is charged for that", () => {
    const cases: ReadonlyArray<
      readonly [
        what: string,
        lose: (world: Effect.Success<ReturnType<typeof setup>>) => Effect.Effect<void, WorkerPoolError.WorkerPoolError>
      ]
    > = [
      [
        "a worker has answered",
        Effect.fnUntraced(function* ({ pool, runtime }) {
          yield* pool.start
          runtime.start = () => Effect.never
          runtime.workers[0]!.lose({ closed })
          assert.strictEqual(yield* pool.run(task, 1), 10)
        })
      ],
      [
        "a worker has been started",
        Effect.fnUntraced(function* ({ pool, runtime }) {
          const answered = yield* Latch.make()
          runtime.start = (worker) => (runtime.workers.indexOf(worker) === 0 ? Effect.void : answered.await)
          const started = yield* Effect.forkChild(pool.start)
          yield* settle
          runtime.start = () => Effect.never
          runtime.workers[0]!.lose({ closed })
          yield* answered.open
          yield* settle
          yield* Fiber.interrupt(started)
        })
      ]
    ]
    for (const [what, lose] of cases) {
      it.effect(`K4 F2 after ${what}`, () =>
        Effect.gen(function* () {
          const world = yield* setup({ size: 2, chunkSize: 1 })
          const { pool, runtime } = world
          runtime.run = diligent
          yield* lose(world)
          // no other worker comes meanwhile
          const second = runtime.workers[1]!
          runtime.run = (worker) => void worker.begin()
          const fiber = yield* Effect.forkChild(pool.mapExit([2], task, { onWorkerLost: { retries: 0 } }))
          yield* settle
          assert.strictEqual(second.chunks.length, 1)
          runtime.start = () => Effect.void
          second.lose({ closed })
          // in hand once, which charges nobody; the next time it is alone
          yield* settle
          assert.deepStrictEqual([runtime.last !== second, runtime.last.chunks.length], [true, 1])
          runtime.last.lose({ closed: { external: true, cause: new WorkerPoolError.RunnerLost({ runner: "r2" }) } })
          yield* settle
          assert.isTrue(yield* hasEnded(fiber))
          const [exit] = yield* Fiber.join(fiber)
          assert.strictEqual(reasons(exit!)[0]!._tag, "WorkerLost")
        })
      )
    }
  })

  it.effect("K4 fails no call for a worker that is lost with its runner while it is released with nothing to run", () =>
    Effect.gen(function* () {
      for (const stage of ["exit", "close"] as const) {
        const { pool, runtime } = yield* setup({ size: 2, keepAlive: false })
        runtime.run = diligent
        runtime.released = (worker, now) =>
          Effect.suspend(() => {
            if (now !== stage) return Effect.void
            worker.lose({ closed })
            return Effect.never
          })
        assert.deepStrictEqual(yield* pool.map([1, 2, 3, 4], task, { chunkSize: 1 }), [10, 20, 30, 40])
        assert.isAbove((yield* pool.stats).lost, 0)
        assert.deepStrictEqual(yield* pool.map([1], task), [10], "and the pool goes on")
      }
    })
  )

  it.effect("K4 L3 fails the call for one that had an `exit` to run, and for one that ended by itself", () =>
    Effect.gen(function* () {
      const exit = () => Effect.void
      for (const [options, how] of [
        [{ exit }, closed],
        [{}, { exitCode: 9 }]
      ] as ReadonlyArray<[PoolOptions, Closed]>) {
        const { pool, runtime } = yield* setup({ ...options, size: 1, keepAlive: false })
        runtime.run = diligent
        runtime.released = (worker, now) =>
          Effect.suspend(() => {
            if (now !== "exit") return Effect.void
            worker.lose({ closed: how })
            return Effect.never
          })
        const exit = yield* Effect.exit(pool.map([1], task))
        assert.deepStrictEqual(failures(exit), ["WorkerLost"])
      }
    })
  )

  it.effect("K4 names no task for an idle worker that was lost with its runner", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1 })
        runtime.run = diligent
        yield* pool.run(task, 1)
        runtime.last.lose({ closed })
        yield* settle
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
      assert.deepStrictEqual(logs.lines, ["WARN A worker ended while it had nothing to do"])
    })
  )
})
