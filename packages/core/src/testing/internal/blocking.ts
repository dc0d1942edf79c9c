/** C4, C5, T2: items that do not yield. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import { type AnyPool, pace, patience, promptly, settled, startLimit, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, journaled, moduleOf, plain, tasks } from "./case.ts"

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const impatient = { size: 1, keepAlive: true, killAfter: patience } as const

/**
 * Interrupts `call` when its item has started, `delay` milliseconds after it was sent. If no worker was killed, the
 * item had not started yet: then it tries again with twice the delay.
 */
const interruptStarted = <A, E>(
  pool: AnyPool,
  call: Effect.Effect<A, E>,
  delay = 5
): Effect.Effect<void, assert.AssertionFailed | WorkerPoolError, WorkerRuntime> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(call, { startImmediately: true })
    yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
    yield* Effect.sleep(delay)
    yield* promptly(Fiber.interrupt(fiber))
    if ((yield* pool.stats).killed === 0) yield* interruptStarted(pool, call, 2 * delay)
  })

/** Checks that an interrupted caller is not kept waiting, and that the worker is killed and replaced. */
const isKilled = Effect.fnUntraced(function* (call: (pool: WorkerPool.WorkerPool) => Effect.Effect<unknown, unknown>) {
  const pool = yield* WorkerPool.make(impatient)
  // loads Effect first, so that an item which is an Effect starts at once
  yield* pool.run(tasks.squareEffect, 1)
  yield* interruptStarted(pool, call(pool))
  yield* usable(pool)
  yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
  const { killed, lost } = yield* pool.stats
  yield* assert.equal({ killed, lost }, { killed: 1, lost: 0 }, "stats")
})

/** Checks that an item which is out of time is not waited for, and that its worker is killed. */
const isTimedOut = Effect.fnUntraced(function* (
  call: (pool: WorkerPool.WorkerPool, options: { readonly timeout: number }) => Effect.Effect<unknown, unknown>
) {
  const pool = yield* WorkerPool.make(impatient)
  yield* pool.run(tasks.squareEffect, 1)
  const { index } = yield* assert.failsWith(promptly(call(pool, { timeout: 40 })), "TaskTimedOut")
  yield* assert.equal(index, 0, "index")
  yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
  yield* usable(pool)
})

