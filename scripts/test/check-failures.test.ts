import { assert, describe, it } from "@effect/vitest"
import * as path from "node:path"
import { render, renderCluster, rows, withTable } from "../check-failures.ts"
import { clusterAccidents, findAccidents } from "../clusterAccidents.ts"

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

describe("a cluster's accidents", () => {
  const annotated = (name: string) => `  /** Accident: a cable is cut. */\n  it.live(\n    ${name}, () => {})\n`

  it("are what a comment before a test says, and what the test's name says", () => {
    const file = "cluster/test/other.test.ts"
    const row = { rules: ["K4", "F5"], what: "A cable is cut.", name: "is noticed", file }
    assert.deepStrictEqual(findAccidents(annotated('"K4 F5 is noticed"'), file), { rows: [row], problems: [] })
    // of several tests, what their names have in common
    assert.deepStrictEqual(findAccidents(annotated("`K4 F5 is noticed, ${way}`"), file).rows, [row])
  })

  it("need a test that cites a rule, and to be written as such", () => {
    const problemsOf = (source: string) => findAccidents(source, "a.test.ts").problems
    assert.match(problemsOf(annotated('"is noticed"'))[0]!, /a\.test\.ts:1 is not followed by a test/)
    assert.match(problemsOf("/** Accident: a cable is cut. */\nconst a = 1")[0]!, /is not followed by a test/)
    assert.match(problemsOf('// accident: a cable is cut\nit.live("K4 a", f)')[0]!, /is not written as/)
  })

  it("are told by each test of the files that are about nothing else", () => {
    const source = `${annotated('"K4 is noticed"')}\n\n  it.live.skipIf(no)("K5 is another", f)`
    assert.deepStrictEqual(findAccidents(source, "cluster/test/other.test.ts").problems, [])
    const { problems } = findAccidents(source, "cluster/test/extended/losses.test.ts")
    assert.deepStrictEqual(problems.length, 1)
    assert.include(problems[0], "K5 is another")
  })

  it("are in the page as they are in the tests: a row too many or too few is another page", () => {
    const { problems, rows } = clusterAccidents(path.join(import.meta.dirname, "../../packages"))
    assert.deepStrictEqual(problems, [])
    assert.isAbove(rows.length, 20)
    const page = "text\n<!-- accidents: so -->\n<!-- end of accidents -->\nmore\n"
    const written = withTable(page, rows)!
    assert.include(written, renderCluster(rows))
    assert.strictEqual(withTable(written, rows), written)
    assert.notStrictEqual(withTable(written, rows.slice(1)), written)
    assert.notStrictEqual(withTable(written, [...rows, rows[0]!]), written)
    assert.isUndefined(withTable("no marks", rows))
  })
})
