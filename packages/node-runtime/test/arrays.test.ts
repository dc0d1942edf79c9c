import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFixture } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/arrays.tasks.ts")>(
  new URL("./fixtures/arrays.tasks.ts", import.meta.url)
)

describe("mapArray on threads", () => {
  it.live("S1 copies nothing of an array in shared memory", () =>
    Effect.gen(function* () {
      const { stderr, stdout } = yield* runFixture("array-memory.ts")
      assert.strictEqual(stderr, "")
      const { grown, ranges, sum } = JSON.parse(stdout) as Record<string, number>
      assert.deepStrictEqual({ ranges, sum }, { ranges: 128, sum: 128 })
      // of 256 MB
      assert.isBelow(grown!, 64)
    })
  )
})

describe("mapArray on processes", () => {
  it.live("S1 sends of an array's memory only the slices", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      const whole = new Float64Array(1_000_000)
      for (const array of [whole, new Float64Array(new SharedArrayBuffer(8_000_000))]) {
        const [size] = yield* pool.mapArray(array.subarray(500, 600), tasks.sizeOfMemory, { chunks: 1 })
        assert.isBelow(size!, 100_000)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerProcesses()))
  )
})
