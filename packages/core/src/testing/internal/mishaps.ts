/** Mishaps of callers and tasks that need not cost a worker. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as WorkerPool from "../../WorkerPool.ts"
import { promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, journaled, plain } from "./case.ts"

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const ascending = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => [...numbers].sort((a, b) => a - b)

/** Checks that a task may throw `value`, and that its caller gets just that. */
const arrives = Effect.fnUntraced(function* (value: unknown) {
  const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
  for (const call of [pool.run(harmful.throwIt, value), pool.map([value], harmful.throwIt)]) {
    const cause = yield* assert.failure(promptly(call))
    yield* assert.equal<unknown>(
      cause.reasons.filter(Cause.isDieReason).map((reason) => reason.defect),
      [value]
    )
  }
  yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
  yield* usable(pool)
})

export const cases: ReadonlyArray<Case> = [
  {
    rule: "C6",
    name: "brings undefined as a defect, and keeps the worker",
    accident: {
      what: "A task does `throw undefined`.",
      elsewhere: "workerpool: the worker crashes. poolifier: uncaught in the worker, the task hangs."
    },
    effect: arrives(undefined)
  },
  {
    rule: "C6",
    name: "brings what is no Error as a defect, and keeps the worker",
    accident: {
      what: "A task throws a string, or null.",
      elsewhere: "MPIRE: what is no `Exception`, such as KeyboardInterrupt, makes the map hang."
    },
    effect: Effect.andThen(arrives("a text"), arrives(null))
  },
  {
    rule: "C3",
    name: "cuts chunks to `maxActive`, and completes",
    accident: {
      what: "`maxActive` is smaller than a chunk.",
      elsewhere: "MPIRE: hangs for ever (`max_tasks_active`)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const squares = numbers(20).map((n) => n * n)
      const options = { chunkSize: 8, maxActive: 3 }
      yield* assert.equal(yield* promptly(pool.map(numbers(20), plain.square, options)), squares)
      yield* assert.equal(yield* promptly(Stream.runCollect(pool.stream(numbers(20), plain.square, options))), squares)
      yield* usable(pool)
    })
  },
  {
    rule: "C7",
    name: "fails with InputFailed when the iterable throws in the middle, and releases the workers",
    accident: {
      what: "The input, a generator, throws in the middle of a map.",
      elsewhere: "MPIRE: the workers are not stopped, even without keep_alive."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, size: 2 })
      function* items() {
        yield* ["a", "b", "c", "d"]
        throw new Error("no more items")
      }
      yield* assert.failsWith(promptly(pool.map(items(), plain.note, { chunkSize: 1 })), "InputFailed")
      const { calls, live } = yield* pool.stats
      yield* assert.equal({ calls, live }, { calls: 0, live: 0 }, "stats")
      yield* usable(pool)
    })
  },
  {
    rule: "L8",
    name: "delivers results of several megabytes from workers that live for one item each",
    accident: {
      what: "Results bigger than a pipe's buffer, and workers that are replaced.",
      elsewhere: "MPIRE: hung (#32, #56); on threads a lifespan still hangs at a worker's second end."
    },
    effect: Effect.gen(function* () {
      const bytes = 2 << 20
      const pool = yield* WorkerPool.make({ size: 2, lifespan: 1 })
      const results = yield* promptly(
        pool.map(
          Array.from({ length: 6 }, () => bytes),
          harmful.fill
        )
      )
      yield* assert.equal(
        results.map((result) => [result.length, result[bytes - 1]]),
        results.map(() => [bytes, 7])
      )
      yield* assert.equal(results.length, 6, "results")
      yield* usable(pool)
    })
  },
  {
    rule: "C1",
    name: "maps while another map's stream is being read, and after it was ended early",
    accident: {
      what: "A second map while another is running, or after a stream was ended early.",
      elsewhere:
        "MPIRE: the second map raises and terminates the pool; after an `imap` that was closed early an unordered map hangs."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const second = pool.mapUnordered(numbers(3), plain.square)
      const read = pool.stream(numbers(100), plain.square, { chunkSize: 5 }).pipe(
        Stream.take(3),
        Stream.mapEffect((square) => Effect.map(second, (squares) => [square, ...ascending(squares)]))
      )
      yield* assert.equal(yield* promptly(Stream.runCollect(read)), [
        [0, 0, 1, 4],
        [1, 0, 1, 4],
        [4, 0, 1, 4]
      ])
      yield* assert.equal(ascending(yield* promptly(second)), [0, 1, 4])
      yield* usable(pool)
    })
  },
  {
    rule: "L3",
    name: "maps after it was terminated while a stream was being read",
    accident: {
      what: "The pool is terminated while a stream of results is kept open.",
      elsewhere: "MPIRE: the next map raises that another is running."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.start
      const stream = pool.stream(["a", "b"], plain.holdPromise, { chunkSize: 1 })
      const fiber = yield* Effect.forkChild(Stream.runDrain(stream), { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
      yield* promptly(pool.terminate)
      yield* assert.failsWith(promptly(Fiber.join(fiber)), "Terminated")
      yield* assert.equal(yield* promptly(pool.map([1, 2], plain.square)), [1, 4])
      yield* usable(pool)
    })
  }
]
