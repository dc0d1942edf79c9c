/** C1 – C10: what calls promise, whatever their tasks do. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as assert from "./assert.ts"
import { ample, type Case, journaled, plain, tasks } from "./case.ts"

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const squares = (length: number): ReadonlyArray<number> => numbers(length).map((n) => n * n)

const inOrder = (values: ReadonlyArray<number>): ReadonlyArray<number> => [...values].sort((a, b) => a - b)

let slowModules = 0

/** A module that takes 50 milliseconds to load; a new one each time, because a module is loaded only once. */
const slowlyLoaded = (millis = 50) =>
  Portable.module<{ readonly countCalls: (_: unknown) => number }>(
    `data:text/javascript,await new Promise((resolve) => setTimeout(resolve, ${millis})); let calls = 0; ` +
      `export const countCalls = () => ++calls //${slowModules++}`
  )

const shape: ReadonlyArray<Case> = [
  {
    rule: "C1",
    name: "lets calls overlap on one pool",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const results = yield* Effect.all(
        [
          pool.map(numbers(20), tasks.squareEffect),
          Stream.runCollect(pool.stream(numbers(20), tasks.squareUnevenly)),
          pool.run(plain.square, 5),
          pool.map(numbers(20), plain.squareLater, { chunkSize: 7 })
        ],
        { concurrency: "unbounded" }
      )
      yield* assert.equal(results, [[...squares(20)], [...squares(20)], 25, [...squares(20)]])
      yield* assert.equal((yield* pool.stats).calls, 0, "calls")
    })
  },
  {
    rule: "C1",
    name: "serves many runs at once",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const results = yield* Effect.forEach(numbers(200), (n) => pool.run(plain.square, n), {
        concurrency: "unbounded"
      })
      yield* assert.equal(results, [...squares(200)])
    })
  },
  {
    rule: "C2",
    name: "keeps input order in map",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, tasksPerWorker: 3 })
      yield* assert.equal(yield* pool.map(numbers(40), tasks.squareUnevenly), [...squares(40)])
      yield* assert.equal(yield* pool.map(numbers(40), plain.square, { chunkSize: 3 }), [...squares(40)])
    })
  },
  {
    rule: "C2",
    name: "keeps input order in stream",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, tasksPerWorker: 3 })
      const stream = pool.stream(numbers(40), tasks.squareUnevenly, { chunkSize: 2 })
      yield* assert.equal(yield* Stream.runCollect(stream), [...squares(40)])
    })
  },
  {
    rule: "C2",
    name: "delivers every result once where order does not matter",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, tasksPerWorker: 3, keepAlive: true })
      const mapped = yield* pool.mapUnordered(numbers(40), tasks.squareUnevenly)
      yield* assert.equal(inOrder(mapped), squares(40))
      const streamed = yield* Stream.runCollect(pool.streamUnordered(numbers(40), tasks.squareUnevenly))
      yield* assert.equal(inOrder(streamed), squares(40))
    })
  },
  {
    rule: "C2",
    name: "delivers results as they arrive where order does not matter",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, tasksPerWorker: 2 })
      const items = ["after quick", "quick"]
      const delivered = ["quick", "after quick"]
      yield* assert.equal(yield* pool.mapUnordered(items, tasks.noteOrFollow), delivered)
      yield* assert.equal(yield* Stream.runCollect(pool.streamUnordered(items, tasks.noteOrFollow)), delivered)
      yield* assert.equal(yield* pool.map(items, tasks.noteOrFollow), items)
    })
  },
  {
    rule: "C3",
    name: "takes what it needs from an infinite iterable",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      let pulled = 0
      function* naturals() {
        while (true) yield pulled++
      }
      const some = pool.stream(naturals(), plain.square, { chunkSize: 2, maxActive: 6 }).pipe(Stream.take(20))
      yield* assert.equal(yield* Stream.runCollect(some), [...squares(20)])
      yield* assert.isTrue(pulled <= 26, "at most 26 pulled", pulled)
      const many = pool.stream(naturals(), plain.echo).pipe(Stream.take(5000))
      yield* assert.equal((yield* Stream.runCollect(many)).length, 5000, "results")
      yield* assert.equal((yield* pool.stats).calls, 0, "calls")
      yield* assert.equal(yield* pool.run(plain.square, 3), 9)
    })
  },
  {
    rule: "C3",
    name: "takes what it needs from an infinite Stream",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const naturals = Stream.iterate(0, (n) => n + 1)
      const some = pool.streamUnordered(naturals, tasks.squareEffect, { chunkSize: 3 }).pipe(Stream.take(50))
      yield* assert.equal(inOrder(yield* Stream.runCollect(some)), squares(50))
    })
  },
  {
    rule: "API",
    name: "runs tasks that return a plain value, a Promise, an Effect or an Exit",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* assert.equal(yield* pool.map([1, 2, 3], plain.square), [1, 4, 9])
      yield* assert.equal(yield* pool.map([1, 2, 3], plain.squareLater), [1, 4, 9])
      yield* assert.equal(yield* pool.map([1, 2, 3], tasks.squareEffect), [1, 4, 9])
      yield* assert.equal(yield* pool.map([1, 2, 3], tasks.squareExit), [1, 4, 9])
      yield* assert.equal(yield* pool.run(plain.squareLater, 4), 16)
    })
  },
  {
    rule: "API",
    name: "drops results in forEach, those that cannot cross too",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* assert.equal(yield* pool.forEach(["a", "b"], plain.note), undefined)
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["a", "b"])
      yield* assert.equal(yield* pool.forEach([true, false], plain.returnFunction), undefined)
    })
  },
  {
    rule: "API",
    name: "gives each item's outcome in mapExit and streamExit",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const exits = yield* pool.mapExit([2, 3, 4], tasks.halve)
      yield* assert.equal(exits.map(Exit.isSuccess), [true, false, true])
      const outcomes = yield* Stream.runCollect(pool.streamExit([2, 3, 4], tasks.halve, { chunkSize: 2 }))
      yield* assert.equal(
        outcomes.map(({ index }) => index),
        [0, 1, 2]
      )
      const values = outcomes.map(({ exit }) => (Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)))
      yield* assert.equal<ReadonlyArray<unknown>>(values, [1, { _tag: "Odd", n: 3 }, 2])
      const unordered = yield* Stream.runCollect(pool.streamUnorderedExit([2, 3, 4], tasks.halve))
      yield* assert.equal(inOrder(unordered.map(({ index }) => index)), [0, 1, 2])
    })
  }
]

