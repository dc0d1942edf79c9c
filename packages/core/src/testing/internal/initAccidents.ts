/** L10, T2: an init that fails, never ends, or takes its worker with it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import { patience, promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, plain } from "./case.ts"

export const cases: ReadonlyArray<Case> = [
  {
    rule: "L10",
    name: "fails each call with what its own init failed with, and goes on with one that does not",
    accident: {
      what: "A call after one whose init has failed.",
      elsewhere:
        "MPIRE: after an init error in `apply` a later `apply_async` never completes, and the next map raises the old error."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: harmful.openNumber })
      for (const message of ["the first", "the second"]) {
        const map = pool.map([1], plain.square, { init: Portable.bind(harmful.throwNamedOnOpen, message) })
        const { cause } = yield* assert.failsWith(promptly(map), "InitFailed")
        yield* assert.equal((yield* assert.isError(cause)).message, message, "message")
      }
      // consecutive failures make a slot wait a while
      const next = Effect.map(Effect.exit(pool.map([2], plain.square)), Exit.isSuccess)
      yield* promptly(assert.eventually(next))
      yield* usable(pool)
    })
  },
  {
    rule: "L10",
    name: "runs again after an init that failed once",
    accident: {
      what: "Single tasks after an init that failed.",
      elsewhere: "MPIRE: a later `apply_async` never completes."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: harmful.throwOnFirstOpen })
      yield* assert.failsWith(promptly(pool.run(plain.square, 1)), "InitFailed")
      yield* usable(pool)
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
    })
  },
  {
    rule: "T2",
    name: "fails with InitTimedOut when init's Promise never settles, and replaces the worker",
    needs: ["killing"],
    accident: {
      what: "An init that never ends, with a timeout.",
      elsewhere: "threads.js: ending the pool after an init that timed out hangs (#461). MPIRE: the pool is terminated."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: harmful.openNumber, killAfter: patience })
      const map = pool.map([1], plain.square, { init: harmful.pendOnOpen, initTimeout: 50 })
      yield* assert.failsWith(promptly(map), "InitTimedOut")
      // a call that names no init uses the pool's
      yield* promptly(pool.map([1], plain.square))
      yield* usable(pool)
      yield* promptly(pool.stop)
      yield* usable(pool)
    })
  },
  {
    rule: "T2",
    name: "fails with InitTimedOut when init computes without end, and kills the worker",
    needs: ["killing"],
    accident: {
      what: "`for (;;)` in an init with a timeout.",
      elsewhere:
        "threads.js: ending the pool after an init that timed out hangs (#461). MPIRE: threads cannot be " +
        "interrupted."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.openNothing, killAfter: patience })
      const map = pool.map([1], plain.square, { init: harmful.loopOnOpen, initTimeout: 50 })
      yield* assert.failsWith(promptly(map), "InitTimedOut")
      yield* assert.equal((yield* pool.stats).killed, 1, "killed workers")
      // a call that names no init uses the pool's
      yield* promptly(pool.map([1], plain.square))
      yield* usable(pool)
    })
  },
  {
    rule: "C5",
    name: "interrupts a caller that waits for an init which computes without end, and kills the worker",
    needs: ["killing"],
    accident: {
      what: "The caller is interrupted while `for (;;)` runs in init.",
      elsewhere: "MPIRE: threads cannot be interrupted."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, init: plain.openNothing, killAfter: patience })
      const attempt = (delay: number): Effect.Effect<void, unknown, WorkerRuntime> =>
        Effect.gen(function* () {
          const map = pool.map([1], plain.square, { init: harmful.loopOnOpen })
          const fiber = yield* Effect.forkChild(map, { startImmediately: true })
          yield* Effect.sleep(delay)
          yield* promptly(Fiber.interrupt(fiber))
          // if no worker was killed, init had not begun
          if ((yield* pool.stats).killed === 0) yield* attempt(2 * delay)
        })
      yield* attempt(100)
      yield* promptly(pool.map([1], plain.square))
      yield* usable(pool)
    })
  },
  {
    rule: "F2",
    name: "completes the call on another worker when init ended the first",
    needs: ["vanishing"],
    accident: {
      what: "A worker is lost in the middle of its init.",
      elsewhere: "Effect 4's rpc pool: a run hung when a worker died before it was ready (#7570)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: harmful.exitOnFirstOpen })
      yield* assert.equal(yield* promptly(pool.map([1, 2, 3], plain.square)), [1, 4, 9])
      yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 2 })
      yield* assert.equal((yield* pool.stats).lost, 1, "lost workers")
      yield* usable(pool)
    })
  },
  {
    rule: "L10",
    name: "fails with WorkerLost when init ends every worker; none is started again and again",
    needs: ["vanishing"],
    accident: {
      what: "An init that always calls `process.exit()`.",
      elsewhere: "poolifier: a module that fails at its top level makes it start workers without end."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: plain.openNothing })
      const map = pool.map([1, 2, 3], plain.square, { init: harmful.exitOnOpen })
      yield* assert.failsWith(promptly(map), "WorkerLost")
      const { lost } = yield* pool.stats
      yield* assert.isTrue(lost <= 3, "at most three workers", lost)
      const next = Effect.map(Effect.exit(pool.map([2], plain.square)), Exit.isSuccess)
      yield* promptly(assert.eventually(next))
      yield* usable(pool)
      yield* assert.equal((yield* pool.stats).lost, lost, "lost workers")
    })
  },
  {
    rule: "F2",
    name: "completes the call on another worker when the first was killed in its init",
    needs: ["signals"],
    accident: {
      what: "The process of a worker gets SIGKILL in its init.",
      elsewhere: "MPIRE: the map fails, 1 time in 3 it hangs."
    },
    effect: Effect.gen(function* () {
      const init = Portable.bind(harmful.signalOnFirstOpen, "SIGKILL")
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init })
      yield* assert.equal(yield* promptly(pool.map([1, 2, 3], plain.square)), [1, 4, 9])
      yield* usable(pool)
    })
  }
]
