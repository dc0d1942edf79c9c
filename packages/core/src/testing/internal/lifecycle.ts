/** L1 – L10: when workers come and go, and what runs as they do. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import type { Busy, Life } from "../suite.tasks.ts"
import * as assert from "./assert.ts"
import { ample, type Case, journaled, plain, tasks } from "./case.ts"

/** What the finalizers of `beginLife` take, less what clocks and timers may be off by, in milliseconds. */
const leastReleaseTime = 15

const memory = (): SharedArrayBuffer => new SharedArrayBuffer(8)

const cell = (memory: SharedArrayBuffer, index: number): number => Atomics.load(new Int32Array(memory), index)

const generations = (workers: ReadonlyArray<WorkerIdentity>): ReadonlyArray<number> =>
  workers.map((worker) => worker.generation)

const acquisition: ReadonlyArray<Case> = [
  {
    rule: "L1",
    name: "ends a worker's release, finalizers included, before the next acquisition in its slot",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, lifespan: 1, init: tasks.beginLife, exit: tasks.endLife })
      yield* pool.map([1, 2, 3], plain.square)
      const lives: ReadonlyArray<Life> = yield* pool.exitResults
      yield* assert.equal(lives.length, 3, "lives")
      for (const [index, { exitedAt }] of lives.slice(0, -1).entries()) {
        const gap = lives[index + 1]!.startedAt - exitedAt
        yield* assert.isTrue(gap >= leastReleaseTime, "milliseconds between exit and the next init", gap)
      }
    })
  },
  {
    rule: "L1",
    name: "never has two workers live in a slot, whatever ends them",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({
        size: 1,
        keepAlive: true,
        lifespan: 2,
        init: Portable.bind(tasks.openCounted, shared)
      })
      yield* Effect.all([pool.map([1, 2, 3], plain.square), pool.run(plain.square, 4)], { concurrency: "unbounded" })
      yield* pool.restart
      yield* pool.map([1, 2, 3], plain.square)
      yield* pool.stop
      yield* pool.run(plain.square, 5)
      yield* assert.equal(cell(shared, 0), 1, "live workers")
      yield* assert.equal(cell(shared, 1), 1, "most live workers at once")
    })
  },
  {
    rule: "L2",
    name: "starts no worker before there is work, nor for an empty input",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, size: 2, keepAlive: true })
      yield* assert.equal(yield* pool.map([], plain.square), [])
      yield* pool.forEach([], plain.square)
      yield* assert.equal(yield* Stream.runCollect(pool.stream([], plain.square)), [])
      const { live, starting } = yield* pool.stats
      yield* assert.equal({ live, starting }, { live: 0, starting: 0 }, "workers")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* pool.stop
      yield* assert.equal(yield* pool.exitResults, [[]], "exit results")
    })
  },
  {
    rule: "L2",
    name: "uses an idle worker before it starts another",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 3, keepAlive: true })
      for (let n = 0; n < 4; n++) {
        yield* assert.equal(yield* pool.map([n], plain.where), [{ id: 0, generation: 1 }])
      }
      yield* assert.equal((yield* pool.stats).live, 1, "live workers")
    })
  },
  {
    rule: "L2",
    name: "acquires a worker in every slot by start",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, init: plain.openJournal })
      yield* pool.start
      const { idle, live } = yield* pool.stats
      yield* assert.equal({ idle, live }, { idle: 2, live: 2 }, "workers")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), [])
    })
  },
  {
    rule: "L4",
    name: "releases workers before a call returns, without keepAlive; a run keeps its worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make(journaled)
      yield* assert.equal(yield* pool.run(plain.note, "run"), "run")
      yield* assert.equal((yield* pool.stats).live, 1, "live workers")
      yield* pool.map(["a", "b"], plain.note)
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* assert.equal(yield* pool.exitResults, [["run", "a", "b"]], "exit results")
    })
  },
  {
    rule: "L4",
    name: "keeps workers and their state from call to call with keepAlive",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.map(["a"], plain.note)
      yield* pool.forEach(["b"], plain.note)
      yield* Stream.runDrain(pool.streamUnordered(["c"], plain.note))
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["a", "b", "c"])
      yield* assert.equal(yield* pool.exitResults, [], "exit results")
    })
  },
  {
    rule: "L4",
    name: "releases a worker that has been idle for as long as keepAlive says",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: 30 })
      yield* pool.map(["a"], plain.note)
      yield* assert.eventually(Effect.map(pool.exitResults, (results) => results.length > 0))
      yield* assert.eventually(Effect.map(pool.stats, ({ live }) => live === 0))
      yield* assert.equal(yield* pool.exitResults, [["a"]], "exit results")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
    })
  }
]

