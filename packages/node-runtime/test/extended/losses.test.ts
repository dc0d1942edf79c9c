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
import { bare, eventually, pace, reasonOf } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/losses.tasks.ts")>(
  new URL("../fixtures/losses.tasks.ts", import.meta.url)
)

const deaths = Number(process.env["LOSSES"] ?? 10)

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[numbers.length >> 1]!

/** The time in milliseconds that threads and processes share. */
const now = (): number => performance.timeOrigin + performance.now()

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-mpire-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

for (const [name, runtime] of [
  ["threads", NodeWorkerRuntime.layerThreads(bare)],
  ["processes", NodeWorkerRuntime.layerProcesses(bare)]
] as const) {
  describe(`losses on ${name}`, () => {
    it.live("F2 one poison item is found among 10,000: one WorkerLost, for just that index", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2 })
        const exits = yield* pool.mapExit(numbers(10_000), tasks.poisonous, { onWorkerLost: { retries: 2 } })
        const failed = exits.flatMap((exit, index) => (Exit.isFailure(exit) ? [index] : []))
        assert.deepStrictEqual(failed, [4242])
        assert.deepInclude({ ...reasonOf(exits[4242]!) }, { _tag: "WorkerLost", indices: [4242] })
        assert.isTrue(exits.every((exit, index) => index === 4242 || (exit as { value?: unknown }).value === index + 1))
        assert.strictEqual((yield* pool.stats).lost, 3)
      }).pipe(Effect.provide(runtime))
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
      60_000 + deaths * 300
    )

    it.live(
      `F2 nor is one lost whose worker is killed, ${deaths} times out of ${deaths}`,
      () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 2, killAfter: "20 millis" })
          // those that end have as long as it takes to start threads or processes
          const timeout = yield* pace(pool.start)
          const exits = yield* pool.mapExit(numbers(2 * deaths), tasks.hangIfEven, { chunkSize: 2, timeout })
          exits.forEach((exit, index) => {
            if (index % 2 === 1) assert.deepStrictEqual(exit, Exit.succeed(index))
            else assert.deepInclude({ ...reasonOf(exit) }, { _tag: "TaskTimedOut", index })
          })
          assert.deepInclude(yield* pool.stats, { killed: deaths, lost: 0 })
        }).pipe(Effect.provide(runtime)),
      60_000 + deaths * 500
    )

    it.live("F2 T2 100 runs share a worker with one that hangs: exactly that one fails", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, killAfter: "50 millis" })
        const timeout = yield* pace(pool.start)
        const run = (n: number) => Effect.exit(pool.run(tasks.hangOn50, n, { timeout }))
        const exits = yield* Effect.forEach(numbers(100), run, { concurrency: "unbounded" })
        exits.forEach((exit, n) => {
          if (n === 50) assert.strictEqual(reasonOf(exit)?._tag, "TaskTimedOut")
          else assert.deepStrictEqual(exit, Exit.succeed(n))
        })
        assert.strictEqual((yield* pool.stats).killed, 1)
      }).pipe(Effect.provide(runtime))
    )

    for (const [task, control] of [
      ["poll", "spinUntil"],
      ["pollSignal", "spinUntil"],
      ["listen", "waitUntil"]
    ] as const) {
      it.live(`C5 an interrupted task that looks (${task}) ends at once, and its worker survives`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: 8000 })
          yield* pool.run(tasks.where, undefined)
          const took: Array<number> = []
          const controls: Array<number> = []
          const directory = yield* temporaryDirectory
          for (let time = 0; time < 10; time++) {
            const begun = join(directory, String(time))
            const fiber = yield* Effect.forkChild(pool.run(tasks[task] as typeof tasks.listen, begun))
            yield* eventually("begun", () => existsSync(begun))
            const before = performance.now()
            yield* Fiber.interrupt(fiber)
            took.push(performance.now() - before)
            // a task that ends by itself, on a machine that is as busy
            const end = now() + 10
            yield* pool.run(tasks[control], end)
            controls.push(now() - end)
          }
          assert.isBelow(median(took), 10 + 3 * median(controls))
          assert.deepStrictEqual(yield* pool.run(tasks.where, undefined), { id: 0, generation: 1 })
        }).pipe(Effect.provide(runtime))
      )
    }

    it.live("C5 clients that disconnect from 1,000 streams cost no worker", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, killAfter: 8000 })
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
  it.live("F2 with retries, workers that are killed now and then cost no result", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const pids = Effect.map(pool.mapExit([0, 1], tasks.pid, { dispatch: "ordered", chunkSize: 1 }), (exits) =>
        exits.flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))
      )
      let pulled = 0
      let kills = 0
      // more of them where a kill takes long, as it waits for a worker to be started
      const items = function* () {
        const isEnough = () => pulled >= 10_000 && kills >= deaths
        while (!isEnough()) yield pulled++
      }
      // one after another, as the map goes on
      const killing = Effect.gen(function* () {
        while (kills < deaths) {
          const next = ((kills + 1) * 10_000) / (deaths + 1)
          yield* eventually("the map has come so far", () => pulled >= next)
          const workers = yield* pids
          const pid = workers[kills % workers.length]
          if (pid !== undefined && process.kill(pid, "SIGKILL")) kills++
        }
        return yield* Effect.never
      })
      const map = pool.map(items(), tasks.squareSlowly, { onWorkerLost: { retries: 2 } })
      const squares = yield* Effect.raceFirst(map, killing)
      assert.deepStrictEqual(
        squares,
        numbers(pulled).map((n) => n * n)
      )
      assert.strictEqual(kills, deaths)
      // the map may end before the end of the last one is known
      while ((yield* pool.stats).lost < deaths) yield* Effect.sleep(5)
      assert.strictEqual((yield* pool.stats).lost, deaths)
    }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses(bare)))
  )
})
