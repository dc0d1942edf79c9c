/** Inputs that are bigger than their worker's heap: reading them ends the worker. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { reasonOf } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/reading.tasks.ts")>(
  new URL("../fixtures/reading.tasks.ts", import.meta.url)
)

const runtime = NodeWorkerRuntime.layerThreads({ execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 24 } })

/** Many small objects: a heap that one big array exhausts would end the whole process. */
const huge: ReadonlyArray<object> = Array.from({ length: 250_000 }, (_, n) => ({ n, text: `text ${n}`, of: [n] }))

/** Fails when an Effect is not done within half a minute, without waiting for what hangs. */
const bounded = <A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) =>
    Effect.timeoutOrElse(Fiber.join(fiber), {
      duration: "30 seconds",
      orElse: () => Effect.die(new Error(`it hangs: ${what}`))
    }).pipe(Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe())))
  )

const small = (n: number): ReadonlyArray<object> => Array.from({ length: n }, (_, n) => ({ n }))

const items = [small(1), small(2), small(3), huge, small(4), small(5), small(6)]

const lengths = items.map(({ length }) => length)

/**
 * How many more workers may be lost than those that read the item with others, and alone, behind others and first: while one reads, an idle one
 * takes a half of its items, of which an idle one takes a half, until the item is by itself.
 */
const halvings = Math.ceil(Math.log2(items.length))

const make = WorkerPool.make({ size: 2, keepAlive: true })

/** Runs beside a call; all of them are to succeed. */
const neighbours = (pool: WorkerPool.WorkerPool) =>
  Effect.forEach(
    Array.from({ length: 40 }, (_, n) => n),
    (n) => Effect.flatMap(Effect.sleep(2), () => pool.run(tasks.countAll, small(n))),
    { concurrency: 2 }
  )

describe("an input that is bigger than its thread's heap", () => {
  it.live("F2 fails alone in mapExit, with its index; neighbours complete, and few threads are lost", () =>
    Effect.gen(function* () {
      const pool = yield* make
      yield* pool.start
      const beside = yield* Effect.forkChild(neighbours(pool), { startImmediately: true })
      const exits = yield* bounded("mapExit", pool.mapExit(items, tasks.countAll, { chunkSize: items.length }))
      assert.deepStrictEqual(
        exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : reasonOf(exit)._tag)),
        lengths.map((length) => (length === huge.length ? "WorkerLost" : length))
      )
      assert.deepInclude({ ...reasonOf(exits[3]!) }, { _tag: "WorkerLost", indices: [3] })
      assert.deepStrictEqual(
        yield* bounded("runs beside it", Fiber.join(beside)),
        Array.from({ length: 40 }, (_, n) => n)
      )
      const { calls, lost } = yield* pool.stats
      assert.strictEqual(calls, 0)
      assert.isAtMost(lost, 3 + halvings)
    }).pipe(Effect.provide(runtime))
  )

  it.live("F2 has one more try with one retry, and fails alone", () =>
    Effect.gen(function* () {
      const pool = yield* make
      yield* pool.start
      const options = { chunkSize: items.length, onWorkerLost: { retries: 1 } }
      const exits = yield* bounded("mapExit", pool.mapExit(items, tasks.countAll, options))
      assert.deepStrictEqual(
        exits.map(Exit.isSuccess),
        lengths.map((length) => length !== huge.length)
      )
      assert.deepInclude({ ...reasonOf(exits[3]!) }, { _tag: "WorkerLost", indices: [3] })
      const { calls, lost } = yield* pool.stats
      assert.strictEqual(calls, 0)
      assert.isAtMost(lost, 4 + halvings)
    }).pipe(Effect.provide(runtime))
  )

  it.live("F2 fails map with WorkerLost that names it; runs beside it complete", () =>
    Effect.gen(function* () {
      const pool = yield* make
      yield* pool.start
      const beside = yield* Effect.forkChild(neighbours(pool), { startImmediately: true })
      const exit = yield* bounded("map", Effect.exit(pool.map(items, tasks.countAll)))
      assert.deepInclude({ ...reasonOf(exit) }, { _tag: "WorkerLost", indices: [3] })
      yield* bounded("runs beside it", Fiber.join(beside))
      yield* bounded("a later map", pool.map(items.slice(0, 3), tasks.countAll))
      const { calls, lost } = yield* pool.stats
      assert.strictEqual(calls, 0)
      assert.isAtMost(lost, 3 + halvings)
    }).pipe(Effect.provide(runtime))
  )

  it.live("F2 fails its run alone, also when it is sent together with others", () =>
    Effect.gen(function* () {
      const pool = yield* make
      yield* pool.start
      const runs = Effect.forEach(items, (item) => Effect.exit(pool.run(tasks.countAll, item)), {
        concurrency: "unbounded"
      })
      const exits = yield* bounded("runs", runs)
      assert.deepStrictEqual(
        exits.map(Exit.isSuccess),
        lengths.map((length) => length !== huge.length)
      )
      assert.strictEqual(reasonOf(exits[3]!)._tag, "WorkerLost")
      assert.isAtMost((yield* pool.stats).lost, 4)
    }).pipe(Effect.provide(runtime))
  )
})
