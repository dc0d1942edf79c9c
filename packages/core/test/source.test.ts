import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as FiberPool from "../src/FiberPool.ts"
import type * as WorkerPool from "../src/WorkerPool.ts"
import { Turn } from "../src/internal/common/turn.ts"
import { fromIterable, StreamSource } from "../src/internal/call/source.ts"
import { integer, oneOf, optional, runs, settle } from "./support.ts"
import { heldClock } from "./utils/realTime.ts"

/** An iterable that counts what is asked of it. */
const counted = (length: number) => {
  const counts = { started: 0, pulled: 0, closed: 0 }
  const items: Iterable<number> = {
    [Symbol.iterator]: () => {
      counts.started++
      let next = 0
      return {
        next: () => {
          if (next >= length) return { done: true, value: undefined }
          counts.pulled++
          return { done: false, value: next++ }
        },
        return: () => {
          counts.closed++
          return { done: true, value: undefined }
        }
      }
    }
  }
  return { counts, items }
}

const numbers = (length: number): Array<number> => Array.from({ length }, (_, n) => n)

const steps = Arbitrary.array(Arbitrary.all({ asks: oneOf(false, false, true), max: integer(1, 7) }), { maxLength: 40 })

describe("fromIterable", () => {
  it.prop(
    "C3 gives every item once, in order, and pulls no more than is taken, and one to know whether it is the end",
    { length: integer(0, 60), steps, kind: oneOf("array", "iterable", "set") },
    ({ kind, length, steps }) => {
      const { counts, items } = counted(length)
      const source = fromIterable(
        kind === "array" ? numbers(length) : kind === "set" ? new Set(numbers(length)) : items,
        undefined
      )
      const taken: Array<unknown> = []
      for (const { asks, max } of [...steps, ...Array.from({ length: 60 }, () => ({ asks: true, max: 5 }))]) {
        if (asks) assert.strictEqual(source.ended(), taken.length === length)
        const got = source.take(max)
        // fewer only where no more are there
        assert.strictEqual(got.length, Math.min(max, length - taken.length))
        taken.push(...got)
        if (kind === "iterable") assert.strictEqual(counts.pulled, taken.length)
        if (asks) {
          source.ended()
          if (kind === "iterable") assert.isAtMost(counts.pulled, taken.length + 1)
        }
      }
      assert.deepStrictEqual(taken, numbers(length))
      assert.isTrue(source.ended())
      if (kind === "iterable") assert.deepStrictEqual(counts, { started: 1, pulled: length, closed: 0 })
    },
    runs(200)
  )

  describe("that is slow", () => {
    const clock = heldClock()

    it.prop(
      "C9 gives what it has once the first half of a chunk, or all but 64, has taken longer than the patience, and loses nothing",
      {
        first: Arbitrary.array(integer(0, 8), { maxLength: 60 }),
        fast: integer(0, 600),
        // in milliseconds, so that their sums are exact
        fastTakes: oneOf(0, 1 / 64, 1 / 8),
        slow: integer(0, 600),
        slowTakes: oneOf(1 / 16, 1, 30),
        patience: integer(0, 20)
      },
      ({ fast, fastTakes, first, patience, slow: slowOnes, slowTakes }) => {
        const millis = [...first, ...Array(fast).fill(fastTakes), ...Array(slowOnes).fill(slowTakes)]
        const slow = function* () {
          for (const [index, took] of millis.entries()) {
            clock.now += took
            yield index
          }
        }
        const source = fromIterable(slow(), undefined)
        const taken: Array<unknown> = []
        while (!source.ended()) {
          const before = clock.now
          const got = source.take(1000, patience)
          taken.push(...got)
          assert.isNotEmpty(got)
          // what was looked ahead for has taken its time before
          const times = millis.slice(taken.length - got.length + 1, taken.length)
          assert.strictEqual(
            clock.now - before,
            times.reduce((sum, time) => sum + time, 0)
          )
          const within = Math.max(Math.ceil(got.length / 2), got.length - 64)
          const early = times.slice(0, within - 1).reduce((sum, time) => sum + time, 0)
          assert.isAtMost(early, patience, "the first half, and all but 64, was within it")
        }
        assert.deepStrictEqual(taken, numbers(millis.length))
      },
      runs(200)
    )

    it.effect("C9 waits for no chunk to fill, but where its length is given, or decides which worker gets what", () =>
      Effect.gen(function* () {
        const chunks = (took: number, options: WorkerPool.DispatchOptions & { readonly chunkSize?: number }) =>
          Effect.scoped(
            Effect.gen(function* () {
              const pool = yield* FiberPool.make({ size: 2 })
              const items = function* () {
                for (let n = 0; n < 400; n++) {
                  clock.now += took
                  yield n
                }
              }
              assert.deepStrictEqual(yield* pool.map(items(), (n) => Effect.succeed(n), options), numbers(400))
              return (yield* pool.insights).total.chunks
            })
          )
        assert.strictEqual(yield* chunks(5, { chunkSize: 40 }), 10)
        assert.strictEqual(yield* chunks(5, { dispatch: "ordered" }), yield* chunks(0, { dispatch: "ordered" }))
        assert.isAbove(yield* chunks(5, {}), 100)
        assert.isBelow(yield* chunks(0, {}), 50)
      })
    )
  })

  it("C3 knows the length of what can tell it, and believes what it is told of the rest", () => {
    const length = (items: Iterable<unknown>) => fromIterable(items, 99).length
    assert.strictEqual(length([1, 2, 3]), 3)
    assert.strictEqual(length([]), 0)
    assert.strictEqual(length(new Set([1, 2])), 2)
    assert.strictEqual(length(new Map([[1, 2]])), 1)
    assert.strictEqual(length(new Uint8Array(5)), 5)
    assert.strictEqual(length("four"), 4)
    assert.strictEqual(length(counted(3).items), 99)
    assert.strictEqual(fromIterable(counted(3).items, undefined).length, undefined)
  })

  it.prop(
    "C4 closes an iterator once, and only one that was started and has not ended",
    { length: integer(0, 10), take: integer(0, 12), asks: oneOf(false, true) },
    ({ asks, length, take }) => {
      const { counts, items } = counted(length)
      const source = fromIterable(items, undefined)
      if (take > 0) source.take(take)
      const ended = asks && source.ended()
      source.close()
      source.close()
      const isDone = take > length || ended
      const isStarted = take > 0 || asks
      assert.deepStrictEqual(
        { started: counts.started, closed: counts.closed },
        { started: isStarted ? 1 : 0, closed: isStarted && !isDone ? 1 : 0 }
      )
    },
    runs(100)
  )

  it("C7 throws what the iterable throws, and is at its end then", () => {
    let closed = 0
    const items: Iterable<number> = {
      [Symbol.iterator]: () => ({
        next: () => {
          throw new Error("broken")
        },
        return: () => {
          closed++
          return { done: true, value: undefined }
        }
      })
    }
    for (const ask of ["take", "ended"] as const) {
      const source = fromIterable(items, undefined)
      assert.throws(() => source[ask](1), "broken")
      assert.isTrue(source.ended())
      source.close()
    }
    assert.strictEqual(closed, 0)
  })
})

