/** T5: timers that a test fakes after the library has been loaded neither hang a pool nor shorten what it waits for. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import { bare, reasonOf } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/channel.tasks.ts")>(
  new URL("./fixtures/channel.tasks.ts", import.meta.url)
)

// with all that can be faked: time stands still unless the test moves it
beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "setImmediate",
      "clearImmediate",
      "Date",
      "performance"
    ]
  })
})
afterEach(() => {
  vi.useRealTimers()
})

for (const [name, runtime] of [
  ["threads", NodeWorkerRuntime.layerThreads(bare)],
  ["processes", NodeWorkerRuntime.layerProcesses(bare)]
] as const) {
  describe(`fake timers, on ${name}`, () => {
    it("T5 a pool runs its tasks and closes", async () => {
      const program = Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        const doubled = yield* pool.map([1, 2, 3], tasks.double)
        yield* pool.stop
        return [doubled, yield* pool.map([4], tasks.double), yield* pool.run(tasks.double, 5)]
      })
      const result = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(runtime)))
      assert.deepStrictEqual(result, [[2, 4, 6], [8], 10])
    })

    it("T5 a hung worker is killed, and not before its time when the fake one moves", async () => {
      const program = Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, killAfter: 100, startTimeout: 20_000 })
        yield* pool.run(tasks.double, 1)
        const exit = yield* Effect.exit(pool.map([1], tasks.hang, { timeout: 200 }))
        return [reasonOf(exit)._tag, yield* pool.map([4], tasks.double)]
      })
      const running = Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(runtime)))
      vi.advanceTimersByTime(60_000)
      assert.deepStrictEqual(await running, ["TaskTimedOut", [8]])
    })
  })
}