const interruptions: ReadonlyArray<Case> = [
  {
    rule: "C4",
    name: "keeps a caller who gives up while a module computes for no longer than `killAfter`, where the worker is to end",
    needs: ["killing", "dataUrls"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, exit: plain.closeQuietly, killAfter: patience })
      const { task } = moduleOf<{ readonly task: (n: number) => number }>("for (;;); export const task = (n) => n")
      yield* interruptStarted(pool, pool.map([1], task))
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  },
  {
    rule: "C5",
    name: "interrupts the caller of a computation without end: its worker is killed and replaced",
    needs: ["killing"],
    accident: {
      what: "The caller of `for (;;)` is interrupted.",
      elsewhere:
        "poolifier: hangs for ever, its worker is blocked. workerpool: the next task has to wait for 2 seconds."
    },
    effect: isKilled((pool) => pool.run(harmful.loop, undefined))
  },
  {
    rule: "C5",
    name: "interrupts the caller of a Promise that ignores its signal: its worker is killed and replaced",
    needs: ["killing"],
    accident: {
      what: "The caller of a Promise that never settles, and ignores its signal, is interrupted.",
      elsewhere: "poolifier: the Promise is rejected, its function goes on for ever."
    },
    effect: isKilled((pool) => pool.map([1], harmful.pend))
  },
  {
    rule: "C5",
    name: "interrupts the caller of an uninterruptible Effect that does not end: its worker is killed and replaced",
    needs: ["killing"],
    accident: {
      what: "The caller of an `Effect.uninterruptible` that never ends is interrupted.",
      elsewhere: "Effect itself: the interruption waits for ever."
    },
    effect: isKilled((pool) => pool.map([1], tasks.neverEnd))
  },
  {
    rule: "C5",
    name: "never runs an item whose caller is interrupted while it waits, and costs no worker",
    accident: {
      what: "A queued task is aborted while another runs.",
      elsewhere: "piscina before 5.1: later tasks never started after an abort (#805)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      yield* pool.start
      const running = yield* Effect.forkChild(pool.run(plain.holdPromise, "a"), { startImmediately: true })
      const waiting = yield* Effect.forkChild(pool.run(plain.note, "b"), { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ pending }) => pending === 1))
      yield* promptly(Fiber.interrupt(waiting))
      yield* assert.equal((yield* pool.stats).pending, 0, "waiting runs")
      yield* promptly(Fiber.interrupt(running))
      const journal = yield* pool.run(plain.readJournal, undefined)
      yield* assert.isTrue(!journal.includes("b"), "no b", journal)
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
      yield* usable(pool)
    })
  },
  {
    rule: "C5",
    name: "never runs an item of a caller that is interrupted already",
    accident: {
      what: "A task is submitted with an aborted signal.",
      elsewhere: "poolifier: the signal is ignored, the task runs."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
      const notes = Effect.all([pool.run(plain.note, "a"), pool.map(["b"], plain.note)], { concurrency: 2 })
      const fiber = yield* Effect.forkChild(
        Effect.withFiber((fiber) => {
          fiber.interruptUnsafe()
          return notes
        })
      )
      yield* assert.isTrue(Exit.hasInterrupts(yield* promptly(Fiber.await(fiber))), "interrupted")
      yield* assert.equal(yield* pool.run(plain.readJournal, undefined), [])
      yield* usable(pool)
    })
  }
]

