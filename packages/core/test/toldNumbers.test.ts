/** The control block of two ends that share no memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cellOf, HookNumbers, isWorkers, numbers, phases } from "../src/internal/wire/control.ts"
import type { FromWorker } from "../src/internal/wire/protocol.ts"
import { ToldNumbers } from "../src/internal/wire/toldNumbers.ts"
import { isFromWorker } from "../src/internal/wire/wellFormed.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { integer, noise, runs } from "./support.ts"

/** Both ends; what one tells waits until the other hears it. */
class Ends {
  private readonly toPool: Array<() => void> = []
  private readonly toWorker: Array<() => void> = []
  readonly told: Array<FromWorker> = []
  readonly pool = new ToldNumbers((from, values) => this.toWorker.push(() => this.worker.told(from, values)))
  readonly worker: ToldNumbers = new ToldNumbers((from, values) => {
    this.told.push({ _tag: "Numbers", from, values })
    this.toPool.push(() => this.pool.told(from, values))
  })

  /** An end hears so many of the messages that wait for it. */
  hear(end: "pool" | "worker", count = Number.POSITIVE_INFINITY): void {
    for (const arrive of (end === "pool" ? this.toPool : this.toWorker).splice(0, count)) arrive()
  }
}

describe("ToldNumbers", () => {
  it.prop(
    "F2 what the pool has heard is never ahead of the worker, and in the end the same; a limit holds once it is heard",
    { items: integer(1, 8), limit: integer(0, 8), seed: integer(0, 1_000_000), reused: integer(0, 1) },
    ({ items, limit, reused, seed }) => {
      const ends = new Ends()
      // a cell that another chunk had before, which may not count for this one
      for (let chunk = 0; chunk <= reused; chunk++) {
        const isLast = chunk === reused
        const [here, there] = [cellOf(ends.pool, 0, chunk), cellOf(ends.worker, 0, chunk, items, true)]
        here.open(items)
        assert.strictEqual(here.started, 0, "what the last chunk left does not count")
        there.take()
        there.enter(phases.loaded)
        let begun = 0
        let isHeard = false
        for (let step = 0; begun < items; step++) {
          if (isLast && step === seed % 5) assert.strictEqual(here.limitTo(limit), items)
          const choice = noise(seed, step) % 4
          if (choice === 0) ends.hear("pool", 1)
          else if (choice === 1) {
            ends.hear("worker")
            isHeard = isLast && step >= seed % 5
          } else if (there.claim(begun)) {
            if (isHeard) assert.isBelow(begun, limit)
            begun++
          } else break
          assert.isAtMost(here.started ?? 0, begun)
        }
        ends.hear("pool")
        assert.strictEqual(here.started, begun)
      }
      assert.isTrue(ends.told.every(isFromWorker))
    },
    runs(300)
  )

  it("F2 tells once, before the first item, that all may have started, where that is all that is asked", () => {
    const ends = new Ends()
    const [here, there] = [cellOf(ends.pool, 1, 7), cellOf(ends.worker, 1, 7, 5)]
    here.open(5)
    there.take()
    there.enter(phases.loaded)
    assert.deepStrictEqual([there.claim(0), there.claim(1), there.claim(2)], [true, true, true])
    ends.hear("pool")
    assert.deepStrictEqual([ends.told.length, here.started, here.phase], [1, 5, phases.loaded])
    // a worker that was asked to stop earlier says how far it came
    here.limitTo(2)
    ends.hear("worker")
    assert.isFalse(there.claim(3))
    ends.hear("pool")
    assert.strictEqual(here.started, 3)
  })

  it("T4 tells that a module is being loaded, and that a hook is reached", () => {
    const ends = new Ends()
    const [here, there] = [cellOf(ends.pool, 0, 3), cellOf(ends.worker, 0, 3, 1)]
    there.take()
    there.enter(phases.loading)
    ends.hear("pool")
    assert.strictEqual(here.phase, phases.loading)
    there.enter(phases.loaded)
    ends.hear("pool")
    assert.strictEqual(here.phase, phases.loaded)
    const [asked, served] = [new HookNumbers(ends.pool), new HookNumbers(ends.worker)]
    served.enter(phases.loading)
    served.enterHook()
    ends.hear("pool")
    assert.deepStrictEqual([asked.isLoading, asked.isAtHook], [true, true])
  })

  it("F6 a worker can tell only numbers of its own, and no more than those of a cell", () => {
    const all = Array.from({ length: numbers(2) }, (_, index) => index)
    // the pool's: that `init` is interrupted, what it has read, and the limits of both cells
    assert.deepStrictEqual(
      all.filter((index) => !isWorkers(index)),
      [1, 3, 8, 12]
    )
    const tells = (from: unknown, values: unknown) => isFromWorker({ _tag: "Numbers", from, values })
    assert.isTrue(tells(5, [0, 1, 2]))
    for (const [from, values] of [
      [3, [1]],
      [6, [1, 2, 3]],
      [5, [1, 2, 3, 4]],
      [-1, [1]],
      [0.5, [1]],
      [4, [0.5]],
      [4, ["1"]],
      [4, 1],
      [undefined, [1]]
    ]) {
      assert.isFalse(tells(from, values), JSON.stringify([from, values]))
    }
  })
})

describe("a runtime whose workers tell their starts by messages", () => {
  it.effect("F2 gets chunks of 2 milliseconds, but where each start is told", () =>
    Effect.gen(function* () {
      const calls: Record<string, { readonly timeout?: number; readonly onWorkerLost?: { readonly retries: number } }> =
        {
          plain: {},
          "with a timeout": { timeout: 1000 },
          "with retries": { onWorkerLost: { retries: 1 } }
        }
      const told: Record<string, readonly [items: number, exactStarts: boolean | undefined]> = {}
      for (const [name, options] of Object.entries(calls)) {
        const runtime = new FakeRuntime()
        runtime.chunkTime = 2
        runtime.itemTime = 0.1
        let longest = 0
        runtime.run = (worker, chunk) => {
          longest = Math.max(longest, chunk.items.length)
          told[name] = [longest, chunk.exactStarts]
          diligent(worker)
        }
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 1 })
          yield* pool.map(
            Array.from({ length: 5000 }, (_, n) => n),
            Portable.inline((n: number) => n),
            options
          )
        }).pipe(Effect.scoped, Effect.provide(runtime.layer))
      }
      assert.deepStrictEqual(told, { plain: [20, false], "with a timeout": [500, true], "with retries": [500, true] })
    })
  )
})
