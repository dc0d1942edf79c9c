import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { pace, reasonOf } from "./support.ts"

const runtimes = [
  ["threads", NodeWorkerRuntime.layerThreads()],
  ["processes", NodeWorkerRuntime.layerProcesses()]
] as const

const tasks = Portable.module<typeof import("./fixtures/thread.tasks.ts")>(
  new URL("./fixtures/thread.tasks.ts", import.meta.url)
)

const spin = Portable.inline((millis: number) => {
  const end = performance.now() + millis
  while (performance.now() < end);
})

const slow = Portable.module<typeof import("./fixtures/slow-load.tasks.ts")>(
  new URL("./fixtures/slow-load.tasks.ts", import.meta.url)
)

const exitsLater = Portable.inline(async (millis: number) => {
  await new Promise((resolve) => setTimeout(resolve, millis))
  process.exit(3)
})

describe("a worker that an item ends while another's task is loaded", () => {
  for (const [name, runtime] of runtimes) {
    it.live(`F2 loses that item alone, on ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker: 2 })
        yield* pool.start
        const exits = yield* Effect.forkChild(Effect.exit(pool.run(exitsLater, 100)), { startImmediately: true })
        assert.strictEqual(yield* pool.run(slow.square, 3), 9)
        assert.strictEqual(reasonOf(yield* Fiber.join(exits))._tag, "WorkerLost")
      }).pipe(Effect.provide(runtime))
    )
  }
})

const leavesAnExit = Portable.inline((millis: number) => {
  setTimeout(() => process.exit(3), millis)
  return millis
})

const endsWhileLoading = Portable.module<{ readonly task: (n: number) => number }>(
  "data:text/javascript,process.exit(7); export const task = (n) => n"
)

describe("a worker that ends while a task is loaded, by what an earlier one left behind", () => {
  for (const [name, runtime] of runtimes) {
    it.live(`F1 F3 costs nobody anything, on ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        assert.strictEqual(yield* pool.run(leavesAnExit, 100), 100)
        assert.strictEqual(yield* pool.run(slow.square, 3), 9)
        assert.strictEqual((yield* pool.stats).lost, 1)
      }).pipe(Effect.provide(runtime))
    )

    it.live(`F3 is not told from a module that ends it, of which the next worker tells, on ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
        yield* pool.run(spin, 0)
        const exits = yield* pool.mapExit([1, 2, 3], endsWhileLoading.task).pipe(Effect.exit)
        assert.strictEqual(reasonOf(exits)._tag, "StartFailed")
        assert.strictEqual((yield* pool.stats).lost, 2)
      }).pipe(Effect.provide(runtime))
    )
  }
})

const loopsAtZero = Portable.inline((n: number) => {
  for (;;) if (n > 0) return n
})

describe("an item that never ends", () => {
  it.live("T2 F2 is no reason to forget what came after it in its chunk", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, killAfter: 50 })
      const timeout = yield* pace(pool.start)
      const outcomes = yield* Stream.runCollect(pool.streamExit([1, 0, 2, 3], loopsAtZero, { chunkSize: 4, timeout }))
      assert.deepStrictEqual(
        outcomes.map(({ exit, index }) => [index, exit._tag]),
        [
          [0, "Success"],
          [1, "Failure"],
          [2, "Success"],
          [3, "Success"]
        ]
      )
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
  )
})

describe("runs that are interrupted before their worker hears of them", () => {
  for (const [name, runtime] of runtimes) {
    for (const tasksPerWorker of [1, 3]) {
      it.live(`C5 leave it as it is, however many they are, on ${name} with ${tasksPerWorker} at once`, () =>
        Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker })
          // loaded, so that nothing waits for that
          yield* pool.map([0, 0], spin)
          yield* pool.run(tasks.where, undefined)
          const busy = yield* Effect.forkChild(pool.run(spin, tasksPerWorker === 1 ? 0 : 100), {
            startImmediately: true
          })
          for (let n = 0; n < 100; n++) {
            const run = yield* Effect.forkChild(pool.run(tasks.square, n), { startImmediately: true })
            yield* Fiber.interrupt(run)
          }
          yield* Fiber.join(busy)
          const { generation } = yield* pool.run(tasks.where, undefined)
          assert.strictEqual(generation, 1)
          assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0, calls: 0 })
        }).pipe(Effect.provide(runtime))
      )
    }
  }
})
