/** What many workers of a runner are sent: it crosses once. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { startHere } from "../here.ts"
import { startProxy } from "../proxy.ts"
import { clusterOf, eventually, secret } from "../runners.ts"

const lengthOf = Portable.inline((value: { readonly length: number }, n: number) => value.length + n)

const atEnd = Portable.inline((value: ReadonlyArray<{ readonly n: number }>, at: number) => value[at]!.n)

/** How large the values are, in bytes. `BOUND_VALUE_SIZE=500000000` tries the one of the issue. */
const size = Number(process.env["BOUND_VALUE_SIZE"] ?? 20_000_000)

const timeout = 60_000 + size / 1_000

/** A runner behind a proxy that counts what it is sent. */
const counted = Effect.fnUntraced(function* (options: Parameters<typeof startHere>[0]) {
  const runner = yield* startHere({ slots: 8, ...options })
  const proxy = yield* startProxy(runner.port)
  return { cluster: clusterOf([proxy.address], { secret, suspectAfter: "1 minute" }), proxy }
})

describe("a bound value", () => {
  it.live(
    "K10 crosses once for eight workers of a runner",
    () =>
      Effect.gen(function* () {
        const { cluster, proxy } = yield* counted({ lease: "30 seconds" })
        yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 8, keepAlive: true })
          yield* pool.start
          const before = proxy.sent()
          const items = Array.from({ length: 16 }, (_, n) => n)
          const task = Portable.bind(lengthOf, new Uint8Array(size).fill(7))
          // in turn, so that each worker has some of them
          const results = yield* pool.map(items, task, { chunkSize: 1, dispatch: "ordered" })
          assert.deepStrictEqual(
            results,
            items.map((n) => size + n)
          )
          const sent = proxy.sent() - before
          assert.isAtLeast(sent, size)
          assert.isAtMost(sent, 1.1 * size)
          // the same bytes once more, in another value
          const again = Portable.bind(lengthOf, new Uint8Array(size).fill(7))
          assert.deepStrictEqual(yield* pool.map([0], again), [size])
          assert.isAtMost(proxy.sent() - before, 1.1 * size)
        }).pipe(Effect.scoped, Effect.provide(cluster))
      }),
    timeout
  )

  it.live("K10 crosses once where it is an object too, to workers that know other things already", () =>
    Effect.gen(function* () {
      const { cluster, proxy } = yield* counted({ workers: "processes", slots: 2 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        yield* pool.start
        // one worker is told more than the other
        yield* pool.map([1], Portable.bind(lengthOf, "text"))
        const value = Array.from({ length: 100_000 }, (_, n) => ({ n, name: new Date(n) }))
        const before = proxy.sent()
        const task = Portable.bind(atEnd, value)
        const at = [0, 99_999, 5, 50_000]
        assert.deepStrictEqual(yield* pool.map(at, task, { chunkSize: 1, dispatch: "ordered" }), at)
        const once = proxy.sent() - before
        const copy = Portable.bind(atEnd, value)
        assert.deepStrictEqual(yield* pool.map(at, copy, { chunkSize: 1, dispatch: "ordered" }), at)
        assert.isAtMost(proxy.sent() - before, 1.1 * once)
        assert.isAtLeast(once, 1_000_000)
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )

  it.live("K10 crosses again for each worker where nothing is kept, and arrives", () =>
    Effect.gen(function* () {
      const { cluster, proxy } = yield* counted({ cache: 0, slots: 1 })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const task = Portable.bind(lengthOf, new Uint8Array(1_000_000))
        for (let n = 1; n <= 2; n++) {
          assert.deepStrictEqual(yield* pool.map([1, 2], task), [1_000_001, 1_000_002])
          assert.isAtLeast(proxy.sent(), n * 1_000_000)
        }
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )

  /** Accident: a worker ends while a large bound value is on its way to it. */
  it.live("K10 arrives at the others when the worker for which it was fetched is interrupted or lost", () =>
    Effect.gen(function* () {
      const { cluster, proxy } = yield* counted({})
      proxy.delay(20)
      yield* Effect.gen(function* () {
        const first = yield* WorkerPool.make({ size: 1, keepAlive: true })
        const second = yield* WorkerPool.make({ size: 1, keepAlive: true })
        yield* Effect.all([first.start, second.start])
        const task = Portable.bind(lengthOf, new Uint8Array(20_000_000))
        const before = proxy.sent()
        const lost = yield* Effect.forkChild(Effect.exit(first.run(task, 1)))
        yield* eventually(Effect.sync(() => proxy.sent() - before > 1_000_000))
        const other = yield* Effect.forkChild(second.run(task, 2))
        yield* first.terminate
        assert.isTrue(Exit.isFailure(yield* Fiber.join(lost)))
        assert.strictEqual(yield* Fiber.join(other), 20_000_002)
      }).pipe(Effect.scoped, Effect.provide(cluster))
    })
  )
})
