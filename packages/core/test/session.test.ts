import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Session } from "../src/internal/pool/session.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import { driven, integer, kinds, makePool, runs, settle, source } from "./support.ts"

const id = (n: number) => Effect.succeed(n)

const named = (worker: WorkerContext) => Effect.succeed(`${worker.id}.${worker.generation}`)

describe.each(kinds)("exitResults, %s", (kind) => {
  it.effect("L9 are those of the last session until a call begins the next", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, exit: named })
      assert.deepStrictEqual(yield* pool.exitResults, [])
      yield* pool.map([1], id)
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1"])
      yield* pool.setKeepAlive(true)
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1"])
      yield* pool.map([1], id)
      assert.deepStrictEqual(yield* pool.exitResults, [])
      yield* pool.map([], id)
      yield* pool.run(id, 1)
      yield* pool.stop
      assert.deepStrictEqual(yield* pool.exitResults, ["0.2"])
      yield* pool.stop
      assert.deepStrictEqual(yield* pool.exitResults, ["0.2"])
      // a run begins a session too
      yield* pool.run(id, 1)
      assert.deepStrictEqual(yield* pool.exitResults, [])
    })
  )

  it.effect("L9 a lifespan's end and restart end no session", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true, lifespan: 2, exit: named })
      yield* pool.map(source("array", 5), id)
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1", "0.2"])
      yield* pool.restart
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1", "0.2", "0.3"])
      yield* pool.map(source("array", 2), id)
      assert.deepStrictEqual(yield* pool.exitResults, ["0.1", "0.2", "0.3", "0.4"])
      yield* pool.stop
      yield* pool.map([], id)
      assert.deepStrictEqual(yield* pool.exitResults, [])
    })
  )

  it.effect("L9 come in order of arrival", () =>
    Effect.gen(function* () {
      const exit = (worker: WorkerContext) => Effect.delay(Effect.succeed(worker.id), [30, 10, 20][worker.id]!)
      const pool = yield* makePool(kind, { size: 3, exit })
      yield* driven(pool.map([1, 2, 3], (n) => Effect.as(Effect.sleep(10), n)))
      assert.deepStrictEqual(yield* pool.exitResults, [1, 2, 0])
    })
  )

  it.effect("L9 are what exit hooks return: nothing of those that fail, of none, or of terminated workers", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 3, exit: (worker) => Effect.succeed(worker.id === 1 ? undefined : 1) })
      yield* driven(pool.map([1, 2, 3], (n) => Effect.as(Effect.sleep(10), n)))
      assert.deepStrictEqual([...(yield* pool.exitResults)].sort(), [1, 1, undefined])
      const failing = (worker: WorkerContext) => (worker.id === 0 ? Effect.fail("no") : Effect.succeed(worker.id))
      const some = yield* makePool(kind, { size: 2, exit: failing })
      yield* driven(Effect.exit(some.map([1, 2], (n) => Effect.as(Effect.sleep(10), n))))
      assert.deepStrictEqual(yield* some.exitResults, [1])
      const none = yield* makePool(kind, { size: 2 })
      yield* none.map([1, 2], id)
      assert.deepStrictEqual(yield* none.exitResults, [])
      const terminated = yield* makePool(kind, { size: 2, keepAlive: true, exit: named })
      yield* terminated.map([1, 2], id)
      yield* terminated.terminate
      assert.deepStrictEqual(yield* terminated.exitResults, [])
    })
  )

  it.effect("L9 overlapping calls share a session", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, lifespan: 1, exit: named })
      const sleep = (millis: number) => Effect.sleep(millis)
      const long = yield* Effect.forkChild(pool.map([10, 10, 10], sleep, { chunkSize: 1 }))
      yield* settle
      yield* TestClock.adjust(15)
      yield* pool.map([0], sleep).pipe(Effect.forkChild)
      yield* settle
      assert.strictEqual((yield* pool.exitResults).length, 3)
      yield* TestClock.adjust(100)
      yield* Fiber.join(long)
      assert.strictEqual((yield* pool.exitResults).length, 4)
    })
  )
})

describe("Session", () => {
  it.effect("L9 keeps the newest 10,000 and counts the dropped", () =>
    Effect.gen(function* () {
      const exit = (worker: WorkerContext) => Effect.succeed(worker.generation)
      const pool = yield* makePool("FiberPool", { size: 1, lifespan: 1, keepAlive: true, exit })
      yield* pool.forEach(source("array", 10_050), () => Effect.void)
      const results = yield* pool.exitResults
      assert.strictEqual(results.length, 10_000)
      assert.deepStrictEqual([results[0], results.at(-1)], [51, 10_050])
      assert.deepInclude(yield* pool.stats, { exitResultsDropped: 50 })
      yield* pool.stop
      yield* pool.run(id, 1)
      assert.deepInclude(yield* pool.stats, { exitResultsDropped: 0 })
      assert.deepStrictEqual(yield* pool.exitResults, [10_051])
    })
  )

  it.prop(
    "L9 keeps the newest 10,000 of any number, in order",
    { total: integer(0, 35_000), before: integer(0, 3) },
    ({ before, total }) => {
      const session = new Session()
      session.enter()
      for (let n = 0; n < before; n++) session.add("before")
      session.end()
      session.enter()
      session.enter()
      for (let n = 0; n < total; n++) session.add(n)
      const kept = Math.min(total, 10_000)
      assert.deepStrictEqual(
        session.newest,
        Array.from({ length: kept }, (_, n) => total - kept + n)
      )
      assert.strictEqual(session.dropped, total - kept)
    },
    runs(10)
  )
})
