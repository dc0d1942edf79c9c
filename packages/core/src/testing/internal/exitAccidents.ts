/** L3, L10, T2: exit hooks and finalizers that fail, never end, or take their worker with them. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import { patience, promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, journaled, plain, tasks } from "./case.ts"

/** Checks that a map whose worker is lost or killed in the exit hook fails with `tag`, and that the pool goes on. */
const failsInExit = Effect.fnUntraced(function* (
  exit: Portable.Portable<() => string | Promise<never>>,
  tag: "WorkerLost" | "ExitTimedOut"
) {
  const pool = yield* WorkerPool.make({ size: 1, exit: plain.closeQuietly, killAfter: patience })
  const options = { exit: exit as never, ...(tag === "ExitTimedOut" ? { exitTimeout: 50 } : {}) }
  yield* assert.failsWith(promptly(pool.map([1], plain.square, options)), tag)
  const { live } = yield* pool.stats
  yield* assert.equal(live, 0, "live workers")
  // a call that names no exit hook uses the pool's, which does no harm
  yield* assert.equal(yield* promptly(pool.map([2], plain.where)), [{ id: 0, generation: 2 }])
  yield* usable(pool)
  yield* promptly(pool.stop)
  yield* assert.equal(yield* pool.exitResults, ["closed"], "exit results")
})

export const cases: ReadonlyArray<Case> = [
  {
    rule: "L10",
    name: "fails restart and stop when exit throws, and starts new workers after each",
    accident: {
      what: "A pool is used again after an exit hook has thrown.",
      elsewhere: "MPIRE: can hang for ever."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, exit: plain.throwOnClose })
      yield* pool.start
      yield* assert.failsWith(promptly(pool.restart), "ExitFailed")
      yield* usable(pool)
      yield* assert.failsWith(promptly(pool.stop), "ExitFailed")
      yield* usable(pool)
      yield* promptly(pool.map([1], plain.square, { exit: plain.closeQuietly }))
      yield* promptly(pool.stop)
      yield* usable(pool)
      yield* promptly(pool.map([1], plain.square, { exit: plain.closeQuietly }))
    })
  },
  {
    rule: "T2",
    name: "fails with ExitTimedOut when exit's Promise never settles; the pool stays usable",
    needs: ["killing"],
    accident: {
      what: "An exit hook that never ends, and the pool is used again.",
      elsewhere: "MPIRE: using the pool again hangs."
    },
    effect: failsInExit(harmful.pendOnClose, "ExitTimedOut")
  },
  {
    rule: "T2",
    name: "fails with ExitTimedOut when exit computes without end, and kills the worker",
    needs: ["killing"],
    accident: {
      what: "`for (;;)` in an exit hook.",
      elsewhere: "MPIRE: using the pool again after a time-out of exit hangs; threads cannot be interrupted."
    },
    effect: failsInExit(harmful.loopOnClose, "ExitTimedOut")
  },
  {
    rule: "L3",
    name: "fails with WorkerLost when exit ends its worker; the pool stays usable",
    needs: ["vanishing"],
    accident: {
      what: "An exit hook calls `process.exit()`.",
      elsewhere: "MPIRE: after an exit hook that failed, using the pool again can hang for ever."
    },
    effect: failsInExit(harmful.exitOnClose, "WorkerLost")
  },
  {
    rule: "L3",
    name: "fails with WorkerLost when a process is killed in its exit; the pool stays usable",
    needs: ["signals"],
    accident: {
      what: "The process of a worker gets SIGKILL in its exit hook.",
      elsewhere: "MPIRE: after an exit hook that failed, using the pool again can hang for ever."
    },
    effect: failsInExit(Portable.bind(harmful.signalOnClose, "SIGKILL"), "WorkerLost")
  },
  {
    rule: "L3",
    name: "releases the other workers when one is lost in its exit",
    needs: ["vanishing"],
    accident: {
      what: "One of several workers is lost while the pool is emptied.",
      elsewhere: "MPIRE: exit hooks run on no worker after a worker's death."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, exit: harmful.exitOnCloseOfFirst })
      yield* pool.start
      yield* assert.failsWith(promptly(pool.stop), "WorkerLost")
      yield* assert.equal(yield* pool.exitResults, [1], "exit results")
      yield* usable(pool)
      yield* promptly(pool.terminate)
    })
  },
  {
    rule: "L3",
    name: "kills a worker whose finalizer computes without end",
    needs: ["killing"],
    accident: {
      what: "`for (;;)` in a finalizer that init has registered.",
      elsewhere: "Effect: closing a Scope waits for its finalizers, however long they take."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({
        size: 1,
        init: tasks.openLooping,
        exitTimeout: 50,
        killAfter: patience
      })
      yield* assert.failsWith(promptly(pool.map([1], plain.square)), "ExitTimedOut")
      const { killed, live } = yield* pool.stats
      yield* assert.equal({ killed, live }, { killed: 1, live: 0 }, "workers")
      yield* usable(pool)
      yield* promptly(pool.terminate)
    })
  },
  {
    rule: "L9",
    name: "collects exit results of several megabytes, at every end of a lifespan too",
    accident: {
      what: "Exit hooks return megabytes.",
      elsewhere: "MPIRE: results beyond a pipe's buffer hung together with a lifespan (#32, #56)."
    },
    effect: Effect.gen(function* () {
      const bytes = 4 << 20
      const pool = yield* WorkerPool.make({ size: 2, exit: Portable.bind(harmful.closeFilled, bytes) })
      yield* promptly(pool.map([1, 2, 3, 4], plain.square, { lifespan: 2, chunkSize: 1 }))
      const results = yield* pool.exitResults
      yield* assert.isTrue(results.length >= 2, "at least two exit results", results.length)
      for (const result of results) yield* assert.equal([result.length, result[bytes - 1]], [bytes, 7])
      yield* usable(pool)
    })
  },
  {
    rule: "L3",
    name: "terminates while exit hooks never end, and goes on",
    needs: ["killing"],
    accident: {
      what: "A pool is terminated because its shutdown hangs.",
      elsewhere: "tinypool: ending a worker hung (#49, #54). threads.js: ending the pool hangs (#461)."
    },
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ ...journaled, exit: plain.closeJournal, keepAlive: true })
      yield* promptly(pool.map(["a"], plain.note, { exit: harmful.pendOnClose as never }))
      const stop = yield* Effect.forkChild(pool.stop)
      yield* assert.eventually(Effect.map(pool.stats, ({ live }) => live === 0))
      yield* promptly(pool.terminate)
      yield* promptly(Fiber.await(stop))
      yield* promptly(pool.map(["b"], plain.note))
      yield* usable(pool)
    })
  }
]
