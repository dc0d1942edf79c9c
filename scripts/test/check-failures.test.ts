import { assert, describe, it } from "@effect/vitest"
import { render, rows } from "../check-failures.ts"

describe("rows", () => {
  it("tells every accident once, with what other pools do, and is tested on some runtime", () => {
    assert.strictEqual(new Set(rows.map(({ name }) => name)).size, rows.length)
    assert.strictEqual(new Set(rows.map(({ what }) => what)).size, rows.length)
    for (const { elsewhere, on } of rows) {
      assert.isNotEmpty(elsewhere)
      assert.isNotEmpty(on)
    }
  })
})

describe("render", () => {
  it("writes a line for each, with marks for the runtimes", () => {
    const page = render([{ rule: "F1", name: "goes on", what: "`a | b`", elsewhere: "hangs", on: ["processes"] }])
    assert.isTrue(page.endsWith("\n| F1 | `a \\| b` | goes on | hangs |  |  | ✓ |\n"))
  })
})
