import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as sink from "../src/internal/call/sink.ts"
import { integer, noise, runs } from "./support.ts"

/** The numbers below `length`, shuffled. */
const shuffled = (length: number, seed: number): Array<number> =>
  Array.from({ length }, (_, n) => n).sort((left, right) => noise(seed, left) - noise(seed, right) || left - right)

const arrivals = { length: integer(0, 60), seed: integer(0, 1_000_000) }

describe("sinks of calls that give their results in the end", () => {
  it.prop(
    "C2 Ordered gives results in input order, Unordered in order of arrival; each is delivered as it arrives",
    arrivals,
    ({ length, seed }) => {
      const order = shuffled(length, seed)
      const [ordered, unordered, dropped] = [new sink.Ordered(), new sink.Unordered(), new sink.Dropped()]
      for (const index of order) {
        for (const into of [ordered, unordered, dropped]) assert.strictEqual(into.put(index, `result ${index}`), 1)
      }
      assert.deepStrictEqual(
        ordered.results,
        Array.from({ length }, (_, n) => `result ${n}`)
      )
      assert.deepStrictEqual(
        unordered.results,
        order.map((n) => `result ${n}`)
      )
    },
    runs(100)
  )
})

describe("sinks that a consumer takes from", () => {
  const takes = Arbitrary.array(integer(0, 8), { maxLength: 80 })

  it.prop(
    "C2 C3 TakenOrdered gives the results that are next, as many as are wanted, and holds back the others",
    { ...arrivals, takes },
    ({ length, seed, takes }) => {
      const into = new sink.TakenOrdered()
      const arrived = new Set<number>()
      const taken: Array<unknown> = []
      const take = (max: number) => {
        assert.strictEqual(into.ready(), arrived.has(taken.length))
        const results = into.take(max)
        taken.push(...results)
        assert.isTrue(results.length === max || !arrived.has(taken.length), "no more are ready")
        assert.isAtMost(results.length, max)
      }
      for (const [n, index] of shuffled(length, seed).entries()) {
        // nothing is delivered before the consumer comes back
        assert.strictEqual(into.put(index, index), 0)
        arrived.add(index)
        take(takes[n] ?? 0)
      }
      take(length)
      assert.deepStrictEqual(
        taken,
        Array.from({ length }, (_, n) => n)
      )
      assert.isFalse(into.ready())
    },
    runs(200)
  )

  it.prop(
    "C2 C3 TakenUnordered gives results in order of arrival",
    { ...arrivals, takes },
    ({ length, seed, takes }) => {
      const into = new sink.TakenUnordered()
      const order = shuffled(length, seed)
      const taken: Array<unknown> = []
      const take = (max: number, arrived: number) => {
        const there = arrived - taken.length
        assert.strictEqual(into.ready(), there > 0)
        const results = into.take(max)
        assert.strictEqual(results.length, Math.min(max, there))
        taken.push(...results)
      }
      for (const [n, index] of order.entries()) {
        assert.strictEqual(into.put(index, index), 0)
        take(takes[n] ?? 0, n + 1)
      }
      take(length, length)
      assert.deepStrictEqual(taken, order)
      assert.isFalse(into.ready())
    },
    runs(200)
  )

  it("C2 a result may be undefined", () => {
    const into = new sink.TakenOrdered()
    into.put(1, undefined)
    assert.isFalse(into.ready())
    into.put(0, undefined)
    assert.isTrue(into.ready())
    assert.deepStrictEqual(into.take(5), [undefined, undefined])
  })
})
