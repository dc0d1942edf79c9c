import { assert, describe, it } from "@effect/vitest"
import { misplaced, type Run, survived, unfit } from "../check-mutations.ts"
import type { Mutation } from "../mutations.ts"

const mutation: Mutation = {
  rule: "L8",
  file: "core/src/slot.ts",
  find: "limit - given",
  replace: "limit",
  tests: ["core/test/slot.test.ts"]
}

const run = (state: string, rules = ["L8"], errors: ReadonlyArray<string> = []): Run => ({
  outcomes: [
    { rules: ["C1"], file: "core/test/slot.test.ts", state: "passed" },
    { rules, file: "core/test/slot.test.ts", state }
  ],
  errors
})

describe("misplaced", () => {
  it("wants the text once, near a comment that cites the rule", () => {
    const cited = "// what is left (L8)\n\n\nreturn limit - given\n"
    assert.isUndefined(misplaced(mutation, cited))
    assert.isUndefined(misplaced(mutation, "return limit - given\n\n\n// what was left (L8)"))
    const notNear = `L8: no comment within 3 lines of "limit - given" in core/src/slot.ts cites it`
    assert.strictEqual(misplaced(mutation, cited.replace("\n", "\n\n")), notNear)
    assert.strictEqual(misplaced(mutation, cited.replace("L8", "L9")), notNear)
    assert.strictEqual(
      misplaced(mutation, `${cited}return limit - given`),
      `L8: "limit - given" occurs 2 times in core/src/slot.ts, not once`
    )
    assert.strictEqual(
      misplaced(mutation, "return limit"),
      `L8: "limit - given" occurs 0 times in core/src/slot.ts, not once`
    )
  })
})

describe("unfit", () => {
  it("wants tests that cite the rule, all of which pass without the mutation", () => {
    assert.deepStrictEqual(unfit([mutation], run("passed")), [])
    assert.deepStrictEqual(unfit([mutation], run("failed")), ["L8: a test fails without its mutation"])
    const none = ["L8: no test in core/test/slot.test.ts cites it"]
    assert.deepStrictEqual(unfit([mutation], run("skipped")), none)
    assert.deepStrictEqual(unfit([mutation], run("passed", ["L7"])), none)
    assert.deepStrictEqual(unfit([mutation], run("passed", ["L8"], ["It does not load"])), ["It does not load"])
  })
})

describe("survived", () => {
  it("wants a test that cites the rule to fail, and not to be kept from running", () => {
    assert.deepStrictEqual(survived(mutation, run("failed")), [])
    const unnoticed = [
      `L8: no test that cites it fails when "limit - given" in core/src/slot.ts is changed into "limit"`
    ]
    assert.deepStrictEqual(survived(mutation, run("passed")), unnoticed)
    assert.deepStrictEqual(survived(mutation, run("failed", ["L7"])), unnoticed)
    assert.deepStrictEqual(survived(mutation, run("failed", ["L8"], ["It does not load"])), ["L8: It does not load"])
  })
})
