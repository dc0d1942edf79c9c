import { assert, describe, it } from "@effect/vitest"
import * as Report from "../src/report.ts"

describe("report", () => {
  it("lays out columns", () => {
    const table = Report.table(
      ["left", "right"],
      [
        ["name", "n"],
        ["one", "1"],
        ["twenty", "20"]
      ]
    )
    assert.strictEqual(table, "name     n\none      1\ntwenty  20")
  })

  it("compares passes with the first", () => {
    const pass = { files: 1234, bytesIn: 1_000_000, bytesOut: 100, remark: "" }
    const lines = Report.passes([
      { ...pass, name: "serial", seconds: 3 },
      { ...pass, name: "pooled", seconds: 1.5 }
    ]).split("\n")
    assert.match(lines[1] ?? "", /^serial +1,234 +1,000,000 +100 +3\.00 +1\.00$/)
    assert.match(lines[2] ?? "", /^pooled +1,234 +1,000,000 +100 +1\.50 +2\.00$/)
  })

  it("sums up what workers report, in their order", () => {
    const lines = Report.workers([
      { id: 1, generation: 1, files: 2, bytes: 20 },
      { id: 0, generation: 1, files: 1, bytes: 1000 }
    ]).split("\n")
    assert.deepStrictEqual(
      lines.slice(1).map((line) => line.split(/ +/)),
      [
        ["0", "1", "1", "1,000"],
        ["1", "1", "2", "20"],
        ["all", "3", "1,020"]
      ]
    )
  })
})
