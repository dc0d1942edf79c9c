/** C5: items that yield when they are asked to. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Portable from "../../Portable.ts"
import type { WorkerContext } from "../../WorkerContext.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import type { Journal } from "../suite.plain.tasks.ts"
import { promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, journaled, plain } from "./case.ts"

/**
 * Interrupts a task that heeds interruption, and checks that it ends within 50 milliseconds and its worker survives.
 * Tries again when the task had not started, or took longer: a busy machine can only add to the time.
 */
const attentive = Effect.fnUntraced(function* (
  task: Portable.Portable<(item: unknown, worker: WorkerContext<Journal>) => void | Promise<void>>
) {
  const pool = yield* WorkerPool.make({ ...journaled, keepAlive: true })
  yield* pool.start
  const attempt = (delay: number): Effect.Effect<void, unknown, WorkerRuntime> =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(pool.run(task, undefined), { startImmediately: true })
      yield* Effect.sleep(delay)
      const [took] = yield* Effect.timed(promptly(Fiber.interrupt(fiber)))
      const journal = yield* pool.run(plain.readJournal, undefined)
      yield* assert.equal(journal.filter((event) => event === "start").length, journal.length / 2, "ended items")
      if (journal.length === 0) yield* attempt(2 * delay)
      else if (Duration.toMillis(took) > 50) yield* attempt(delay)
    })
  yield* promptly(attempt(5))
  yield* assert.equal(yield* pool.run(plain.where, undefined), { id: 0, generation: 1 })
  const { killed, lost } = yield* pool.stats
  yield* assert.equal({ killed, lost }, { killed: 0, lost: 0 }, "stats")
  yield* usable(pool)
})

export const cases: ReadonlyArray<Case> = [
  {
    rule: "C5",
    name: "ends a computation that polls `worker.interrupted` within 50 milliseconds, and keeps the worker",
    needs: ["killing"],
    accident: {
      what: "A computation that asks whether it is still wanted is aborted.",
      elsewhere:
        "piscina, tinypool: the task cannot know (piscina #156), its worker is terminated. poolifier: the task goes on."
    },
    effect: attentive(harmful.pollInterrupted)
  },
  {
    rule: "C5",
    name: "ends a computation that polls a `signal` it keeps within 50 milliseconds, and keeps the worker",
    needs: ["killing"],
    accident: {
      what: "A computation that reads `signal.aborted` in a loop is aborted.",
      elsewhere: "piscina, tinypool: no signal reaches the task, its worker is terminated. poolifier: the task goes on."
    },
    effect: attentive(harmful.pollSignal)
  },
  {
    rule: "C5",
    name: "ends a Promise that listens to its signal within 50 milliseconds, and keeps the worker",
    accident: {
      what: "An async task that listens to its signal is aborted.",
      elsewhere: "piscina, tinypool: no signal reaches the task, its worker is terminated. poolifier: the task goes on."
    },
    effect: attentive(harmful.awaitSignal)
  }
]
