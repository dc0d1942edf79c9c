/** O4: what comes back from workers while a call runs, as its progress shows it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Portable from "../../Portable.ts"
import * as Progress from "../../Progress.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, tasks } from "./case.ts"

const millis = Array.from({ length: 40 }, (_, index) => (index % 4) * 10)

/** Runs calls, and gives what was shown of them. */
const shownOf = <E>(
  calls: Effect.Effect<unknown, E, Scope.Scope | WorkerRuntime>
): Effect.Effect<ReadonlyArray<Progress.CallProgress>, E, Scope.Scope | WorkerRuntime> =>
  Effect.suspend(() => {
    const shown: Array<Progress.CallProgress> = []
    const layer = Progress.layer((calls) => Effect.sync(() => void shown.push(...calls)))
    return Effect.as(Effect.provide(calls, layer), shown)
  })

const ended = (shown: ReadonlyArray<Progress.CallProgress>) =>
  shown
    .filter(({ state }) => state !== "running")
    .map(({ done, failed, items, length, state, total }) => ({ done, failed, items, length, state, total }))

export const cases: ReadonlyArray<Case> = [
  {
    rule: "O4",
    name: "reports how far a call has come: each item once, and no more than there are",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, tasksPerWorker: 2 })
      const progress = { label: "waits", weight: (millis: number) => millis }
      const shown = yield* shownOf(pool.map(millis, tasks.whereAfter, { progress }))
      let [items, done] = [0, 0]
      for (const call of shown) {
        yield* assert.isTrue(call.items >= items && call.done >= done, "it never goes back", call)
        yield* assert.isTrue(call.items <= 40 && call.done <= 600, "there are no more", call)
        items = call.items
        done = call.done
      }
      yield* assert.isTrue(shown.length > 1, "it is shown while it runs", shown.length)
      const end = { done: 600, failed: 0, items: 40, length: 40, state: "succeeded" as const, total: 600 }
      yield* assert.equal(ended(shown), [end], "its end")
    })
  },
  {
    rule: "O4",
    name: "counts the items of a worker that vanishes once",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const task = Portable.bind(harmful.exitAt, 7)
      const items = Array.from({ length: 12 }, (_, n) => n)
      const options = { progress: "items", onWorkerLost: { retries: 1 } }
      const shown = yield* shownOf(pool.mapExit(items, task, options))
      const end = { done: 12, failed: 1, items: 12, length: 12, state: "succeeded" as const, total: 12 }
      yield* assert.equal(ended(shown), [end], "its end")
    })
  }
]
