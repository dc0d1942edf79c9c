/**
 * What becomes of items when workers die: many of each, on threads and on processes. `LOSSES=500` does that many of what
 * costs a worker each; by default it is fewer.
 */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { eventually, reasonOf } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/losses.tasks.ts")>(
  new URL("./fixtures/losses.tasks.ts", import.meta.url)
)

const deaths = Number(process.env["LOSSES"] ?? 10)

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-mpire-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

for (const [name, runtime] of [
  ["threads", NodeWorkerRuntime.layerThreads()],
  ["processes", NodeWorkerRuntime.layerProcesses()]
] as const) {
  describe(`losses on ${name}`, () => {
    it.live(
      "F2 one poison item is found among 10,000: one WorkerLost, for just that index",
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2 })
          const exits = yield* pool.mapExit(numbers(10_000), tasks.poisonous, { onWorkerLost: { retries: 2 } })
          const failed = exits.flatMap((exit, index) => (Exit.isFailure(exit) ? [index] : []))
          assert.deepStrictEqual(failed, [4242])
          assert.deepInclude({ ...reasonOf(exits[4242]!) }, { _tag: "WorkerLost", indices: [4242] })
          assert.isTrue(
            exits.every((exit, index) => index === 4242 || (exit as { value?: unknown }).value === index + 1)
          )
          assert.strictEqual((yield* pool.stats).lost, 3)
        }).pipe(Effect.provide(runtime)),
      20_000
    )

    it.live(
      `F2 an item that had not started completes elsewhere, ${deaths} times out of ${deaths}`,
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2 })
          // each chunk ends its worker with its first item, before the second has started
          const exits = yield* pool.mapExit(numbers(2 * deaths), tasks.exitIfEven, { chunkSize: 2 })
          exits.forEach((exit, index) => {
            if (index % 2 === 1) assert.deepStrictEqual(exit, Exit.succeed(index))
            else assert.deepInclude({ ...reasonOf(exit) }, { _tag: "WorkerLost", indices: [index] })
          })
        }).pipe(Effect.provide(runtime)),
      20_000 + deaths * 200
    )

    it.live(
      `F2 nor is one lost whose worker is killed, ${deaths} times out of ${deaths}`,
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2, timeout: "30 millis", killAfter: "20 millis" })
          const exits = yield* pool.mapExit(numbers(2 * deaths), tasks.hangIfEven, { chunkSize: 2 })
          exits.forEach((exit, index) => {
            if (index % 2 === 1) assert.deepStrictEqual(exit, Exit.succeed(index))
            else assert.deepInclude({ ...reasonOf(exit) }, { _tag: "TaskTimedOut", index })
          })
          assert.deepInclude(yield* pool.stats, { killed: deaths, lost: 0 })
        }).pipe(Effect.provide(runtime)),
      20_000 + deaths * 300
    )

    it.live("F2 T2 100 runs share a worker with one that hangs: exactly that one fails", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, timeout: "200 millis", killAfter: "200 millis" })
        const exits = yield* Effect.forEach(numbers(100), (n) => Effect.exit(pool.run(tasks.hangOn50, n)), {
          concurrency: "unbounded"
        })
        exits.forEach((exit, n) => {
          if (n === 50) assert.strictEqual(reasonOf(exit)?._tag, "TaskTimedOut")
          else assert.deepStrictEqual(exit, Exit.succeed(n))
        })
        assert.strictEqual((yield* pool.stats).killed, 1)
      }).pipe(Effect.provide(runtime))
    )

    for (const task of ["poll", "pollSignal", "listen"] as const) {
      it.live(`C5 an interrupted task that looks (${task}) ends at once, and its worker survives`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
          yield* pool.run(tasks.where, undefined)
          const took: Array<number> = []
          const directory = yield* temporaryDirectory
          for (let time = 0; time < 10; time++) {
            const begun = join(directory, String(time))
            const fiber = yield* Effect.forkChild(pool.run(tasks[task] as typeof tasks.listen, begun))
            yield* eventually("begun", () => existsSync(begun))
            const before = performance.now()
            yield* Fiber.interrupt(fiber)
            took.push(performance.now() - before)
          }
          // the machine may be busy: most of them say what it takes
          assert.isBelow([...took].sort((left, right) => left - right)[5]!, 10)
          assert.deepStrictEqual(yield* pool.run(tasks.where, undefined), { id: 0, generation: 1 })
        }).pipe(Effect.provide(runtime))
      )
    }

    it.live("C5 clients that disconnect from 1,000 streams cost no worker", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        yield* pool.start
        yield* Effect.forEach(
          numbers(1_000),
          (n) => Stream.runDrain(Stream.take(pool.stream(numbers(50), tasks.squareSlowly), n % 5)),
          { concurrency: 20, discard: true }
        )
        const where = yield* pool.map([0, 1], tasks.where, { dispatch: "ordered", chunkSize: 1 })
        assert.deepStrictEqual(
          where.map(({ generation }) => generation),
          [1, 1]
        )
        const { killed, lost } = yield* pool.stats
        assert.deepStrictEqual([killed, lost], [0, 0])
      }).pipe(Effect.provide(runtime))
    )
  })
}

describe("losses on processes", () => {
  it.live(
    "F2 with retries, workers that are killed now and then cost no result",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        const pids = Effect.map(pool.mapExit([0, 1], tasks.pid, { dispatch: "ordered", chunkSize: 1 }), (exits) =>
          exits.flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))
        )
        let kills = 0
        const killing = Effect.gen(function* () {
          const workers = yield* pids
          const pid = workers[kills % workers.length]
          if (pid !== undefined && process.kill(pid, "SIGKILL")) kills++
          yield* Effect.sleep(300)
        }).pipe(Effect.forever)
        const squares = yield* Effect.raceFirst(
          pool.map(numbers(10_000), tasks.squareSlowly, { onWorkerLost: { retries: 2 } }),
          killing
        )
        assert.deepStrictEqual(
          squares,
          numbers(10_000).map((n) => n * n)
        )
        assert.isAtLeast(kills, 3)
        assert.strictEqual((yield* pool.stats).lost, kills)
      }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses())),
    30_000
  )
})
