import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readdirSync } from "node:fs"
import { eventually, reasonOf } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/nested.tasks.ts")>(
  new URL("./fixtures/nested.tasks.ts", import.meta.url)
)

const slow = Portable.module<typeof import("./fixtures/nestedSlow.tasks.ts")>(
  new URL("./fixtures/nestedSlow.tasks.ts", import.meta.url)
)

// a type of the module itself would have it loaded here
const program = Portable.module<{ readonly increment: (n: number) => number }>(
  new URL("./fixtures/nestedProgram.tasks.ts", import.meta.url)
)

/** The threads of this process, where the system tells them. */
const threads = (): number => readdirSync("/proc/self/task").length

describe.skipIf(process.platform !== "linux")("nested pools", () => {
  it.live("F5 a task on a thread makes a pool of threads", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const results = yield* pool.map([0, 1], tasks.threadsBelow, { chunkSize: 1 })
      assert.strictEqual(new Set(results.flat()).size, 6)
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
  )

  it.live("F5 C4 a worker that is killed takes the threads of its own pool with it, busy ones too", () =>
    Effect.gen(function* () {
      const before = threads()
      const pool = yield* WorkerPool.make({ size: 1, killAfter: 100 })
      const fiber = yield* Effect.forkChild(pool.run(tasks.busyBelow, undefined))
      yield* eventually("there are three threads", () => threads() >= before + 3)
      yield* pool.terminate
      yield* Fiber.await(fiber)
      yield* eventually("they are gone", () => threads() <= before)
    }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerThreads()))
  )

  it.live("F3 an item may make a pool while its worker loads another task's module", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 2 })
      const calls = [pool.run(tasks.poolWhileLoading, 3), pool.run(slow.increment, 1)] as const
      assert.deepStrictEqual(yield* Effect.all(calls, { concurrency: 2 }), [9, 2])
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
  )

  it.live(
    "F3 a program in a task's module does not start itself again and again, though items run where it is loaded",
    () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, tasksPerWorker: 3 })
        const told = new Int32Array(new SharedArrayBuffer(8))
        const fiber = yield* Effect.forkChild(pool.run(Portable.bind(tasks.untilTold, told), 0))
        yield* eventually("the item runs", () => Atomics.load(told, 0) === 1)
        const reason = reasonOf(yield* Effect.exit(pool.run(program.increment, 1)))
        assert(reason._tag === "StartFailed")
        assert.match(reason.message, /nestedProgram.*when the module itself used a pool/s)
        Atomics.store(told, 1, 1)
        yield* Fiber.join(fiber)
      }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
  )
})
