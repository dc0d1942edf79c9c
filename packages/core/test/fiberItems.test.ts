import { assert, describe, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { FiberItems } from "../src/internal/fiberItems.ts"
import { LocalCode } from "../src/internal/localCode.ts"
import * as portable from "../src/internal/portable.ts"
import type { WorkerContextImpl } from "../src/internal/workerContext.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"

type Task = (item: number, worker: WorkerContextImpl) => unknown

/** A chunk as a call gives it, and what is heard of it. */
interface Heard {
  readonly chunk: Chunk
  readonly values: Array<unknown>
  readonly causes: Array<Cause.Cause<unknown>>
  readonly times: Array<readonly [items: number, millis: number]>
  readonly ended: Deferred.Deferred<void>
}

/** A worker's items. */
class Bench {
  readonly items: FiberItems
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>, lanes: number) {
    const worker = { id: 0, generation: 1 }
    this.context = context
    this.items = new FiberItems({
      worker,
      clone: false,
      lanes,
      code: new LocalCode(
        {
          worker,
          tasksPerWorker: lanes,
          services: undefined,
          startTimeout: undefined,
          killAfter: undefined,
          onLost() {}
        },
        false
      ),
      state: () => undefined,
      contextFor: (chunk) => chunk.context
    })
  }

  run(inputs: ReadonlyArray<number>, task: Task, options: Partial<Chunk> = {}): Heard {
    const values: Array<unknown> = []
    const causes: Array<Cause.Cause<unknown>> = []
    const times: Array<readonly [items: number, millis: number]> = []
    const ended = Deferred.makeUnsafe<void>()
    const chunk: Chunk = {
      task: portable.closure(task),
      items: inputs,
      indices: inputs.map((_, index) => index),
      timeout: undefined,
      discard: false,
      reportEach: false,
      context: this.context,
      onSuccess: (position, value) => void (values[position] = value),
      onFailure: (position, cause) => void (causes[position] = cause),
      onTime: (items, millis) => void times.push([items, millis]),
      onEnd: () => Deferred.doneUnsafe(ended, Effect.void),
      ...options
    }
    this.items.run(chunk)
    return { chunk, values, causes, times, ended }
  }
}

const bench = (lanes: number) => Effect.map(Effect.context<never>(), (context) => new Bench(context, lanes))

const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.andThen(Effect.yieldNow, until(isSo))))

const range = (length: number) => Array.from({ length }, (_, n) => n)

describe("FiberItems", () => {
  describe("keep", () => {
    it.effect("C1 lets no more than the first items of a chunk start, which then ends", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const gate = Deferred.makeUnsafe<void>()
        const { chunk, ended, values } = run(range(6), (n) => Effect.as(Deferred.await(gate), n))
        assert.strictEqual(items.keep(chunk, 3), 3)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [0, 1, 2])
      })
    )

    it.effect("C1 keeps those that have started, and never raises what is kept", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(2))
        const gate = Deferred.makeUnsafe<void>()
        let started = 0
        const { chunk, ended, values } = run(range(6), (n) =>
          Effect.suspend(() => {
            started++
            return Effect.as(Deferred.await(gate), n)
          })
        )
        yield* until(() => started === 2)
        assert.strictEqual(items.keep(chunk, 0), 2)
        assert.strictEqual(items.keep(chunk, 5), 2)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [0, 1])
      })
    )

    it.effect("C1 ends a chunk of which nothing is kept without an outcome", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const { chunk, ended, times, values } = run(range(3), (n) => n)
        assert.strictEqual(items.keep(chunk, 0), 0)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [])
        assert.deepStrictEqual(times, [])
      })
    )

    it.effect("C1 takes nothing of a chunk back that has ended", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const { chunk, ended } = run(range(3), (n) => n)
        yield* Deferred.await(ended)
        assert.strictEqual(items.keep(chunk, 0), 3)
      })
    )

    it.effect("C1 keeps of an interrupted chunk what had started", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        let started = 0
        const { chunk, ended } = run(range(3), () =>
          Effect.suspend(() => {
            started++
            return Effect.uninterruptible(Effect.yieldNow)
          })
        )
        yield* until(() => started === 1)
        items.interrupt(chunk)
        assert.strictEqual(items.keep(chunk, 2), 1)
        yield* Deferred.await(ended)
        assert.strictEqual(started, 1)
      })
    )
  })

  describe("onTime", () => {
    it.effect("T3 tells by the Clock how long the items of a chunk took, before it ends", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const { ended, times } = run(range(3), (n) => Effect.sleep(n * 10))
        yield* TestClock.adjust(30)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(times, [
          [1, 0],
          [2, 30]
        ])
      })
    )

    it.effect("T3 counts the time of items that overlap once", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(3))
        const { ended, times } = run(range(6), () => Effect.sleep(10))
        yield* until(() => true)
        yield* TestClock.adjust(20)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(times, [
          [3, 10],
          [3, 10]
        ])
      })
    )

    it.effect("T3 does not wait for the end of a long chunk", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const { ended, times, values } = run(range(200), (n) => Effect.as(Effect.sleep(1), n))
        yield* TestClock.adjust(100)
        assert.isBelow(values.length, 200)
        assert.isAtLeast(times.length, 1)
        yield* TestClock.adjust(100)
        yield* Deferred.await(ended)
        const total = times.reduce(([items, millis], [n, time]) => [items + n, millis + time], [0, 0])
        assert.deepStrictEqual(total, [200, 200])
      })
    )
  })
})

const methods = (bench: Bench) => ({
  items: bench.items,
  run: (...args: Parameters<Bench["run"]>) => bench.run(...args)
})