const ends: ReadonlyArray<Case> = [
  {
    rule: "L3",
    name: "releases in order: exit, init's finalizers last first, services' finalizers",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({
        size: 1,
        keepAlive: true,
        services: tasks.ledger,
        init: tasks.openLedger,
        exit: tasks.closeLedger
      })
      yield* pool.map(["task 1", "task 2"], tasks.useLedger)
      const { cause } = yield* assert.failsWith(pool.stop, "ExitFailed")
      const { message } = yield* assert.isError(cause)
      yield* assert.equal(
        message,
        "services built, init, task 1, task 2, exit, second finalizer, first finalizer, services closed"
      )
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "L3",
    name: "releases once: at the end of a call",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make(journaled)
      yield* pool.map(["a"], plain.note)
      yield* assert.equal(yield* pool.exitResults, [["a"]], "exit results")
    })
  },
  {
    rule: "L3",
    name: "releases once: at the end of a lifespan",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, lifespan: 2 })
      yield* pool.map(["a", "b", "c", "d"], plain.note)
      yield* assert.equal(
        yield* pool.exitResults,
        [
          ["a", "b"],
          ["c", "d"]
        ],
        "exit results"
      )
    })
  },
  {
    rule: "L3",
    name: "releases once: at a restart",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.map(["a"], plain.note)
      yield* pool.restart
      yield* assert.equal(yield* pool.exitResults, [["a"]], "exit results")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
    })
  },
  {
    rule: "L3",
    name: "releases once: when the pool's scope closes",
    effect: Effect.gen(function* () {
      const pool = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
          yield* pool.map(["a"], plain.note)
          return pool
        })
      )
      yield* assert.equal(yield* pool.exitResults, [["a"]], "exit results")
      const { killed, live, lost } = yield* pool.stats
      yield* assert.equal({ killed, live, lost }, { killed: 0, live: 0, lost: 0 }, "workers")
    })
  },
  {
    rule: "L3",
    name: "releases once: after a failing task",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make(journaled)
      yield* assert.failure(pool.map([2, 1], tasks.noteAndHalve))
      yield* assert.equal(yield* pool.exitResults, [["2", "1"]], "exit results")
    })
  },
  {
    rule: "L3",
    name: "releases once: after an interruption, which comes first",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, tasksPerWorker: 2 })
      const fiber = yield* Effect.forkChild(pool.map(["a"], tasks.hold))
      yield* pool.run(tasks.waitFor, "start a")
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(yield* pool.exitResults, [["start a", "interrupted a"]], "exit results")
    })
  },
  {
    rule: "L3",
    name: "runs the finalizers of an init that failed, and no exit",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({
        size: 1,
        init: Portable.bind(tasks.failToOpenCounted, shared),
        exit: Portable.bind(tasks.closeCounted, shared)
      })
      yield* assert.failsWith(pool.map([1], plain.square), "InitFailed")
      yield* assert.equal(cell(shared, 0), 1, "finalizers run")
      yield* assert.equal(cell(shared, 1), 0, "exits run")
      yield* assert.equal(yield* pool.exitResults, [], "exit results")
    })
  },
  {
    rule: "L3",
    name: "runs the finalizers of an init that timed out, and no exit",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      // on a machine that stands still for a while, the time of a hook that it is about to start may be over
      for (let initTimeout = 100; cell(shared, 1) === 0 && initTimeout <= 10_000; initTimeout *= 10) {
        const pool = yield* WorkerPool.make({
          size: 1,
          init: Portable.bind(tasks.openCountedNever, shared),
          initTimeout,
          exit: tasks.closeNever
        })
        yield* assert.failsWith(pool.map([1], plain.square), "InitTimedOut")
      }
      yield* assert.equal(cell(shared, 1), 1, "hooks started")
      yield* assert.equal(cell(shared, 0), 1, "finalizers run")
    })
  },
  {
    rule: "L3",
    name: "runs the finalizers of an init that was interrupted, and no exit",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({
        size: 1,
        init: Portable.bind(tasks.openCountedNever, shared),
        exit: tasks.closeNever,
        killAfter: ample
      })
      const fiber = yield* Effect.forkChild(pool.map([1], plain.square))
      yield* assert.eventually(Effect.sync(() => cell(shared, 1) === 1))
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(cell(shared, 0), 1, "finalizers run")
      const { live, starting } = yield* pool.stats
      yield* assert.equal({ live, starting }, { live: 0, starting: 0 }, "workers")
    })
  },
  {
    rule: "L3",
    name: "runs init's finalizers, once, after an exit that failed",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({
        size: 1,
        init: Portable.bind(tasks.openFinalized, shared),
        exit: Portable.bind(tasks.failToCloseCounted, shared)
      })
      yield* assert.failsWith(pool.map([1], plain.square), "ExitFailed")
      yield* assert.equal(cell(shared, 1), 1, "exits run")
      yield* assert.equal(cell(shared, 0), 1, "finalizers run")
    })
  },
  {
    rule: "L3",
    name: "runs init's finalizers after an exit that timed out",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({
        size: 1,
        init: Portable.bind(tasks.openFinalized, shared),
        exit: tasks.closeNever,
        exitTimeout: 20
      })
      yield* assert.failsWith(pool.map([1], plain.square), "ExitTimedOut")
      yield* assert.equal(cell(shared, 0), 1, "finalizers run")
    })
  },
  {
    rule: "L3",
    name: "releases nothing of a worker that nobody waits for any more before its init has ended",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: tasks.openNever, exit: tasks.closeNever })
      const fiber = yield* Effect.forkChild(pool.map([1], plain.square))
      yield* assert.eventually(Effect.map(pool.stats, ({ starting }) => starting === 1))
      yield* Fiber.interrupt(fiber)
      const { live, starting } = yield* pool.stats
      yield* assert.equal({ live, starting }, { live: 0, starting: 0 }, "workers")
    })
  },
  {
    rule: "L3",
    name: "keeps a fiber that init forked in its Scope until the release",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: tasks.openTicking })
      yield* assert.equal(yield* pool.run(tasks.waitForTicks, 2), true)
      yield* assert.equal(yield* pool.run(tasks.waitForTicks, 5), true)
      yield* pool.stop
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "L3",
    name: "runs hooks that are Effects, or return plain values, Promises or Effects",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: tasks.openText })
      const state = pool.map([undefined], plain.readState, { init: tasks.openText, exit: tasks.closeEffect })
      yield* assert.equal(yield* state, ["the state"])
      yield* assert.equal(yield* pool.exitResults, ["the state closed"], "exit results")
      yield* pool.map([1], plain.square, { init: plain.openPromise, exit: plain.closePromise })
      yield* assert.equal(yield* pool.exitResults, ["worker 0 closed"], "exit results")
      yield* pool.map([1], plain.square, { init: tasks.openEffect, exit: tasks.closeEffect })
      yield* assert.equal(yield* pool.exitResults, ["worker 0 closed"], "exit results")
    })
  }
]

