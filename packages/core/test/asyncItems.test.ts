/** Async iterables as items: async generators, Node's streams. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { kinds, makePool, reasons } from "./support.ts"

const id = (n: number) => Effect.succeed(n)

/** Gives 0, 1, … and tells what is asked of it. */
const counted = (length: number, fails = false) => {
  const counts = { pulled: 0, closed: 0 }
  const items = async function* () {
    try {
      for (let n = 0; n < length; n++) {
        counts.pulled++
        yield n
      }
      if (fails) throw new RangeError("no more")
    } finally {
      counts.closed++
    }
  }
  return { counts, items }
}

const numbers = Array.from({ length: 20 }, (_, n) => n)

describe("async iterables", () => {
  it.effect.each(kinds)("C3 C9 are items, in order, once each: %s", (kind) =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      const { counts, items } = counted(20)
      assert.deepStrictEqual(yield* pool.map(items(), id), numbers)
      assert.deepStrictEqual(counts, { pulled: 20, closed: 1 })
      assert.deepStrictEqual(yield* Stream.runCollect(pool.stream(counted(20).items(), id)), numbers)
      assert.strictEqual((yield* pool.mapExit(counted(3).items(), id)).length, 3)
      assert.deepStrictEqual(yield* pool.map(counted(4).items(), id, { chunks: 2, length: 4 }), [0, 1, 2, 3])
    })
  )

  it.effect.each(kinds)("C7 that throw fail the call with InputFailed and what they threw: %s", (kind) =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      const hostile: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => {
          throw new RangeError("no more")
        }
      }
      for (const items of [counted(3, true).items(), hostile]) {
        const [reason, ...others] = reasons(yield* Effect.exit(pool.map(items, id)))
        assert(reason?._tag === "InputFailed")
        assert.instanceOf(reason.cause, RangeError)
        assert.deepStrictEqual(others, [])
      }
      assert.deepStrictEqual(yield* pool.map([1], id), [1])
    })
  )

  it.effect.each(kinds)("C4 C5 are closed when the call ends before they do: %s", (kind) =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2 })
      const failing = counted(1000)
      yield* Effect.exit(pool.map(failing.items(), (n) => (n === 3 ? Effect.fail("three") : Effect.succeed(n))))
      const early = counted(1000)
      yield* Stream.runDrain(Stream.take(pool.stream(early.items(), id), 3))
      for (const { counts } of [failing, early]) {
        assert.strictEqual(counts.closed, 1)
        assert.isBelow(counts.pulled, 1000)
      }
    })
  )
})
