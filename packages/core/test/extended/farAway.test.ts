/** How well pools use workers that are far away. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as realTime from "../../src/internal/task/realTime.ts"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import { integer, noise, oneOf, reasons, runs } from "../support.ts"
import { layerFarAway, layerLagging } from "../utils/inThisThread.ts"

/** Waits, so that two of them in this thread do not hinder each other; returns how long it took. */
const wait = Portable.make("test:farAway", "wait", (millis: number) => took(Effect.sleep(millis)))

/** With it, workers have loaded Effect when they are live. */
const nothing = Portable.make("test:farAway", "nothing", Effect.void)

const took = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = realTime.now()
    yield* effect
    return realTime.now() - before
  })

const make = Effect.fnUntraced(function* (options: WorkerPool.PoolOptions) {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, ...options, init: nothing })
  yield* pool.start
  return pool
})

/** How long a map takes, as a multiple of what its items take when two workers never wait for anything. */
const ratio = Effect.fnUntraced(function* (pool: WorkerPool.WorkerPool<any>, items: ReadonlyArray<number>) {
  const times = yield* Ref.make<ReadonlyArray<number>>([])
  const millis = yield* took(Effect.flatMap(pool.map(items, wait), (all) => Ref.set(times, all)))
  return millis / ((yield* Ref.get(times)).reduce((sum, time) => sum + time, 0) / 2)
})

const items = (length: number, millis: number) => Array.from({ length }, () => millis)

describe("workers that are 40 milliseconds away, each way", () => {
  it.live("K13 C9 are kept busy: 400 items of 5 milliseconds on two of them, and again when their time is known", () =>
    Effect.gen(function* () {
      const pool = yield* make({})
      const [first, second] = [yield* ratio(pool, items(400, 5)), yield* ratio(pool, items(400, 5))]
      assert.isBelow(first, 1.25)
      assert.isBelow(second, 1.2)
    }).pipe(Effect.scoped, Effect.provide(layerLagging(40)))
  )

  it.live("K13 C9 are kept busy with items that take longer than the way there and back, too", () =>
    Effect.gen(function* () {
      const pool = yield* make({})
      yield* ratio(pool, items(2, 100))
      assert.isBelow(yield* ratio(pool, items(16, 100)), 1.25)
    }).pipe(Effect.scoped, Effect.provide(layerLagging(40)))
  )

  it.live("K13 C9 are kept busy with chunks of one item, and with several items at once", () =>
    Effect.gen(function* () {
      const pool = yield* make({ chunkSize: 1 })
      yield* ratio(pool, items(20, 10))
      assert.isBelow(yield* ratio(pool, items(100, 10)), 1.5)
      const several = yield* make({ tasksPerWorker: 4 })
      yield* ratio(several, items(20, 20))
      assert.isBelow(4 * (yield* ratio(several, items(200, 20))), 1.6)
    }).pipe(Effect.scoped, Effect.provide(layerLagging(40)))
  )
})

/** How often each item has been started. */
const starts = new Map<number, number>()

/** The first item of a case. */
let first = 0

/** Notes that it has started, at once, and then waits. */
const noting = Portable.make("test:farAway", "noting", (item: number) => {
  starts.set(item, (starts.get(item) ?? 0) + 1)
  return Effect.as(Effect.sleep(item % 4), item)
})

describe("workers that are far away and are lost", () => {
  it.live.prop(
    "K13 K4 F2 start no item twice that may run once, and lose none; with retries all results come",
    {
      items: integer(1, 120),
      size: integer(1, 3),
      chunkSize: oneOf(undefined, undefined, 1, 7, 40),
      tasksPerWorker: oneOf(1, 1, 1, 4),
      retries: oneOf(undefined, undefined, 100),
      oneWay: integer(0, 8),
      seed: integer(0, 1_000_000)
    },
    ({ chunkSize, items, oneWay, retries, seed, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        // what is lost goes on, unheard, and may do so during the next case
        first += 1000
        const pool = yield* WorkerPool.make({ size, tasksPerWorker, keepAlive: true })
        const numbers = Array.from({ length: items }, (_, n) => first + n)
        const onWorkerLost = retries === undefined ? ("fail" as const) : { retries }
        const options = { ...(chunkSize === undefined ? {} : { chunkSize }), onWorkerLost }
        // another call has a share of the workers, and takes items back
        const other = yield* Effect.forkChild(Effect.exit(pool.run(wait, 1)))
        const exits = yield* pool.mapExit(numbers, noting, options)
        yield* Fiber.await(other)
        for (const [item, exit] of exits.entries()) {
          const started = starts.get(first + item) ?? 0
          if (retries === undefined) assert.isAtMost(started, 1, `item ${item}`)
          if (Exit.isSuccess(exit)) assert.strictEqual(exit.value, first + item)
          else {
            assert.isUndefined(retries)
            assert.strictEqual(reasons(exit)[0]?._tag, "WorkerLost")
          }
        }
      }).pipe(
        Effect.scoped,
        Effect.provide(
          layerFarAway(({ generation, id }) => {
            const random = noise(seed, id * 1000 + generation)
            // some are lost early, some late, some never
            const lostAfter = random % 3 === 0 || generation > 6 ? undefined : 5 + (random % 60)
            return { oneWay, gather: 1 + (random % 20), lostAfter }
          })
        )
      ),
    { ...runs(25), timeout: 60_000 }
  )
})
