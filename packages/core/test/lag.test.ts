/** F8: how far away a worker is, its runtime or platform says, which may throw, or say what is no time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Control } from "../src/Channel.ts"
import { Line } from "../src/internal/remote/line.ts"
import { FakeRuntime } from "./fakeRuntime.ts"
import { makePool, settle } from "./support.ts"

const noTimes: Readonly<Record<string, () => number>> = {
  "that throws": () => {
    throw new Error("How far away it is, nobody knows")
  },
  "that is NaN": () => Number.NaN,
  "that is negative": () => -5,
  "that is infinite": () => Number.POSITIVE_INFINITY,
  "that is infinite and negative": () => Number.NEGATIVE_INFINITY,
  "that is undefined": () => undefined as unknown as number,
  "that is text": () => "5" as unknown as number,
  "that is a bigint": () => BigInt(5) as unknown as number
}

describe("a lag", () => {
  for (const [what, lag] of Object.entries(noTimes)) {
    it(`F8 K13 ${what} counts as 0 for what is sent over a channel`, () => {
      const control: Control = { get: () => 0, set() {}, lag }
      const kill = Effect.void
      const line = new Line({ control, send() {}, receive() {}, closed() {}, kill, setBusy() {} })
      assert.strictEqual(line.lag?.(), 0)
    })

    it.effect(`F8 C1 ${what} counts as 0 for what a runtime's worker is given, and harms no call`, () =>
      Effect.gen(function* () {
        const runtime = new FakeRuntime()
        runtime.isRemote = true
        runtime.itemTime = 0.01
        runtime.start = (worker) => Effect.sync(() => void Object.assign(worker.worker, { lag }))
        const pool = yield* makePool("WorkerPool", { size: 1, chunkSize: 2, keepAlive: true }, runtime.layer)
        const numbers = Array.from({ length: 20 }, (_, n) => n)
        const fiber = yield* Effect.forkChild(pool.map(numbers, Effect.succeed))
        yield* settle
        runtime.last.work()
        yield* settle
        // that it runs, and the next one: it is given no more as one that is not far away
        assert.strictEqual(runtime.last.chunks.length, 2)
        const other = yield* Effect.forkChild(pool.run(Effect.succeed, 7))
        yield* settle
        while (runtime.last.chunks.length > 0) {
          runtime.last.work()
          yield* settle
        }
        assert.deepStrictEqual(
          yield* Fiber.join(fiber),
          numbers.map((n) => n * 10)
        )
        assert.strictEqual(yield* Fiber.join(other), 70)
        assert.deepStrictEqual(runtime.breaches, [])
      })
    )
  }

  it("F8 is as it is said otherwise, at each time that it is asked for", () => {
    let lag = 3
    const control: Control = { get: () => 0, set() {}, lag: () => lag }
    const line = new Line({ control, send() {}, receive() {}, closed() {}, kill: Effect.void, setBusy() {} })
    assert.strictEqual(line.lag?.(), 3)
    lag = 0.5
    assert.strictEqual(line.lag?.(), 0.5)
  })
})
