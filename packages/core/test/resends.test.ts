import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Call } from "../src/internal/call/call.ts"
import { Turn } from "../src/internal/common/turn.ts"
import { CallChunk } from "../src/internal/call/callChunk.ts"
import { Isolation, type LostRunner, suspicions } from "../src/internal/call/isolation.ts"
import { Resends } from "../src/internal/call/resends.ts"
import type { InHand } from "../src/WorkerRuntime.ts"
import { integer, noise, oneOf, runs } from "./support.ts"

/** A call that hears of outcomes and does nothing. */
const call = {
  options: {},
  policy: { areRuns: false, takesMany: false },
  succeeded: () => {},
  failed: () => {},
  turn: new Turn()
} as unknown as Call

/** The items of a call from a place on: each says its place. */
const chunkOf = (first: number, length: number) =>
  new CallChunk(call, { items: Array.from({ length }, (_, n) => `item ${first + n}`), first, alone: false })

/** A runner, told of for a worker of it that has answered nothing, or what was sent when `answered` runners had been lost. */
const lostRunnerOf = (runner: string | undefined, worker: number, workers: number, answered = -1): LostRunner => ({
  runner,
  worker,
  workers,
  answered
})

const hand = (started: number, moved = false): InHand => ({ started, timedOut: [], moved, failure: undefined })

/** No suspect is in hand. */
const free = new Isolation()

/** Takes all there is. */
const drain = (resends: Resends, max = 100): Array<CallChunk> => {
  const taken: Array<CallChunk> = []
  while (resends.size > 0) taken.push(new CallChunk(call, resends.take(max)))
  return taken
}

const placesOf = (chunk: CallChunk): Array<number> => chunk.items.map((_, position) => chunk.ordinal(position))

const indices = (chunks: ReadonlyArray<CallChunk>): Array<number> => chunks.flatMap(placesOf)

const histories = Arbitrary.all({
  sizes: Arbitrary.array(integer(1, 6), { minLength: 1, maxLength: 6 }),
  retries: oneOf("never", 0, 1, 3),
  tasksPerWorker: oneOf(1, 1, 3),
  seed: integer(0, 1_000_000)
})

