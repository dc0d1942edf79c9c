/** O1: what crosses for `insights`: which items took long, and how long items ran. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Portable from "../../Portable.ts"
import * as WorkerPool from "../../WorkerPool.ts"
import * as assert from "./assert.ts"
import { type Case, harmful, plain, tasks } from "./case.ts"

/** One item takes 300 milliseconds, among many that take next to none; which is known. */
const planted = 13
const millis = Array.from({ length: 40 }, (_, index) => (index === planted ? 300 : 0))

/** The clocks of a worker and of a timer differ by that much, in milliseconds. */
const tolerance = 2

export const cases: ReadonlyArray<Case> = [
  {
    rule: "O1",
    name: "names an async item that takes long, with its time and its input",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, tasksPerWorker: 4 })
      yield* pool.start
      yield* pool.map(millis, tasks.whereAfter)
      const { longest } = yield* pool.insights
      const item = longest.find(({ index }) => index === planted)
      yield* assert.equal({ items: item?.items, input: item?.input }, { items: 1, input: "300" }, "the planted item")
      yield* assert.isTrue((item?.millis ?? 0) >= 300 - tolerance, "it took 300 milliseconds", item?.millis)
      yield* assert.includes(item?.task, "suite.tasks.ts#whereAfter", "its task")
    })
  },
  {
    rule: "O1",
    name: "names a synchronous item that takes long, or the group of at most 16 items that it was timed in",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, chunkSize: millis.length })
      yield* pool.map(millis, plain.compute, { describe: (millis: number) => `${millis} ms` })
      const item = (yield* pool.insights).longest.find(({ millis }) => millis >= 300 - tolerance)
      const { index = -1, items = 0 } = item ?? {}
      yield* assert.isTrue(index <= planted && planted < index + items && items <= 16, "it is named", item)
      yield* assert.equal(item?.input, items === 1 ? "300 ms" : undefined, "its input")
    })
  },
  {
    rule: "O1",
    name: "counts four waits at once as one, and shares of time that sum to 1",
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 4 })
      const [took] = yield* Effect.timed(pool.map([200, 200, 200, 200], tasks.whereAfter, { chunkSize: 1 }))
      const { ratios, times } = (yield* pool.insights).total
      const sum = ratios.startUp + ratios.init + ratios.waiting + ratios.working + ratios.exit
      yield* assert.isTrue(Math.abs(sum - 1) <= 0.01, "the ratios sum to 1", ratios)
      const most = Duration.toMillis(took) + tolerance
      yield* assert.isTrue(times.working >= 200 - tolerance && times.working <= most, "they run at once", times)
    })
  },
  {
    rule: "O1",
    name: "counts the time of a worker that vanishes up to its end",
    needs: ["vanishing"],
    effect: Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      yield* assert.failsWith(pool.run(Portable.bind(harmful.exitAt, 7), 7), "WorkerLost")
      const { total } = yield* pool.insights
      const { failed, items, lost, workers } = total
      yield* assert.equal({ failed, items, lost, workers }, { failed: 1, items: 1, lost: 1, workers: 1 }, "numbers")
      const { live } = total
      yield* Effect.sleep(20)
      yield* assert.equal((yield* pool.insights).total.live, live, "its time")
    })
  }
]
