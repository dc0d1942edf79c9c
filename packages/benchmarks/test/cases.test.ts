import { assert, describe, it } from "@effect/vitest"
import { caseNames, isCaseName } from "../src/case-names.ts"
import { cases } from "../src/cases.ts"
import type { Progress } from "../src/results.ts"
import { summarizeMeasurement } from "../src/summary.ts"

const measurements = Object.keys(caseNames)
  .filter(isCaseName)
  .flatMap((name) =>
    cases[name].measurements({ quick: true, repetitions: 1 }).map((measurement) => ({ name, measurement }))
  )

describe("cases", () => {
  it.each(measurements)(
    "$name, $measurement.id: one of ours, names that differ, targets of contenders it has",
    ({ measurement }) => {
      const { contenders, id } = measurement
      assert.isTrue(contenders.some(({ role }) => role === "ours" || role === "information"))
      assert.strictEqual(new Set(contenders.map(({ name }) => name)).size, contenders.length)
      const progress = contenders.map(({ name }): Progress => ({
        _tag: "Sampled",
        measurement: id,
        contender: name,
        repetition: 0,
        sample: { value: 1 }
      }))
      for (const { measured } of summarizeMeasurement(measurement, progress).targets) assert.strictEqual(measured, 1)
    }
  )

  it("measurements of a case have ids of their own", () => {
    const ids = measurements.map(({ measurement, name }) => `${name} ${measurement.id}`)
    assert.strictEqual(new Set(ids).size, ids.length)
  })
})
