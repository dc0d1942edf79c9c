/** `stop`, `terminate`, `restart` and `setSize`, as far as they depend on workers. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as WorkerPool from "../../WorkerPool.ts"
import { pace } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, journaled, plain, tasks } from "./case.ts"

export const cases: ReadonlyArray<Case> = [
  {
    rule: "L3",
    name: "stops: waits for the calls that run, then releases every worker once; the pool stays usable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, size: 2, keepAlive: true })
      // items that take long enough for the map to be seen running
      const millis = yield* pace(pool.start)
      const map = yield* Effect.forkChild(pool.map([millis, millis], tasks.whereAfter, { chunkSize: 1 }), {
        startImmediately: true
      })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 2))
      yield* pool.stop
      yield* assert.equal(yield* pool.exitResults, [[], []], "exit results")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      const workers = yield* Fiber.join(map)
      yield* assert.equal(
        workers.map(({ generation }) => generation),
        [1, 1],
        "generations"
      )
      yield* assert.equal((yield* pool.run(plain.where, undefined)).generation, 2, "generation")
    })
  },
  {
    rule: "L3",
    name: "stops: calls made meanwhile wait for it",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: tasks.beginLife, exit: tasks.endLife })
      yield* pool.run(plain.square, 1)
      const stop = yield* Effect.forkChild(pool.stop, { startImmediately: true })
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
      yield* Fiber.join(stop)
    })
  },
  {
    rule: "L3",
    name: "terminates: running calls fail, workers end without exit; the pool stays usable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, tasksPerWorker: 2 })
      const held = yield* Effect.forkChild(pool.run(tasks.hold, "a"))
      yield* pool.run(tasks.waitFor, "start a")
      yield* pool.terminate
      yield* assert.failsWith(Fiber.join(held), "Terminated")
      yield* assert.equal(yield* pool.exitResults, [], "exit results")
      const { calls, killed, live, lost } = yield* pool.stats
      yield* assert.equal({ calls, killed, live, lost }, { calls: 0, killed: 1, live: 0, lost: 0 }, "stats")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
    })
  },
  {
    rule: "L3",
    name: "terminates a worker whose init has not ended",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: tasks.openNever, exit: tasks.closeNever })
      const waiting = yield* Effect.forkChild(pool.map([1], plain.square))
      yield* assert.eventually(Effect.map(pool.stats, ({ starting }) => starting === 1))
      yield* pool.terminate
      yield* assert.failsWith(Fiber.join(waiting), "Terminated")
      const { live, starting } = yield* pool.stats
      yield* assert.equal({ live, starting }, { live: 0, starting: 0 }, "workers")
    })
  },
  {
    rule: "L3",
    name: "terminates a worker whose exit does not end",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: tasks.closeNever })
      yield* pool.run(plain.square, 1)
      const stop = yield* Effect.forkChild(pool.stop)
      yield* assert.eventually(Effect.map(pool.stats, ({ live }) => live === 0))
      yield* pool.terminate
      yield* Fiber.await(stop)
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
      // or else the closing scope would wait for the exit hook, which never ends
      yield* pool.terminate
    })
  },
  {
    rule: "L3",
    name: "restarts: a busy worker is released before it gets another chunk",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const millis = yield* pace(pool.start)
      const map = yield* Effect.forkChild(pool.map([millis, 0, 0, 0, 0], tasks.whereAfter, { chunkSize: 1 }), {
        startImmediately: true
      })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
      yield* pool.restart
      yield* assert.equal((yield* pool.exitResults).length, 1, "exit results")
      const workers = yield* Fiber.join(map)
      yield* assert.equal(workers[0], { id: 0, generation: 1 })
      yield* assert.equal(workers[4], { id: 0, generation: 2 })
    })
  },
  {
    rule: "L3",
    name: "changes the size: new slots get workers, surplus workers are released",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.run(plain.note, "first")
      yield* pool.setSize(2)
      yield* pool.start
      yield* assert.equal((yield* pool.stats).live, 2, "live workers")
      yield* pool.setSize(1)
      const { live, size } = yield* pool.stats
      yield* assert.equal({ live, size }, { live: 1, size: 1 })
      yield* assert.equal(yield* pool.exitResults, [[]], "exit results")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["first"])
      yield* pool.setSize(2)
      const workers = yield* pool.map([0, 0], tasks.whereAfter, { dispatch: "ordered", chunkSize: 1 })
      yield* assert.equal(workers, [
        { id: 0, generation: 1 },
        { id: 1, generation: 2 }
      ])
    })
  }
]
