/** T1: time limits, for items and hooks that yield. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../WorkerPool.ts"
import { pace } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, journaled, plain, tasks } from "./case.ts"

export const cases: ReadonlyArray<Case> = [
  {
    rule: "T1",
    name: "counts an item's time from when it starts in the worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      // loads Effect first, and measures how busy the machine is
      const unit = yield* pace(pool.run(tasks.squareEffect, 1))
      // the items take less than their timeout each, but more together
      const items = Array.from({ length: 8 }, () => unit / 2)
      const workers = yield* pool.map(items, tasks.whereAfter, { timeout: 3 * unit, chunkSize: 4 })
      yield* assert.equal(workers.length, 8, "results")
    })
  },
  {
    rule: "T1",
    name: "interrupts an item that takes too long and fails map with TaskTimedOut; the worker survives",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const map = pool.map(["a"], tasks.hold, { timeout: 20 })
      const { generation, index, worker } = yield* assert.failsWith(map, "TaskTimedOut")
      yield* assert.equal({ index, worker, generation }, { index: 0, worker: 0, generation: 1 })
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["start a", "interrupted a"])
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "T1",
    name: "interrupts the first Effect of a worker, however soon its time is over",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* assert.failsWith(pool.map(["a"], tasks.hold, { timeout: 1 }), "TaskTimedOut")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "T1",
    name: "tells a Promise that takes too long by its signal",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* assert.failsWith(pool.map(["a"], plain.holdPromise, { timeout: 20 }), "TaskTimedOut")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["start a", "aborted a"])
    })
  },
  {
    rule: "T1",
    name: "marks the item that took too long in mapExit, and goes on",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const timeout = yield* pace(pool.run(tasks.squareEffect, 1))
      const exits = yield* pool.mapExit([0, 60_000, 0], tasks.whereAfter, { chunkSize: 3, timeout })
      yield* assert.equal(exits.map(Exit.isSuccess), [true, false, true])
      const { index } = yield* assert.exitFailsWith(exits[1], "TaskTimedOut")
      yield* assert.equal(index, 1, "index")
      const outcomes = yield* Stream.runCollect(pool.streamExit([60_000, 0], tasks.whereAfter, { timeout }))
      yield* assert.equal(
        outcomes.map(({ exit }) => Exit.isSuccess(exit)),
        [false, true]
      )
    })
  },
  {
    rule: "T1",
    name: "fails only the run that took too long",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 2 })
      const [slow, quick] = yield* Effect.all(
        [
          assert.failsWith(pool.run(tasks.whereAfter, 60_000, { timeout: 20 }), "TaskTimedOut"),
          pool.run(tasks.whereAfter, 60)
        ],
        { concurrency: "unbounded" }
      )
      yield* assert.equal(slow.index, 0, "index")
      yield* assert.equal(quick, { id: 0, generation: 1 })
    })
  },
  {
    rule: "T1",
    name: "fails with InitTimedOut when init takes too long; the next call tries again",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, initTimeout: 20 })
      const map = pool.map(["a"], plain.note, { init: tasks.openNever })
      const { generation, worker } = yield* assert.failsWith(map, "InitTimedOut")
      yield* assert.equal([worker, generation], [0, 1], "worker")
      yield* assert.equal(yield* pool.map(["b"], plain.note, { initTimeout: 60_000 }), ["b"])
    })
  },
  {
    rule: "T1",
    name: "fails with ExitTimedOut when exit takes too long; the worker is gone",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: tasks.closeNever, exitTimeout: 20 })
      const { generation, worker } = yield* assert.failsWith(pool.map([1], plain.square), "ExitTimedOut")
      yield* assert.equal([worker, generation], [0, 1], "worker")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
      // or else the closing scope would wait for the exit hook, which never ends
      yield* pool.terminate
    })
  }
]