const failures: ReadonlyArray<Case> = [
  {
    rule: "C4",
    name: "fails with the task's own failure, typed, and where it happened",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const handled = pool
        .map([2, 4, 5, 6], tasks.halve)
        .pipe(Effect.catchTag("Odd", ({ n }) => Effect.succeed(`${n} is odd`)))
      yield* assert.equal<unknown>(yield* handled, "5 is odd")
      const cause = yield* assert.failure(pool.map([2, 4, 5, 6], tasks.halve))
      const origin = { index: 2, worker: 0, generation: 1, pool: pool.name }
      yield* assert.equal<unknown>(WorkerPoolError.origin(cause), origin, "origin")
      // the worker has survived
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C4",
    name: "sends no further chunk after a failure",
    needs: ["near"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const items = [0, 2, 4, 5, ...numbers(50).map((n) => 2 * n + 6)]
      yield* assert.failure(pool.map(items, tasks.noteAndHalve, { chunkSize: 1 }))
      const started = yield* pool.run(plain.readJournal, undefined)
      yield* assert.equal(started.slice(0, 4), ["0", "2", "4", "5"], "started")
      // the next chunk may have been sent before the failure arrived
      yield* assert.isTrue(started.length <= 5, "at most 5 started", started)
    })
  },
  {
    rule: "C4",
    name: "interrupts the call's running items before it fails; the worker and other calls go on",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 3 })
      const other = yield* Effect.forkChild(pool.run(tasks.waitFor, "the end"))
      const failing = pool.map(["a", "b"], Portable.bind(tasks.holdOrFail, "a"), { chunkSize: 1 })
      const resource = failing.pipe(Effect.catchTag("Busy", (busy) => Effect.succeed(busy.resource)))
      yield* assert.equal<unknown>(yield* resource, "b")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["start a", "interrupted a"])
      yield* pool.run(plain.note, "the end")
      yield* assert.equal(yield* Fiber.join(other), "the end")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C4",
    name: "fails, and interrupts, while others of the same chunk run",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 2 })
      const failing = pool.map(["a", "b"], Portable.bind(tasks.holdOrFail, "a"), { chunkSize: 2 })
      const resource = failing.pipe(Effect.catchTag("Busy", (busy) => Effect.succeed(busy.resource)))
      yield* assert.equal<unknown>(yield* resource, "b")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["start a", "interrupted a"])
    })
  },
  {
    rule: "C4",
    name: "fails although the next item of the chunk does not end",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      // loads Effect first: the delay could hide that outcomes wait for the item that holds
      yield* pool.run(tasks.squareEffect, 1)
      const failing = pool.map(["a", "fail", "hold"], tasks.endFailOrHold, { chunkSize: 3 })
      const resource = failing.pipe(Effect.catchTag("Busy", (busy) => Effect.succeed(busy.resource)))
      yield* assert.equal<unknown>(yield* resource, "fail")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C4",
    name: "fails a stream with the task's failure, after the results before it",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const handled = pool
        .stream([2, 4, 5], tasks.halve, { chunkSize: 1 })
        .pipe(Stream.catchTag("Odd", ({ n }) => Stream.make(n)))
      const results = yield* Stream.runCollect(handled)
      yield* assert.equal(results.at(-1), 5, "last")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "C5",
    name: "interrupts a running Effect when its caller is, and its finalizers run",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 2 })
      for (const [index, name] of ["map", "run"].entries()) {
        const call = name === "run" ? pool.run(tasks.hold, name) : pool.map([name], tasks.hold)
        const fiber = yield* Effect.forkChild(call)
        yield* pool.run(tasks.waitFor, `start ${name}`)
        yield* Fiber.interrupt(fiber)
        const events = yield* pool.run(plain.readJournal, undefined)
        yield* assert.equal(events.slice(index * 2), [`start ${name}`, `interrupted ${name}`])
      }
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* assert.equal((yield* pool.stats).calls, 0, "calls")
    })
  },
  {
    rule: "C5",
    name: "interrupts a running Effect in a worker with one task at a time",
    needs: ["sharedMemory"],
    effect: Effect.gen(function* () {
      const memory = new SharedArrayBuffer(8)
      const cells = new Int32Array(memory)
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: ample })
      const fiber = yield* Effect.forkChild(pool.map([1, 2, 3], Portable.bind(tasks.holdCounted, memory)))
      yield* assert.eventually(Effect.sync(() => Atomics.load(cells, 0) === 1))
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(Atomics.load(cells, 1), 1, "interruptions")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* assert.equal(Atomics.load(cells, 0), 1, "starts")
    })
  },
  {
    rule: "C5",
    name: "starts no item whose call is interrupted while its task is loaded",
    needs: ["dataUrls"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: 50 })
      yield* pool.start
      // no item goes on for longer than `killAfter` there
      const slow = slowlyLoaded(400)
      const fiber = yield* Effect.forkChild(pool.map([1, 2], slow.countCalls), { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(yield* pool.run(slow.countCalls, 3), 1, "calls of the task")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* assert.equal((yield* pool.stats).killed, 0, "killed workers")
    })
  },
  {
    rule: "C5",
    name: "tells a Promise by its signal",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 2 })
      const fiber = yield* Effect.forkChild(pool.map(["a"], plain.holdPromise))
      yield* pool.run(tasks.waitFor, "start a")
      yield* Fiber.interrupt(fiber)
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), ["start a", "aborted a"])
    })
  },
  {
    rule: "C5",
    name: "tells an Effect by its signal too",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true, tasksPerWorker: 2 })
      const fiber = yield* Effect.forkChild(pool.map(["a"], tasks.holdSignal))
      yield* pool.run(tasks.waitFor, "start a")
      yield* Fiber.interrupt(fiber)
      const events = yield* pool.run(plain.readJournal, undefined)
      const expected = ["start a", "aborted a", "interrupted a", "signal true, interrupted true"]
      yield* assert.equal([...events].sort(), expected.sort())
    })
  },
  {
    rule: "C5",
    name: "interrupts running items when a stream is ended early",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, tasksPerWorker: 2 })
      const stream = pool.streamUnordered(["a", "b"], Portable.bind(tasks.holdOrEnd, "a"))
      yield* assert.equal(yield* Stream.runCollect(Stream.take(stream, 1)), ["b"])
      yield* assert.equal(yield* pool.exitResults, [["start a", "interrupted a"]], "exit results")
    })
  },
  {
    rule: "C5",
    name: "ends a stream early although the next item of the chunk does not end",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      // loads Effect first: the delay could hide that outcomes wait for the item that holds
      yield* pool.run(tasks.squareEffect, 1)
      const stream = pool.stream(["a", "b", "hold"], tasks.endFailOrHold, { chunkSize: 3 })
      yield* assert.equal(yield* Stream.runCollect(Stream.take(stream, 2)), ["a", "b"])
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C6",
    name: "brings a throw as a defect, with the worker's stack and where it happened",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const { cause, error } = yield* assert.diesWithError(pool.map(["", "boom", ""], plain.explode))
      yield* assert.equal([error.name, error.message], ["RangeError", "boom"])
      yield* assert.equal((error as Error & { readonly code?: unknown }).code, "E_RANGE", "code")
      yield* assert.includes(error.stack, "suite.plain.tasks", "stack")
      yield* assert.includes(error.stack, "explode", "stack")
      const origin = { index: 1, worker: 0, generation: 1, pool: pool.name }
      yield* assert.equal<unknown>(WorkerPoolError.origin(cause), origin, "origin")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C6",
    name: "brings a rejection as a defect",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { cause, error } = yield* assert.diesWithError(pool.map(["", "boom", ""], plain.reject))
      yield* assert.equal([error.name, error.message], ["RangeError", "boom"])
      yield* assert.includes(error.stack, "rejects", "stack")
      yield* assert.equal(WorkerPoolError.origin(cause)?.index, 1, "index")
    })
  },
  {
    rule: "C6",
    name: "brings an Effect's defect, an error or not",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { cause, error } = yield* assert.diesWithError(pool.run(tasks.die, "boom"))
      yield* assert.equal([error.name, error.message], ["RangeError", "boom"])
      yield* assert.includes(error.stack, "dies", "stack")
      yield* assert.equal(WorkerPoolError.origin(cause)?.index, 0, "index")
      for (const defect of ["a text", { code: 7 }, undefined]) {
        const cause = yield* assert.failure(pool.run(tasks.dieWith, defect))
        yield* assert.equal(
          cause.reasons.filter(Cause.isDieReason).map((reason) => reason.defect),
          [defect]
        )
      }
    })
  },
  {
    rule: "C6",
    name: "leaves an item's neighbours unharmed by its defect",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const items = ["", "boom", ""]
      const exits = yield* Effect.all([
        pool.mapExit(items, plain.explode, { chunkSize: 3 }),
        pool.mapExit(items, plain.reject, { chunkSize: 3 }),
        pool.mapExit(items, tasks.die, { chunkSize: 3 })
      ])
      for (const each of exits) yield* assert.equal(each.map(Exit.isSuccess), [true, false, true])
    })
  },
  {
    rule: "C7",
    name: "fails when the iterable throws, and the workers survive",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      function* items() {
        yield 1
        yield 2
        throw new Error("no more items")
      }
      yield* assert.equal(yield* pool.run(plain.square, 2), 4)
      const { cause } = yield* assert.failsWith(pool.map(items(), plain.square), "InputFailed")
      yield* assert.equal((yield* assert.isError(cause)).message, "no more items", "message")
      yield* assert.failsWith(Stream.runDrain(pool.stream(items(), plain.square)), "InputFailed")
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
    })
  },
  {
    rule: "C7",
    name: "fails as the Stream of items does",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const items = Stream.concat(Stream.make(1, 2, 3), Stream.fail({ _tag: "Dry" } as const))
      const handled = pool.map(items, tasks.squareEffect).pipe(Effect.catchTag("Dry", () => Effect.succeed("dry")))
      yield* assert.equal<unknown>(yield* handled, "dry")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  },
  {
    rule: "C10",
    name: "fails with PoolClosed after the scope, and what runs when it closes is interrupted",
    effect: Effect.gen(function* () {
      const { fiber, pool } = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ ...journaled, tasksPerWorker: 2 })
          const fiber = yield* Effect.forkDetach(pool.run(tasks.hold, "a"))
          yield* pool.run(tasks.waitFor, "start a")
          return { pool, fiber }
        })
      )
      yield* assert.equal(yield* pool.exitResults, [["start a", "interrupted a"]], "exit results")
      yield* assert.failsWith(Fiber.join(fiber), "PoolClosed")
      yield* assert.failsWith(pool.run(plain.note, "b"), "PoolClosed")
      yield* assert.failsWith(pool.map(["b"], plain.note), "PoolClosed")
      yield* assert.failsWith(Stream.runDrain(pool.stream(["b"], plain.note)), "PoolClosed")
      yield* assert.failsWith(pool.start, "PoolClosed")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
    })
  }
]

export const cases: ReadonlyArray<Case> = [...shape, ...failures]
