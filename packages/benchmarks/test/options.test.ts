import { assert, describe, it } from "@effect/vitest"
import { caseNames } from "../src/case-names.ts"
import { parseOptions, usage, WrongOption } from "../src/options.ts"

describe("options", () => {
  it("all cases, five repetitions, where none are given", () => {
    assert.deepStrictEqual(parseOptions([]), {
      cases: Object.keys(caseNames) as Array<keyof typeof caseNames>,
      quick: false,
      repetitions: 5,
      json: "",
      list: false,
      help: false
    })
  })

  it("takes all of them, after two dashes too", () => {
    const args = ["--cases", "P1,P3", "--repetitions", "7", "--quick", "--json", "out.json"]
    const expected = { cases: ["P1", "P3"], quick: true, repetitions: 7, json: "out.json", list: false, help: false }
    assert.deepStrictEqual<unknown>(parseOptions(args), expected)
    assert.deepStrictEqual<unknown>(parseOptions(["--", ...args]), expected)
  })

  it("a quick run measures once", () => {
    assert.strictEqual(parseOptions(["--quick"]).repetitions, 1)
  })

  it.each([
    [["--cases", "P1,P99"], `there is no case "P99"; the cases are P1, P2`],
    [["--cases", "toString"], `there is no case "toString"`],
    [["--repetitions", "0"], `--repetitions must be a whole number from 1, not "0"`],
    [["--repetitions", "many"], `not "many"`],
    [["--fast"], "Unknown option '--fast'"],
    [["P1"], "Unexpected argument 'P1'"],
    [["--json"], "argument missing"]
  ])("%j is refused", (args, message) => {
    assert.throws(() => parseOptions(args), WrongOption, message)
  })

  it("the usage names every option", () => {
    for (const option of ["cases", "repetitions", "quick", "json", "list", "help"]) {
      assert.include(usage, `--${option}`)
    }
  })
})
