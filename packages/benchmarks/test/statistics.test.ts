import { assert, describe, it } from "@effect/vitest"
import { makeRandom, paretoCosts } from "../src/random.ts"
import { median, medianInterval, printQuartiles, quantile, summarize } from "../src/statistics.ts"

describe("statistics", () => {
  it("the median of an odd and of an even number of samples, in any order", () => {
    assert.strictEqual(median([9, 1, 5]), 5)
    assert.strictEqual(median([4, 1, 3, 2]), 2.5)
    assert.strictEqual(median([7]), 7)
  })

  it("quartiles lie between two samples in proportion", () => {
    assert.deepStrictEqual(summarize([50, 10, 20, 40, 30]), {
      median: 30,
      min: 10,
      max: 50,
      lowerQuartile: 20,
      upperQuartile: 40
    })
    assert.strictEqual(printQuartiles([50, 10, 20, 40, 30]), "30.000 (20.000 – 40.000)")
    assert.strictEqual(quantile([0, 10], 0.25), 2.5)
    assert.strictEqual(quantile([0, 100], 0.99), 99)
  })

  it("an interval of the median holds the 4th to the 12th of 15 samples, the 6th to the 15th of 20, all of few", () => {
    const samples = (length: number) => Array.from({ length }, (_, n) => n + 1).toReversed()
    assert.deepStrictEqual(medianInterval(samples(15)), [4, 12])
    assert.deepStrictEqual(medianInterval(samples(20)), [6, 15])
    assert.deepStrictEqual(medianInterval(samples(3)), [1, 3])
  })

  it("none of no samples, and the samples stay as they are", () => {
    assert.isNaN(median([]))
    const samples = [3, 1, 2]
    median(samples)
    assert.deepStrictEqual(samples, [3, 1, 2])
  })
})

describe("random numbers", () => {
  it("are the same for the same seed, and spread from 0 to 1", () => {
    const random = makeRandom(42)
    const numbers = Array.from({ length: 10_000 }, random)
    const again = makeRandom(42)
    assert.deepStrictEqual(numbers.slice(0, 5), Array.from({ length: 5 }, again))
    assert.notDeepEqual(numbers.slice(0, 5), Array.from({ length: 5 }, makeRandom(43)))
    assert.isTrue(numbers.every((n) => n >= 0 && n < 1))
    assert.approximately(numbers.reduce((a, b) => a + b, 0) / numbers.length, 0.5, 0.02)
  })

  it("Pareto costs have a fixed seed, a least of 1 and a cap that some reach", () => {
    const options = { count: 2000, alpha: 1.5, cap: 100, seed: 42 }
    const costs = paretoCosts(options)
    assert.deepStrictEqual(costs, paretoCosts(options))
    assert.lengthOf(costs, 2000)
    assert.isAtLeast(Math.min(...costs), 1)
    assert.strictEqual(Math.max(...costs), 100)
    // three quarters lie below 4 ** (2 / 3)
    assert.approximately(quantile(costs, 0.75), 4 ** (2 / 3), 0.2)
  })
})
