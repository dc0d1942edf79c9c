import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readdirSync } from "node:fs"
import { eventually } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/nested.tasks.ts")>(
  new URL("./fixtures/nested.tasks.ts", import.meta.url)
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
})
