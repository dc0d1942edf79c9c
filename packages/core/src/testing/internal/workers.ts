/** What tasks see of their worker: its context, its services, and how many of them run in it at once. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as WorkerPool from "../../WorkerPool.ts"
import * as assert from "./assert.ts"
import { type Case, journaled, plain, tasks } from "./case.ts"

export const cases: ReadonlyArray<Case> = [
  {
    rule: "API",
    name: "shows a task its worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, lifespan: 1, init: tasks.openText })
      const seen = { state: "the state", aborted: false, interrupted: false }
      yield* assert.equal(yield* pool.run(plain.describe, 1), { id: 0, generation: 1, ...seen })
      const [first, second] = yield* pool.map([1, 2], plain.describe, { dispatch: "ordered", chunkSize: 1 })
      yield* assert.equal(first, { id: 0, generation: 2, ...seen })
      yield* assert.equal(second, { id: 1, generation: 1, ...seen })
    })
  },
  {
    rule: "API",
    name: "closes an item's Scope before its result counts",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* assert.equal(yield* pool.map(["a", "b"], tasks.useScope, { chunkSize: 2 }), ["a", "b"])
      const expected = ["open a", "close a", "open b", "close b"]
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), expected)
      yield* pool.run(tasks.useScope, "c")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), [...expected, "open c", "close c"])
    })
  },
  {
    rule: "API",
    name: "fails an item whose Scope cannot be closed",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const { error } = yield* assert.diesWithError(pool.run(tasks.failToClose, "stuck"))
      yield* assert.equal(error.message, "stuck", "message")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "L3",
    name: "builds the services once per worker, for hooks and tasks",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({
        size: 2,
        keepAlive: true,
        services: tasks.counter,
        init: tasks.openCount,
        exit: tasks.closeCount
      })
      const counted = yield* pool.map([1, 2, 3, 4], tasks.count, { dispatch: "ordered", chunkSize: 1 })
      yield* assert.equal(
        [...counted].sort((a, b) => a.worker - b.worker || a.count - b.count),
        [
          { worker: 0, count: 2 },
          { worker: 0, count: 3 },
          { worker: 1, count: 2 },
          { worker: 1, count: 3 }
        ]
      )
      yield* pool.restart
      yield* assert.equal(yield* pool.exitResults, [4, 4], "exit results")
      yield* assert.equal((yield* pool.run(tasks.count, undefined)).count, 2, "count in a new worker")
    })
  },
  {
    rule: "API",
    name: "runs as many items of async tasks at once in a worker as it is told, and never more",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 3 })
      const peaks = yield* pool.map([3, 3, 3, 3, 3, 3, 3], tasks.meet)
      yield* assert.equal(Math.max(...peaks), 3, "at once")
      const runs = Effect.forEach([3, 3, 3, 3, 3, 3], (parties) => pool.run(tasks.meet, parties), {
        concurrency: "unbounded"
      })
      const [more, others] = yield* Effect.all([runs, pool.map([3, 3, 3, 3], tasks.meet, { chunkSize: 2 })], {
        concurrency: "unbounded"
      })
      yield* assert.equal(Math.max(...more, ...others), 3, "at once")
    })
  },
  {
    rule: "API",
    name: "runs one item at a time in a worker unless told otherwise",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const runs = Effect.forEach([1, 1, 1, 1], (parties) => pool.run(tasks.meet, parties), {
        concurrency: "unbounded"
      })
      const [ran, mapped] = yield* Effect.all([runs, pool.map([1, 1, 1, 1], tasks.meet, { chunkSize: 2 })], {
        concurrency: "unbounded"
      })
      yield* assert.equal(Math.max(...ran, ...mapped), 1, "at once")
    })
  },
  {
    rule: "API",
    name: "runs sync tasks in a worker that runs several at once",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 4 })
      yield* assert.equal(yield* pool.map([1, 2, 3, 4, 5], plain.square, { chunkSize: 2 }), [1, 4, 9, 16, 25])
      const exits = yield* pool.mapExit([2, 3, 4, 5], tasks.halve)
      yield* assert.equal(exits.map(Exit.isSuccess), [true, false, true, false])
    })
  }
]
