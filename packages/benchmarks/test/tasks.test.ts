import { assert, describe, it } from "@effect/vitest"
import { makeRandom } from "../src/random.ts"
import { convolve } from "../src/tasks/convolution.tasks.ts"
import { predictWith, trainModel } from "../src/tasks/model.tasks.ts"
import { compute, spin } from "../src/tasks/plain.tasks.ts"
import { countDocument } from "../src/tasks/prefixes.tasks.ts"

describe("tasks", () => {
  it("the convolution is the full one, every fifth row and column of it", () => {
    const random = makeRandom(1)
    const image = { columns: 7, values: Float64Array.from({ length: 6 * 7 }, random) }
    const filter = { columns: 4, values: Float64Array.from({ length: 16 }, random) }
    // as in the definition
    const at = (row: number, column: number): number => {
      let sum = 0
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 4; x++) {
          const inside = row - y >= 0 && row - y < 6 && column - x >= 0 && column - x < 7
          if (inside) sum += filter.values[y * 4 + x]! * image.values[(row - y) * 7 + column - x]!
        }
      }
      return sum
    }
    // of 9 rows and 10 columns
    const expected = [at(0, 0), at(0, 5), at(5, 0), at(5, 5)]
    const values = [...convolve(image, filter)]
    assert.lengthOf(values, 4)
    for (const [i, value] of values.entries()) assert.approximately(value, expected[i]!, 1e-12)
  })

  it("prefixes are all but the words themselves", () => {
    assert.deepStrictEqual(
      countDocument(["abc", "abd", "ab"]),
      new Map([
        ["a", 3],
        ["ab", 2]
      ])
    )
  })

  it("a model is the same whenever it is trained, and has learnt something", () => {
    const [one, other] = [trainModel(), trainModel()]
    assert.strictEqual(predictWith(one, 3), predictWith(other, 3))
    // a balanced test set: half of it is of either kind
    const share = predictWith(one, 0) / (one.test.length / 32)
    assert.approximately(share, 0.5, 0.1)
  })

  it("computing depends on the seed, and spinning takes its time", () => {
    assert.strictEqual(compute({ seed: 1, iterations: 1000 }), compute({ seed: 1, iterations: 1000 }))
    assert.notStrictEqual(compute({ seed: 1, iterations: 1000 }), compute({ seed: 2, iterations: 1000 }))
    assert.isAtLeast(spin(3), 3)
  })
})