describe("Resends", () => {
  it.prop(
    "F2 gives what it was given exactly once, in input order, in chunks that are not too long",
    { sizes: Arbitrary.array(integer(1, 6), { maxLength: 6 }), max: integer(1, 8), seed: integer(0, 1_000_000) },
    ({ max, seed, sizes }) => {
      const resends = new Resends("never", free)
      const expected: Array<number> = []
      const chunks = sizes.map((size, n) => chunkOf(n * 10, size))
      const shuffled = chunks.sort((left, right) => noise(seed, left.ordinal(0)) - noise(seed, right.ordinal(0)))
      for (const chunk of shuffled) {
        const positions = [...chunk.items.keys()].filter((n) => noise(seed, chunk.ordinal(n) + 1) % 3 > 0)
        expected.push(...positions.map((position) => chunk.ordinal(position)))
        resends.add(chunk, positions)
      }
      assert.strictEqual(resends.size, expected.length)
      const taken = drain(resends, max)
      assert.deepStrictEqual(
        indices(taken),
        expected.sort((left, right) => left - right)
      )
      for (const chunk of taken) {
        const { alone, items } = chunk
        assert.isAtMost(items.length, max)
        assert.isFalse(alone)
        assert.deepStrictEqual(
          items,
          placesOf(chunk).map((index) => `item ${index}`)
        )
      }
    },
    runs(200)
  )

  it.prop(
    "F2 whatever is lost, an item ends or is lost for good, once; charged ones are sent again so often, and alone",
    { history: histories },
    ({ history: { retries, seed, sizes, tasksPerWorker } }) => {
      const resends = new Resends(retries, free)
      const charges = new Map<number, number>()
      /** How often each was lost before it had started. */
      const unstarted = new Map<number, number>()
      const ended: Array<number> = []
      let chunks = sizes.map((size, n) => chunkOf(n * 10, size))
      const total = sizes.reduce((sum, size) => sum + size, 0)
      for (let round = 0; chunks.length > 0; round++) {
        assert.isBelow(round, 200, "it comes to an end")
        for (const [n, chunk] of chunks.entries()) {
          const random = (salt: number) => noise(seed + salt, round * 100 + n)
          if (chunk.alone) assert.strictEqual(chunk.items.length, 1)
          const isSuspect = placesOf(chunk).some((index) => charges.has(index) || (unstarted.get(index) ?? 0) > 1)
          assert.strictEqual(chunk.alone, isSuspect, "charged, or lost twice before they started: alone; no others")
          const started = random(1) % (chunk.items.length + 1)
          for (let position = 0; position < started; position++) {
            // with one at a time, only the last may be without an outcome
            const isOpen = tasksPerWorker === 1 ? position === started - 1 : true
            if (isOpen && random(position + 2) % 2 === 0) continue
            chunk.onSuccess(position, undefined)
            ended.push(chunk.ordinal(position))
          }
          const open = chunk.unreportedIndices()
          const suspects = open.filter((index) => placesOf(chunk).indexOf(index) < started)
          const lost = resends
            .addLost(chunk, hand(started), tasksPerWorker, false)
            .map((position) => chunk.ordinal(position))
          for (const index of open) {
            if (!suspects.includes(index)) unstarted.set(index, (unstarted.get(index) ?? 0) + 1)
          }
          if (retries !== "never") for (const index of suspects) charges.set(index, (charges.get(index) ?? 0) + 1)
          assert.deepStrictEqual(
            lost,
            suspects.filter((index) => retries === "never" || charges.get(index)! > retries)
          )
          ended.push(...lost)
        }
        chunks = drain(resends, 1 + (noise(seed, round) % 5))
        const again = indices(chunks)
        assert.deepStrictEqual(
          again,
          again.toSorted((left, right) => left - right)
        )
        // workers end in any order
        chunks.sort((left, right) => noise(seed, left.ordinal(0)) - noise(seed, right.ordinal(0)))
      }
      assert.strictEqual(ended.length, total)
      assert.strictEqual(new Set(ended).size, total)
    },
    runs(300)
  )

  it('F2 with "fail" all that had started is lost, and what had not comes back', () => {
    const resends = new Resends("never", free)
    const chunk = chunkOf(0, 6)
    chunk.onSuccess(1, undefined)
    assert.deepStrictEqual(resends.addLost(chunk, hand(4), 1, false), [0, 2, 3])
    assert.deepStrictEqual(indices(drain(resends)), [4, 5])
  })

  it("K4 one that was alone when a runner was lost is kept apart from others that were in hand then", () => {
    const isolation = new Isolation()
    const resends = new Resends(2, isolation)
    const { none, possible, strong } = suspicions
    const next = (): CallChunk => {
      const chunk = new CallChunk(call, resends.take(9))
      isolation.enter(chunk)
      return chunk
    }
    const told = (chunk: CallChunk) => [chunk.suspicion, chunk.alone, ...placesOf(chunk)]
    let runners = 0
    const lost = (chunk: CallChunk, started: number) => {
      const runner = runners++
      const lostRunner = lostRunnerOf(`${runner}`, runner, runner)
      isolation.lost(lostRunner)
      assert.deepStrictEqual(resends.addLost(chunk, hand(started), 3, false, lostRunner), [])
      isolation.leave(chunk)
    }
    const whole = chunkOf(0, 4)
    isolation.enter(whole)
    lost(whole, 3)
    // those that had not started are no suspects, and all suspects may be in hand together
    const first = [next(), next(), next()]
    assert.deepStrictEqual(
      first.map(told),
      first.map((_, n) => [possible, true, n])
    )
    assert.deepStrictEqual(told(next()), [none, false, 3])
    for (const chunk of first.slice(0, 2)) lost(chunk, 1)
    assert.deepStrictEqual([resends.size, resends.hasNext], [2, false], "not before the third is over")
    lost(first[2]!, 0)
    const second = next()
    assert.deepStrictEqual(told(second), [strong, true, 0])
    assert.deepStrictEqual([resends.size, resends.hasNext, resends.nextIsAlone], [2, false, false])
    // others go before them
    resends.add(chunkOf(8, 1), [0])
    assert.deepStrictEqual(told(next()), [none, false, 8])
    // whatever becomes of it, it stays one
    resends.add(second, [0])
    isolation.leave(second)
    const last = [next()]
    for (let chunk = last[0]!; resends.size > 0; last.push(chunk)) {
      isolation.leave(chunk)
      chunk = next()
    }
    assert.deepStrictEqual(last.map(told), [
      [strong, true, 0],
      [strong, true, 1],
      [possible, true, 2]
    ])
  })

  it("K4 one that was sent to a worker of a runner whose loss had been told was not in hand", () => {
    const isolation = new Isolation()
    const resends = new Resends(1, isolation)
    const lost = (runner: string | undefined, worker: number, workers: number): boolean => {
      const chunk = new CallChunk(call, resends.take(9))
      isolation.enter(chunk)
      const lostRunner = lostRunnerOf(runner, worker, workers)
      isolation.lost(lostRunner)
      const { length } = resends.addLost(chunk, hand(1), 1, false, lostRunner)
      isolation.leave(chunk)
      return length > 0
    }
    resends.add(chunkOf(0, 1), [0])
    assert.isFalse(lost("a", 1, 3), "the first time")
    for (const worker of [2, 3]) assert.isFalse(lost("a", worker, 4))
    assert.isFalse(
      lost("a", 4, 4),
      "one that was acquired since: its connection was lost, and that of another one before"
    )
    assert.isFalse(lost("a", 2, 5))
    assert.isTrue(lost("b", 5, 5), "the second charge")
  })

  it("K4 one that was sent to a worker that has answered since was in hand: its runner is lost only now", () => {
    const isolation = new Isolation()
    const resends = new Resends(0, isolation)
    const lost = (worker: number, answered: number): boolean => {
      const chunk = new CallChunk(call, resends.take(9))
      isolation.enter(chunk)
      const lostRunner = lostRunnerOf("a", worker, 4, answered)
      isolation.lost(lostRunner)
      const { length } = resends.addLost(chunk, hand(1), 1, false, lostRunner)
      isolation.leave(chunk)
      return length > 0
    }
    resends.add(chunkOf(0, 1), [0])
    assert.isFalse(lost(1, -1), "the first time: nobody is to blame")
    assert.isFalse(lost(2, 0), "it has answered what was sent before that alone")
    assert.isTrue(lost(3, 1), "it has answered since")
  })

  it("K4 one that was in hand before, and is told of late, was in hand", () => {
    const isolation = new Isolation()
    const resends = new Resends(0, isolation)
    const [first, second] = [chunkOf(0, 1), chunkOf(1, 1)]
    for (const chunk of [first, second]) isolation.enter(chunk)
    for (const chunk of [first, second]) {
      const lostRunner = lostRunnerOf("a", chunk.ordinal(0), 2)
      isolation.lost(lostRunner)
      assert.deepStrictEqual(resends.addLost(chunk, hand(1), 1, false, lostRunner), [])
    }
    assert.deepStrictEqual(
      drain(resends).map(({ suspicion }) => suspicion),
      [suspicions.possible, suspicions.possible]
    )
  })

  it("K4 remembers the workers of the last runners alone, however many are lost", () => {
    const isolation = new Isolation()
    const isLate = (n: number) => isolation.isLate(late, lostRunnerOf(`${n}`, n, n))
    for (let n = 0; n < 1000; n++) isolation.lost(lostRunnerOf(`${n}`, n, n))
    const late = chunkOf(0, 1)
    isolation.enter(late)
    const remembered = Array.from({ length: 1000 }, (_, n) => n).filter(isLate)
    assert.deepStrictEqual(
      remembered,
      Array.from({ length: 64 }, (_, n) => 936 + n)
    )
  })

  it("K4 of a runner that does not say which it is, each loss is another one", () => {
    const resends = new Resends(0, new Isolation())
    resends.add(chunkOf(0, 1), [0])
    const lost = () =>
      resends.addLost(new CallChunk(call, resends.take(9)), hand(1), 1, false, lostRunnerOf(undefined, 1, 3))
    assert.deepStrictEqual([lost(), lost()], [[], [0]])
  })

  it("F2 with one item at a time, only the one that was running is charged and sent alone", () => {
    const resends = new Resends(1, free)
    const chunk = chunkOf(0, 6)
    chunk.onSuccess(0, undefined)
    // 1 and 2 had ended as well, but that was not heard
    assert.deepStrictEqual(resends.addLost(chunk, hand(4), 1, false), [])
    const taken = drain(resends)
    assert.deepStrictEqual(
      taken.map((chunk) => [chunk.alone, placesOf(chunk)]),
      [
        [false, [1, 2]],
        [true, [3]],
        [false, [4, 5]]
      ]
    )
    assert.deepStrictEqual(resends.addLost(taken[0]!, hand(0), 1, false), [])
    assert.deepStrictEqual(resends.addLost(taken[1]!, hand(1), 1, false), [0])
    assert.deepStrictEqual(indices(drain(resends)), [1, 2])
  })

  it("F2 with several at a time any of those that had started may have been it: all are charged", () => {
    const resends = new Resends(1, free)
    const chunk = chunkOf(0, 5)
    chunk.onSuccess(1, undefined)
    assert.deepStrictEqual(resends.addLost(chunk, hand(3), 3, false), [])
    const taken = drain(resends)
    assert.deepStrictEqual(
      taken.map((chunk) => [chunk.alone, placesOf(chunk)]),
      [
        [true, [0]],
        [true, [2]],
        [false, [3, 4]]
      ]
    )
    assert.deepStrictEqual(resends.addLost(taken[0]!, hand(1), 3, false), [0])
    // one that was sent alone and had not started stays alone, uncharged
    assert.deepStrictEqual(resends.addLost(taken[1]!, hand(0), 3, false), [])
    assert.isTrue(resends.nextIsAlone)
  })

  it("F2 a worker that is lost between two items takes nothing with it and charges nobody", () => {
    const resends = new Resends(0, free)
    const chunk = chunkOf(0, 4)
    for (const position of [0, 1]) chunk.onSuccess(position, undefined)
    assert.deepStrictEqual(resends.addLost(chunk, hand(2), 1, false), [])
    assert.deepStrictEqual(
      drain(resends).map((chunk) => [chunk.alone, placesOf(chunk)]),
      [[false, [2, 3]]]
    )
  })

  it("S2 what has moved is lost, started or not, and whatever may be retried", () => {
    const resends = new Resends(5, free)
    const chunk = chunkOf(0, 4)
    chunk.onSuccess(0, undefined)
    assert.deepStrictEqual(resends.addLost(chunk, hand(2, true), 1, false), [1, 2, 3])
    assert.strictEqual(resends.size, 0)
  })
})
