import { assert, describe, it } from "@effect/vitest"
import type { Target } from "../src/case.ts"
import { summarizeMeasurement } from "../src/summary.ts"
import * as targets from "../src/targets.ts"
import { contender, measure, measurement, scripted } from "./support.ts"

const target = (limit: Target["limit"], bound: number, measure: Target["measure"]): Target => ({
  description: "it",
  limit,
  bound,
  measure
})

describe("summary", () => {
  it("ratios are those of the same repetition, to the fastest baseline", async () => {
    // the machine was half as fast in the second repetition
    const { result } = await measure(
      measurement([
        scripted("slow loop", "baseline", [20, 40, 20]),
        scripted("loop", "baseline", [10, 20, 10]),
        scripted("ours", "ours", [15, 30, 15]),
        scripted("peer", "peer", [40, 80, 30])
      ])
    )
    assert.strictEqual(result.baseline, "loop")
    assert.deepStrictEqual(
      result.contenders.map(({ ratio }) => ratio),
      [2, 1, 1.5, 4]
    )
    assert.deepStrictEqual(result.contenders[3]!.samples, [40, 80, 30])
    assert.strictEqual(result.contenders[3]!.median, 40)
  })

  it("no ratios without a baseline, or when it has failed", async () => {
    const failing = contender("loop", "baseline", () => {
      throw new Error("it broke")
    })
    const { result } = await measure(measurement([failing, scripted("ours", "ours", [1, 2, 3])]))
    assert.isUndefined(result.baseline)
    assert.isUndefined(result.contenders[1]!.ratio)
  })

  it("details are medians", async () => {
    const { result } = await measure(
      measurement([contender("a", "ours", (time) => ({ value: 1, details: { MB: time } }))])
    )
    assert.deepStrictEqual(result.contenders[0]!.details, { MB: 1 })
  })

  it("targets hold or do not, by what they measure", async () => {
    const { result } = await measure(
      measurement(
        [
          scripted("loop", "baseline", [10, 10, 10]),
          scripted("ours", "ours", [5, 5, 8]),
          scripted("slow", "peer", [50, 50, 50]),
          scripted("slower", "peer", [500, 500, 500])
        ],
        {
          targets: [
            target("at most", 0.5, targets.oursOverBaseline),
            target("at least", 2.1, targets.baselineOverOurs),
            target("at least", 10, targets.peersOverOurs("slow", "slower")),
            target("at most", 5, targets.oursItself),
            target("at most", 5, targets.oursAtWorst)
          ]
        }
      )
    )
    assert.deepStrictEqual(
      result.targets.map(({ holds, measured }) => [measured, holds]),
      [
        [0.5, true],
        [2, false],
        [10, true],
        [5, true],
        [8, false]
      ]
    )
  })

  it("a target that cannot be measured does not hold", async () => {
    const failing = contender("slow", "peer", () => {
      throw new Error("it broke")
    })
    const { result } = await measure(
      measurement([scripted("ours", "ours", [1, 1, 1]), failing], {
        targets: [target("at least", 1, targets.peersOverOurs("slow"))]
      })
    )
    assert.deepStrictEqual(result.targets, [
      { description: "it", limit: "at least", bound: 1, measured: undefined, holds: false }
    ])
  })

  it("what a killed process did not tell counts as not measured", () => {
    const result = summarizeMeasurement(measurement([scripted("ours", "ours", [])]), [
      { _tag: "Began", measurement: "test", contender: "ours" }
    ])
    assert.strictEqual(result.contenders[0]!.failed, "it was not measured")
  })
})
