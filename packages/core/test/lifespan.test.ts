import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { play, scripts } from "./chaos.ts"
import {
  driven,
  hasEnded,
  integer,
  kinds,
  Ledger,
  makePool,
  noise,
  oneOf,
  optional,
  type Pool,
  runs,
  settle,
  source,
  sourceKinds
} from "./support.ts"

const setups = Arbitrary.all({
  kind: oneOf(...kinds),
  size: integer(1, 4),
  tasksPerWorker: oneOf(1, 1, 3),
  keepAlive: oneOf(false, true),
  lifespan: optional(integer(1, 6)),
  calls: Arbitrary.array(
    Arbitrary.all({
      kind: oneOf("map", "map", "stream", "run"),
      input: oneOf(...sourceKinds),
      length: integer(0, 15),
      chunkSize: optional(integer(1, 7)),
      lifespan: optional(integer(1, 6))
    }),
    { minLength: 1, maxLength: 6 }
  ),
  seed: integer(0, 1_000_000)
})

describe("lifespan", () => {
  it.effect.prop(
    "L8 never gives a worker more items than its lifespan, whatever happens",
    { script: scripts, lifespan: integer(1, 4) },
    ({ lifespan, script }) =>
      Effect.gen(function* () {
        const operations = script.operations.map((operation) => ({ ...operation, lifespan: undefined }))
        const { ledger } = yield* play({ ...script, lifespan, operations })
        for (const { items } of ledger.entries) assert.isAtMost(items, lifespan)
      }),
    runs(120)
  )

  it.effect.prop(
    "L8 counts a worker's items over calls, by the lifespan of each call",
    { setup: setups },
    ({ setup }) =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        let current: number | undefined
        const given = new Map<string, number>()
        const task = ledger.task((n: number, worker) =>
          Effect.suspend(() => {
            const count = (given.get(worker.state) ?? 0) + 1
            given.set(worker.state, count)
            if (current !== undefined) assert.isAtMost(count, current)
            return Effect.as(Effect.sleep(noise(setup.seed, n) % 10), n)
          })
        )
        const call = (pool: Pool, { chunkSize, input, kind, length, lifespan }: (typeof setup)["calls"][number]) =>
          Effect.suspend((): Effect.Effect<unknown, unknown> => {
            // a run takes the lifespan of the call before it
            if (kind === "run") return pool.run(task, 0)
            current = lifespan ?? setup.lifespan
            const options = { chunkSize, lifespan }
            return kind === "map"
              ? pool.map(source(input, length), task, options)
              : Stream.runDrain(pool.stream(source(input, length), task, options))
          })
        const { keepAlive, kind, lifespan, size, tasksPerWorker } = setup
        current = lifespan
        const options = { size, tasksPerWorker, keepAlive, lifespan, init: ledger.init(), exit: ledger.exit() }
        yield* driven(
          Effect.scoped(
            Effect.flatMap(makePool(kind, options), (pool) => Effect.forEach(setup.calls, (each) => call(pool, each)))
          )
        )
        ledger.assertReleased()
      }),
    runs(120)
  )

  it.effect.prop(
    "L8 uses lifespans up: no worker is replaced before it has had all of its items",
    {
      kind: oneOf(...kinds),
      lifespan: integer(1, 6),
      chunkSize: optional(integer(1, 9)),
      tasksPerWorker: oneOf(1, 3),
      lengths: Arbitrary.array(integer(0, 20), { minLength: 1, maxLength: 3 })
    },
    ({ chunkSize, kind, lengths, lifespan, tasksPerWorker }) =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const task = ledger.task((n: number) => Effect.as(Effect.yieldNow, n))
        const options = { size: 1, tasksPerWorker, keepAlive: true, lifespan, init: ledger.init(), exit: ledger.exit() }
        yield* driven(
          Effect.scoped(
            Effect.flatMap(makePool(kind, options), (pool) =>
              Effect.forEach(lengths, (length) => pool.map(source("array", length), task, { chunkSize }))
            )
          )
        )
        const total = lengths.reduce((sum, length) => sum + length, 0)
        const expected = Array.from({ length: Math.ceil(total / lifespan) }, (_, n) =>
          Math.min(lifespan, total - n * lifespan)
        )
        assert.deepStrictEqual(
          ledger.entries.map(({ items }) => items),
          expected
        )
      }),
    runs(60)
  )

  it.effect(
    "L8 a used-up worker is released before the call that used it up returns, and its successor comes later",
    () =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const task = ledger.task((n: number) => Effect.succeed(n))
        const pool = yield* makePool("FiberPool", {
          size: 1,
          keepAlive: true,
          lifespan: 3,
          init: ledger.init(),
          exit: ledger.exit(() => Effect.sleep(100))
        })
        yield* driven(pool.map([1, 2, 3], task))
        assert.deepStrictEqual(ledger.entries[0]?.log.slice(-4), ["exit", "exit ended", "finalizer", "gone"])
        assert.strictEqual((yield* pool.stats).live, 0)
        yield* driven(Effect.all([pool.run(task, 1), pool.run(task, 2), pool.run(task, 3)]))
        assert.strictEqual(ledger.present.size, 0)
        assert.strictEqual(ledger.entries.length, 2)
      })
  )

  it.effect("L8 items that were cancelled before they started are not counted", () =>
    Effect.gen(function* () {
      const ledger = new Ledger()
      const task = ledger.task((n: number) => (n === 1 ? Effect.fail("one") : Effect.succeed(n)))
      const pool = yield* makePool("FiberPool", {
        size: 1,
        keepAlive: true,
        lifespan: 10,
        init: ledger.init(),
        exit: ledger.exit()
      })
      // of eight items two start
      assert.strictEqual(yield* Effect.flip(pool.map([0, 1, 2, 3, 4, 5, 6, 7], task, { chunkSize: 8 })), "one")
      yield* pool.map([2, 3, 4, 5, 6, 7, 8], task)
      assert.strictEqual(ledger.present.size, 1)
      yield* pool.map([9], task)
      assert.strictEqual(ledger.present.size, 0)
      assert.deepStrictEqual(
        ledger.entries.map(({ items }) => items),
        [10]
      )
    })
  )

  it.effect(
    "L8 L6 a call's lifespan that an idle worker has reached releases it before the first chunk, with the new exit",
    () =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const task = ledger.task((n: number) => Effect.succeed(n))
        const pool = yield* makePool("FiberPool", {
          size: 1,
          keepAlive: true,
          init: ledger.init(),
          exit: ledger.exit()
        })
        yield* pool.map([1, 2, 3], task)
        const exit = ledger.exit(() => Effect.sync(() => ledger.log.push("new exit")))
        yield* pool.map([1], task, { lifespan: 3, exit })
        assert.deepStrictEqual(ledger.log.slice(-9), [
          "0.1 exit",
          "new exit",
          "0.1 exit ended",
          "0.1 finalizer",
          "0.1 gone",
          "0.2 init",
          "0.2 initialised",
          "0.2 item",
          "0.2 item ended"
        ])
      })
  )

  it.effect(
    "L8 a call's lifespan that a busy worker has reached releases it after its items, and holds up no other worker",
    () =>
      Effect.gen(function* () {
        const ledger = new Ledger()
        const task = ledger.task((millis: number) => Effect.sleep(millis))
        const pool = yield* makePool("FiberPool", {
          size: 2,
          keepAlive: true,
          init: ledger.init(),
          exit: ledger.exit()
        })
        yield* pool.start
        const long = yield* Effect.forkChild(pool.run(task, 1000))
        yield* settle
        const busy = ledger.log.findLast((line) => line.endsWith("item"))!.split(" ")[0]
        const short = yield* Effect.forkChild(pool.map([10, 10], task, { lifespan: 1, chunkSize: 1 }))
        yield* settle
        yield* TestClock.adjust(30)
        // the other worker and its successor had the two items
        assert.strictEqual(
          ledger.entries.reduce((sum, { items }) => sum + items, 0),
          3
        )
        // but the call also waits for the release that its start causes
        assert.isFalse(yield* hasEnded(short))
        yield* TestClock.adjust(1000)
        yield* Fiber.join(short)
        assert.include(ledger.log, `${busy} gone`)
        yield* Fiber.join(long)
      })
  )
})
