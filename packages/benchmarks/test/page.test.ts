import { assert, describe, it } from "@effect/vitest"
import { renderPage, wins } from "../src/page.ts"
import { barChart, makeScale } from "../src/plots.ts"
import type { MeasurementResult, Results } from "../src/results.ts"
import { caseTable, closing, failures, number } from "../src/table.ts"
import * as targets from "../src/targets.ts"
import { contender, measure, measurement, scripted } from "./support.ts"

const measured = async (): Promise<MeasurementResult> => {
  const failing = contender("broken & <sorry>", "peer", () => {
    throw new Error("it broke")
  })
  const { result } = await measure(
    measurement(
      [
        scripted("loop", "baseline", [10, 10, 10]),
        scripted("ours, 2 workers", "ours", [12, 12, 14]),
        scripted("ours, 4 workers", "ours", [6, 6, 6]),
        scripted("slow, 2 workers", "peer", [5000, 5000, 5000]),
        scripted("quick, 2 workers", "peer", [7, 7, 7]),
        scripted("level, 4 workers", "peer", [5.9, 5.9, 5.9]),
        failing
      ],
      {
        targets: [{ description: "time", limit: "at most", bound: 1.5, measure: targets.oursOverBaseline }]
      }
    )
  )
  return result
}

const resultsOf = (result: MeasurementResult): Results => ({
  version: 1,
  date: "2026-11-23T18:00:00.000Z",
  mode: "quick",
  repetitions: 3,
  seconds: 60,
  environment: {
    node: "v24.21.0",
    platform: "linux x64",
    cpu: "a processor",
    cpus: 2,
    memoryGigabytes: 24,
    loadBefore: 0.5,
    versions: { piscina: "5.3.2" },
    commit: "0123456789abcdef",
    uncommittedChanges: false
  },
  cases: [{ id: "P0", title: "a case", seconds: 60, load: 2.5, measurements: [result] }]
})

/** As it is when it comes from a file. */
const results = async (): Promise<Results> => JSON.parse(JSON.stringify(resultsOf(await measured())))

describe("table", () => {
  it("numbers have three digits that count", () => {
    assert.deepStrictEqual([0, 0.01234, 0.1234, 1.234, 12.34, 123.4, 1234, Number.NaN].map(number), [
      "0",
      "0.0123",
      "0.123",
      "1.23",
      "12.3",
      "123",
      "1234",
      "-"
    ])
  })

  it("shows medians, ratios, targets and what failed", async () => {
    const text = caseTable((await results()).cases[0]!)
    assert.match(text, /^ {2}ours, 2 workers +12\.0 +12\.0 +12\.0 – 13\.0 +14\.0 +1\.20 ×$/m)
    assert.match(text, /^ {2}loop +10\.0 .* 1$/m)
    assert.include(text, "target: time at most 1.5: 1.20, holds")
    assert.include(text, "FAILED: broken & <sorry>: it broke")
  })

  it("closes with the targets, and counts what failed", async () => {
    const all = await results()
    const text = closing(all)
    assert.match(text, /P0 +holds +1\.20 +at most 1\.5 +time$/m)
    assert.include(text, "Quick mode")
    assert.include(text, "1 failed")
    assert.strictEqual(failures(all), 1)
    assert.strictEqual(failures({ cases: [{ ...all.cases[0]!, failed: "killed" }] }), 2)
  })
})

describe("plots", () => {
  it("a scale is linear, or logarithmic from a factor of twenty", () => {
    const linear = makeScale([0, 5, 10])
    assert.isFalse(linear.logarithmic)
    assert.strictEqual(linear.place(10), 2 * linear.place(5))
    assert.deepStrictEqual(linear.ticks, [0, 2, 4, 6, 8, 10])
    const logarithmic = makeScale([0.2, 30])
    assert.isTrue(logarithmic.logarithmic)
    assert.deepStrictEqual(logarithmic.ticks.map(number), ["0.100", "1.00", "10.0"])
    assert.approximately(
      logarithmic.place(10) - logarithmic.place(1),
      logarithmic.place(1) - logarithmic.place(0.1),
      1e-9
    )
    assert.deepStrictEqual(makeScale([]).ticks.slice(0, 1), [0])
  })

  it("a chart has a bar for each contender, the least first, and says who failed", async () => {
    const svg = barChart(await measured())
    assert.lengthOf(svg.match(/<rect class="\w+" x="320"/g)!, 6)
    const names = ["level", "ours, 4", "quick", "loop", "ours, 2", "slow", "broken &amp; &lt;sorry&gt;"]
    const places = names.map((name) => svg.indexOf(name))
    assert.isTrue(places.every((place) => place > 0))
    assert.deepStrictEqual(
      places,
      places.toSorted((a, b) => a - b)
    )
    assert.include(svg, "failed")
    assert.include(svg, "prefers-color-scheme: dark")
    assert.notMatch(svg, /NaN|undefined|Infinity/)
  })
})

describe("page", () => {
  it("says where others are faster than what does the same, by a twentieth or more", async () => {
    assert.deepStrictEqual(wins(await results()), ["P0, a test (ms): quick, 2 workers: 7.00, ours, 2 workers: 12.0"])
  })

  it("has the circumstances, the targets, and a plot for each measurement", async () => {
    const { markdown, plots } = renderPage(await results())
    assert.deepStrictEqual([...plots.keys()], ["p0-test.svg"])
    assert.include(markdown, "benchmarks/p0-test.svg")
    assert.include(markdown, "| P0 | time: at most 1.5 | 1.20 | yes |")
    assert.include(markdown, "commit 0123456789ab.")
    assert.include(markdown, "piscina 5.3.2")
    assert.include(markdown, "This was a quick run")
    assert.include(markdown, "| broken & <sorry> | failed |")
    assert.notMatch(markdown, /NaN|undefined/)
  })
})