const timeouts: ReadonlyArray<Case> = [
  {
    rule: "T2",
    name: "fails a map of which an item computes without end with TaskTimedOut",
    needs: ["killing"],
    accident: {
      what: "`for (;;)` in a task with a timeout.",
      elsewhere:
        "piscina, tinypool, poolifier: no timeouts; poolifier hangs for ever with AbortSignal.timeout as " +
        "well. MPIRE: threads cannot be interrupted."
    },
    effect: isTimedOut((pool, options) => pool.map([0], Portable.bind(harmful.loopAt, 0), options))
  },
  {
    rule: "T2",
    name: "marks an item that computes without end in mapExit, and goes on with the others",
    needs: ["killing"],
    accident: {
      what: "`for (;;)` in one of many tasks, each with a timeout.",
      elsewhere: "MPIRE: the map fails as a whole, and the pool is terminated (#132)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...impatient, size: 2 })
      const timeout = yield* pace(pool.start)
      const exits = yield* promptly(
        pool.mapExit(numbers(12), Portable.bind(harmful.loopAt, 4), { chunkSize: 6, timeout })
      )
      const { index } = yield* assert.exitFailsWith(exits[4], "TaskTimedOut")
      yield* assert.equal(index, 4, "index")
      yield* assert.equal(
        exits.map(Exit.isSuccess),
        numbers(12).map((n) => n !== 4)
      )
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  },
  {
    rule: "T2",
    name: "fails only the run that computes without end; those that wait for its worker complete on the next",
    needs: ["killing"],
    accident: {
      what: "100 tasks share a worker with one that hangs.",
      elsewhere:
        "poolifier: all of them hang. piscina with several tasks per worker: an abort fails its bystanders (#934)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make(impatient)
      const timeout = yield* pace(pool.start)
      const run = (n: number) => Effect.exit(pool.run(Portable.bind(harmful.loopAt, 40), n, { timeout }))
      const exits = yield* promptly(Effect.forEach(numbers(100), run, { concurrency: "unbounded" }))
      yield* assert.exitFailsWith(exits[40], "TaskTimedOut")
      yield* assert.equal(
        exits.map(Exit.isSuccess),
        numbers(100).map((n) => n !== 40)
      )
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  },
  {
    rule: "T2",
    name: "fails a run whose Promise never settles with TaskTimedOut",
    needs: ["killing"],
    accident: {
      what: "A Promise that never settles, with a timeout.",
      elsewhere: "poolifier with AbortSignal.timeout: the function goes on for ever."
    },
    effect: isTimedOut((pool, options) => pool.run(harmful.pend, undefined, options))
  },
  {
    rule: "T2",
    name: "fails a map of which an Effect neither ends nor can be interrupted with TaskTimedOut",
    needs: ["killing"],
    accident: {
      what: "An uninterruptible Effect that never ends, with a timeout.",
      elsewhere: "Effect's own `timeout`: waits for ever."
    },
    effect: isTimedOut((pool, options) => pool.map([1], tasks.neverEnd, options))
  },
  {
    rule: "T4",
    name: "sends the next items to another worker when something left behind keeps theirs",
    needs: ["killing"],
    accident: {
      what: "A task that is done has left a timer behind, in which its worker hangs.",
      elsewhere: "piscina, tinypool, poolifier: no timeouts; what that worker gets next hangs."
    },
    effect: Effect.gen(function* () {
      const startTimeout = yield* startLimit
      const pool = yield* WorkerPool.make({ ...impatient, startTimeout })
      yield* assert.equal(yield* pool.run(harmful.loopLater, 1), 1)
      // the first of these items may run before the timer that blocks the worker fires
      const next = Effect.map(pool.map(numbers(4), plain.where), (workers) => workers[3]!.generation === 2)
      yield* promptly(assert.eventually(next), startTimeout)
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      yield* usable(pool)
    })
  }
]

/** Closes a pool when an item that never ends has started; tries again with twice the `delay` if it had not. */
const closeBusy = (delay: number): Effect.Effect<void, unknown, WorkerRuntime> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const options = { ...journaled, size: 2, keepAlive: true, killAfter: patience }
    const pool = yield* Scope.provide(WorkerPool.make(options), scope)
    yield* pool.start
    const fiber = yield* Effect.forkDetach(pool.run(harmful.loop, undefined), { startImmediately: true })
    yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
    yield* Effect.sleep(delay)
    yield* pool.run(plain.note, "other")
    yield* promptly(Scope.close(scope, Exit.void))
    yield* assert.failsWith(promptly(Fiber.join(fiber)), "PoolClosed")
    yield* settled(pool)
    const { killed, live } = yield* pool.stats
    yield* assert.equal(live, 0, "live workers")
    if (killed === 0) return yield* closeBusy(2 * delay)
    yield* assert.equal(yield* pool.exitResults, [["other"]], "exit results")
  })

const ends: ReadonlyArray<Case> = [
  {
    rule: "F5",
    name: "terminates a worker that computes without end; the pool stays usable",
    needs: ["killing"],
    accident: {
      what: "The pool is terminated while a task is in `for (;;)`.",
      elsewhere: "tinypool: ending a worker hung (#49, #54). poolifier: without its queue the running tasks hang."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...impatient, killAfter: "never" })
      yield* pool.start
      const fiber = yield* Effect.forkChild(pool.map([1, 2, 3], harmful.loop), { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
      yield* promptly(pool.terminate)
      yield* assert.failsWith(promptly(Fiber.join(fiber)), "Terminated")
      yield* usable(pool)
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
    })
  },
  {
    rule: "F5",
    name: "closes although a worker computes without end; the others run their exit hooks",
    needs: ["killing"],
    accident: {
      what: "The program ends while a task is in `for (;;)`.",
      elsewhere:
        "MPIRE: leaving the context runs no exit hook, of no worker. tinypool: ending a worker hung (#49, #54)."
    },
    effect: closeBusy(20)
  }
]

export const cases: ReadonlyArray<Case> = [...interruptions, ...timeouts, ...ends]
