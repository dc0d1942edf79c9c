import { assert, describe, it } from "@effect/vitest"
import { type Trouble, trouble } from "../src/trouble.ts"

const many = (seed: number): ReadonlyArray<Trouble> =>
  Array.from({ length: 500 }, (_, number) => trouble(seed, number, 3))

describe("trouble", () => {
  it("is the same for the same seed", () => {
    assert.deepStrictEqual(many(1), many(1))
    assert.notDeepEqual(many(1), many(2))
  })

  it("comes about once a second, to each runner, of each kind", () => {
    const all = many(1)
    const mean = all.reduce((sum, { after }) => sum + after, 0) / all.length
    assert.isAbove(mean, 900)
    assert.isBelow(mean, 1100)
    assert.strictEqual(new Set(all.map(({ runner, what }) => `${what} ${runner}`)).size, 9)
  })
})