const openedBy = (name: string) => ({
  init: Portable.bind(plain.openNamed, name),
  exit: Portable.bind(plain.closeNamed, name)
})

const hooks: ReadonlyArray<Case> = [
  {
    rule: "L6",
    name: "releases with the exit that is current, and does not run a new init for a live worker",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, ...openedBy("pool") })
      yield* assert.equal(yield* pool.map([1], plain.readState, openedBy("first")), ["first"])
      yield* assert.equal(yield* pool.map([1], plain.readState, openedBy("second")), ["first"])
      yield* pool.stop
      yield* assert.equal(yield* pool.exitResults, ["first to second"], "exit results")
    })
  },
  {
    rule: "L6",
    name: "recycles a worker with the exit of the call, and its successor with its init",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, lifespan: 3, ...openedBy("pool") })
      yield* pool.map([1], plain.readState, openedBy("first"))
      const states = yield* pool.map([1, 2, 3], plain.readState, openedBy("second"))
      yield* assert.equal(states, ["first", "first", "second"])
      yield* assert.equal(yield* pool.exitResults, ["first to second"], "exit results")
      // a call that names no hooks brings the pool's back
      yield* pool.map([1], plain.readState)
      yield* pool.stop
      yield* assert.equal(yield* pool.exitResults, ["first to second", "second to pool"], "exit results")
    })
  },
  {
    rule: "L8",
    name: "gives no worker more items than its lifespan, chunks or not",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const items = Array.from({ length: 10 }, (_, n) => n)
      const workers = yield* pool.map(items, plain.where, { lifespan: 3, chunkSize: 4 })
      yield* assert.equal(generations(workers), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4])
    })
  },
  {
    rule: "L8",
    name: "counts the items of all calls and runs, several at once too",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, lifespan: 3, tasksPerWorker: 2 })
      const first = yield* pool.run(plain.where, undefined)
      const next = yield* pool.map([0, 0, 0], tasks.whereAfter)
      const last = yield* pool.run(plain.where, undefined)
      yield* assert.equal(generations([first, ...next, last]), [1, 1, 1, 2, 2])
    })
  },
  {
    rule: "L8",
    name: "counts no items that were cancelled before they started",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const shared = memory()
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, lifespan: 3, killAfter: ample })
      const held = pool.map([1, 2, 3], Portable.bind(tasks.holdCounted, shared), { chunkSize: 3 })
      const fiber = yield* Effect.forkChild(held)
      yield* assert.eventually(Effect.sync(() => cell(shared, 0) === 1))
      yield* Fiber.interrupt(fiber)
      const workers = yield* pool.map([1, 2, 3], plain.where)
      yield* assert.equal(generations(workers), [1, 1, 2])
    })
  },
  {
    rule: "L9",
    name: "keeps exit results until the first call of the next session",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, lifespan: 1 })
      yield* pool.map(["a", "b"], plain.note)
      yield* assert.equal(yield* pool.exitResults, [["a"], ["b"]], "exit results")
      yield* pool.map(["c"], plain.note)
      yield* assert.equal(yield* pool.exitResults, [["c"]], "exit results")
    })
  },
  {
    rule: "L10",
    name: "fails the caller when init fails, with what it failed with; the next call tries again",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make(journaled)
      const failed = yield* assert.failsWith(pool.map(["a"], plain.note, { init: tasks.failToOpen }), "InitFailed")
      yield* assert.equal([failed.worker, failed.generation], [0, 1], "worker")
      const error = yield* assert.isError(failed.cause)
      yield* assert.equal(error.message, "the port is busy", "message")
      yield* assert.equal((error as Busy).resource, "the port", "resource")
      yield* assert.equal(yield* pool.map(["b"], plain.note), ["b"])
      yield* assert.equal(yield* pool.exitResults, [["b"]], "exit results")
    })
  },
  {
    rule: "L10",
    name: "fails the caller when init throws",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.throwOnOpen })
      const { cause } = yield* assert.failsWith(pool.run(plain.square, 1), "InitFailed")
      yield* assert.equal((yield* assert.isError(cause)).message, "no port", "message")
    })
  },
  {
    rule: "L10",
    name: "fails the caller when init rejects",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.rejectOnOpen })
      const { cause } = yield* assert.failsWith(pool.run(plain.square, 1), "InitFailed")
      yield* assert.equal((yield* assert.isError(cause)).message, "no port", "message")
    })
  },
  {
    rule: "L10",
    name: "fails the call that caused a release when exit fails, after all releases",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, exit: tasks.closeOrFail })
      const map = pool.map([1, 2], tasks.squareEffect, { chunkSize: 1 })
      const failed = yield* assert.failsWith(map, "ExitFailed")
      yield* assert.equal(failed.worker, 0, "worker")
      const error = yield* assert.isError(failed.cause)
      yield* assert.equal((error as Busy)._tag, "Busy", "tag")
      yield* assert.equal(yield* pool.exitResults, [1], "exit results")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "L10",
    name: "fails stop when exit throws, and the pool stays usable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: plain.throwOnClose })
      yield* pool.run(plain.square, 1)
      const { cause } = yield* assert.failsWith(pool.stop, "ExitFailed")
      yield* assert.equal((yield* assert.isError(cause)).message, "no door", "message")
      yield* assert.equal(yield* pool.map([2], plain.where, { exit: plain.closeQuietly }), [{ id: 0, generation: 2 }])
    })
  }
]

export const cases: ReadonlyArray<Case> = [...acquisition, ...ends, ...hooks]
