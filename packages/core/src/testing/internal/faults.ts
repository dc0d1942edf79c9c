/** F3, F4: what cannot start, and what cannot cross. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { Busy, Counter } from "../suite.tasks.ts"
import { promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, journaled, plain, tasks } from "./case.ts"

interface Unloadable {
  readonly task: (n: number) => number
  readonly open: () => string
  readonly layer: Layer.Layer<Counter>
}

const missing = Portable.module<Unloadable>(new URL("./missing.tasks.ts", import.meta.url))

const throwing = Portable.module<Unloadable>("data:text/javascript,throw new Error('the module throws')")

const invalid = Portable.module<Unloadable>("data:text/javascript,export const task =")

const incomplete = Portable.module<Unloadable>(new URL("../suite.tasks.ts", import.meta.url))

const starts: ReadonlyArray<Case> = [
  {
    rule: "F3",
    name: "fails with StartFailed when the task's module is missing; the pool stays usable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const { cause, message } = yield* assert.failsWith(pool.map([1, 2], missing.task), "StartFailed")
      yield* assert.isError(cause)
      yield* assert.includes(message, "missing.tasks", "message")
      yield* assert.equal(yield* pool.map([2], plain.square), [4])
    })
  },
  {
    rule: "F3",
    name: "fails with StartFailed when the task's module throws; the pool stays usable",
    needs: ["dataUrls"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { cause } = yield* assert.failsWith(pool.run(throwing.task, 1), "StartFailed")
      yield* assert.equal((yield* assert.isError(cause)).message, "the module throws", "message")
      yield* assert.equal(yield* pool.run(plain.square, 2), 4)
    })
  },
  {
    rule: "F3",
    name: "fails with StartFailed when the task's module is no JavaScript; the pool stays usable",
    needs: ["dataUrls"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { cause } = yield* assert.failsWith(pool.run(invalid.task, 1), "StartFailed")
      yield* assert.isError(cause)
      yield* assert.equal(yield* pool.run(plain.square, 2), 4)
    })
  },
  {
    rule: "F3",
    name: "fails with StartFailed when the task's module has no such export; the pool stays usable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const stream = Stream.runDrain(pool.stream([1, 2, 3], incomplete.task))
      const { cause } = yield* assert.failsWith(stream, "StartFailed")
      yield* assert.includes((yield* assert.isError(cause)).message, `no export "task"`, "message")
      yield* assert.equal(yield* pool.run(plain.square, 2), 4)
    })
  },
  {
    rule: "F3",
    name: "fails mapExit as a whole, because no item can have an outcome",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      yield* assert.failsWith(pool.mapExit([1, 2], missing.task), "StartFailed")
    })
  },
  {
    rule: "F3",
    name: "fails with StartFailed when init or the services cannot be loaded; the next call tries again",
    needs: ["dataUrls"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: tasks.openText })
      for (const init of [missing.open, throwing.open, incomplete.open]) {
        yield* assert.failsWith(pool.map([1], plain.square, { init }), "StartFailed")
        yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      }
      // consecutive failures may make a slot wait a while
      yield* assert.eventually(Effect.map(Effect.exit(pool.map([undefined], plain.readState)), Exit.isSuccess))
      const other = yield* WorkerPool.make({ size: 1, services: incomplete.layer })
      yield* assert.failsWith(other.run(plain.square, 1), "StartFailed")
    })
  },
  {
    rule: "F3",
    name: "fails all runs that wait for a worker, at once, when none can start",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, init: missing.open })
      const runs = Effect.forEach(
        Array.from({ length: 100 }, (_, n) => n),
        (n) => Effect.exit(pool.run(plain.square, n)),
        { concurrency: "unbounded" }
      )
      for (const exit of yield* promptly(runs)) yield* assert.exitFailsWith(exit, "StartFailed")
      const retried = pool.map([undefined], plain.where, { init: plain.openNothing })
      yield* assert.eventually(Effect.map(Effect.exit(retried), Exit.isSuccess))
    })
  },
  {
    rule: "L10",
    name: "fails with InitFailed when the services cannot be built",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, services: tasks.noCounter })
      const { cause } = yield* assert.failsWith(pool.run(tasks.count, undefined), "InitFailed")
      yield* assert.equal((yield* assert.isError(cause) as Effect.Effect<Busy>).resource, "the counter", "resource")
    })
  }
]

const crossings: ReadonlyArray<Case> = [
  {
    rule: "F4",
    name: "marks an input that cannot cross, and its neighbours are unharmed",
    needs: ["cloning"],
    accident: {
      what: "A task is given an input that cannot be cloned, such as a function.",
      elsewhere:
        "workerpool: on threads an uncaught exception in the main thread, the task and the pool hang; on " +
        "processes it is dropped. poolifier: with its queue the pool stalls. MPIRE: a task that cannot be " +
        "pickled makes the map hang for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const exits = yield* pool.mapExit(["a", () => "b", "c"], plain.echo, { chunkSize: 3 })
      const { direction, index } = yield* assert.exitFailsWith(exits[1], "NotSerializable")
      yield* assert.equal<unknown>({ direction, index }, { direction: "input", index: 1 })
      yield* assert.equal<unknown>([exits[0], exits[2]], [Exit.succeed("a"), Exit.succeed("c")], "neighbours")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "marks a result that cannot cross, and its neighbours are unharmed",
    needs: ["cloning"],
    accident: {
      what: "A task returns a result that cannot be cloned, such as a function.",
      elsewhere:
        "piscina, tinypool: the worker dies, and the other tasks on it too. workerpool: an empty Error, on " +
        "processes silently undefined. MPIRE: the map hangs for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const exits = yield* pool.mapExit([false, false, true, false], plain.returnFunction, { chunkSize: 4 })
      const { direction, index } = yield* assert.exitFailsWith(exits[2], "NotSerializable")
      yield* assert.equal<unknown>({ direction, index }, { direction: "output", index: 2 })
      yield* assert.equal(exits.map(Exit.isSuccess), [true, true, false, true], "neighbours")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "marks a failure that cannot cross, and its neighbours are unharmed",
    needs: ["cloning"],
    accident: {
      what: "A task fails with what cannot be cloned.",
      elsewhere: "MPIRE: an exception with a local lambda in it makes the map hang."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const exits = yield* pool.mapExit([true, false], tasks.failWithFunction, { chunkSize: 2 })
      const { direction, index } = yield* assert.exitFailsWith(exits[0], "NotSerializable")
      yield* assert.equal<unknown>({ direction, index }, { direction: "error", index: 0 })
      yield* assert.equal(exits.map(Exit.isSuccess), [false, true], "neighbours")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "tells results that cannot cross, failures and results apart in one chunk",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const kinds = ["function", "fail", "a", "function", "b", "fail"]
      const exits = yield* pool.mapExit(kinds, tasks.endAs, { chunkSize: 6 })
      for (const index of [0, 3]) {
        const failed = yield* assert.exitFailsWith(exits[index], "NotSerializable")
        yield* assert.equal<unknown>([failed.direction, failed.index], ["output", index])
      }
      for (const index of [1, 5]) {
        const busy = yield* assert.failure(exits[index]!)
        yield* assert.equal((Cause.squash(busy) as Busy)._tag, "Busy", "tag")
      }
      yield* assert.equal<unknown>([exits[2], exits[4]], [Exit.succeed("a"), Exit.succeed("b")])
    })
  },
  {
    rule: "F4",
    name: "marks a defect that cannot cross",
    needs: ["cloning"],
    accident: {
      what: "A task throws what cannot be cloned.",
      elsewhere: "MPIRE: an exception with a local lambda in it makes the map hang."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const failing = pool.run(tasks.dieWithFunction, undefined)
      const { direction } = yield* assert.failsWith(failing, "NotSerializable")
      yield* assert.equal<unknown>(direction, "error", "direction")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "fails map, stream and run with what cannot cross",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const items = ["a", "b", Symbol("c"), "d"]
      const mapped = yield* assert.failsWith(pool.map(items, plain.echo, { chunkSize: 2 }), "NotSerializable")
      yield* assert.equal<unknown>([mapped.direction, mapped.index], ["input", 2])
      const stream = pool.stream([false, true], plain.returnFunction)
      const streamed = yield* assert.failsWith(Stream.runDrain(stream), "NotSerializable")
      yield* assert.equal<unknown>([streamed.direction, streamed.index], ["output", 1])
      const run = yield* assert.failsWith(pool.run(tasks.failWithFunction, true), "NotSerializable")
      yield* assert.equal<unknown>([run.direction, run.index], ["error", 0])
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "F4",
    name: "fails a call whose bound value cannot cross; the worker is unharmed",
    needs: ["cloning"],
    accident: {
      what: "A value bound to a task cannot be cloned.",
      elsewhere: "MPIRE: a task that cannot be pickled makes the map hang for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.run(plain.note, "before")
      const bound = { amount: 1, f: () => 1 }
      const failed = yield* assert.failsWith(pool.map([1, 2], Portable.bind(plain.add, bound)), "NotSerializable")
      yield* assert.equal<unknown>([failed.direction, failed.index], ["input", undefined])
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["before"])
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "fails the call whose init has a bound value that cannot cross; the next call tries again",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: Portable.bind(plain.openNamed, "fine") })
      const init = Portable.bind(plain.openNamed, Symbol("not so") as unknown as string)
      const failed = yield* assert.failsWith(pool.map([1], plain.square, { init }), "NotSerializable")
      yield* assert.equal<unknown>([failed.direction, failed.index], ["input", undefined])
      yield* assert.equal(yield* pool.map([1], plain.readState), ["fine"])
    })
  },
  {
    rule: "F4",
    name: "fails the call that caused a release whose exit result cannot cross",
    needs: ["cloning"],
    accident: {
      what: "An exit hook returns what cannot be cloned.",
      elsewhere: "MPIRE: a result that cannot be pickled hangs for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: plain.closeWithFunction })
      const failed = yield* assert.failsWith(pool.map([1], plain.square), "NotSerializable")
      yield* assert.equal<unknown>([failed.direction, failed.index], ["output", undefined])
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* usable(pool)
    })
  }
]

export const cases: ReadonlyArray<Case> = [...starts, ...crossings]