describe("StreamSource", () => {
  const chunks = Arbitrary.array(integer(1, 6), { maxLength: 12 })

  /** A Stream that emits arrays of these lengths, and counts them. */
  const emitting = (lengths: ReadonlyArray<number>) => {
    const counts = { arrays: 0, items: 0 }
    const stream = Stream.fromIterable(lengths, { chunkSize: 1 }).pipe(
      Stream.mapEffect((length) =>
        Effect.sync(() => {
          counts.arrays++
          const [first, ...others] = numbers(length).map((n) => counts.items + n)
          counts.items += length
          return [first!, ...others] as const
        })
      ),
      Stream.flattenArray
    )
    return { counts, stream }
  }

  it.effect.prop(
    "C3 C9 pulls an array when the last has been taken and there is room, and tells of each",
    { chunks, takes: Arbitrary.array(integer(1, 9), { minLength: 1, maxLength: 6 }), most: integer(1, 8) },
    ({ chunks, most, takes }) =>
      Effect.gen(function* () {
        const { counts, stream } = emitting(chunks)
        const source = new StreamSource(undefined)
        const taken: Array<unknown> = []
        let delivered = 0
        let told = 0
        const hasRoom = () => taken.length - delivered < most
        const pump = yield* Effect.forkChild(Effect.scoped(source.pump(stream, new Turn(), hasRoom, () => told++)))
        for (let round = 0; !source.ended(); round++) {
          assert.isBelow(round, 1000)
          yield* settle
          // one array at a time: what is there is the rest of the last one
          const before = taken.length
          assert.strictEqual(source.available, counts.items - before)
          const got = source.take(takes[round % takes.length]!)
          taken.push(...got)
          assert.strictEqual(source.available, counts.items - taken.length)
          yield* settle
          if (source.available > 0 || !hasRoom()) assert.strictEqual(counts.items, taken.length + source.available)
          // nothing is pulled before somebody says that there is room
          const { arrays } = counts
          delivered = taken.length
          yield* settle
          if (source.available > 0) assert.strictEqual(counts.arrays, arrays)
          source.poke()
        }
        yield* Fiber.join(pump)
        assert.deepStrictEqual(taken, numbers(counts.items))
        assert.strictEqual(counts.arrays, chunks.length)
        // of each array, and of the end
        assert.strictEqual(told, chunks.length + 1)
        assert.deepStrictEqual(source.take(5), [])
      }),
    runs(60)
  )

  it.effect("C3 pulls nothing while there is no room, however often it is poked", () =>
    Effect.gen(function* () {
      const { counts, stream } = emitting([1, 1, 1])
      const source = new StreamSource(undefined)
      let room = false
      const pump = yield* Effect.forkChild(
        Effect.scoped(
          source.pump(
            stream,
            new Turn(),
            () => room,
            () => {}
          )
        )
      )
      yield* settle
      source.poke()
      source.poke()
      yield* settle
      assert.strictEqual(counts.arrays, 0)
      room = true
      yield* settle
      assert.strictEqual(counts.arrays, 0)
      source.poke()
      yield* settle
      assert.strictEqual(counts.arrays, 1)
      yield* Fiber.interrupt(pump)
    })
  )

  it.effect.prop(
    "C7 fails as the Stream does, after what it gave",
    { before: optional(integer(1, 5)), how: oneOf("fail", "die") },
    ({ before, how }) =>
      Effect.gen(function* () {
        const source = new StreamSource(undefined)
        const end = how === "fail" ? Stream.fail("broken") : Stream.die("broken")
        const stream = before === undefined ? end : Stream.concat(Stream.fromArray(numbers(before)), end)
        const pump = yield* Effect.forkChild(
          Effect.exit(
            Effect.scoped(
              source.pump(
                stream,
                new Turn(),
                () => true,
                () => {}
              )
            )
          )
        )
        yield* settle
        assert.deepStrictEqual(source.take(10), numbers(before ?? 0))
        assert.isFalse(source.ended())
        source.poke()
        const exit = yield* Fiber.join(pump)
        assert.deepStrictEqual(exit, how === "fail" ? Exit.fail("broken") : Exit.die("broken"))
      }),
    runs(20)
  )
})
