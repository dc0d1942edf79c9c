import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { check, findCitations, findMentions, parseRules, write } from "../check-rules.ts"

let root: string

const put = (file: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
  fs.writeFileSync(path.join(root, file), text)
}

const table = (...rows: ReadonlyArray<string>): string =>
  ["# Rules", "", "| rule | what | kept by | tests |", "| --- | --- | --- | --- |", ...rows, "", "The end."].join("\n")

const problems = (): ReadonlyArray<string> => check(root).problems

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "check-rules-"))
  put("packages/core/src/slot.ts", "/** Cuts the chunk to what is left (L8). */\nconst cut = 1 // in order (C2)")
  put("packages/core/test/deep/slot.test.ts", `it.effect("L8 never gives a worker more", () => Effect.void)`)
  put("packages/core/src/testing/RuntimeSuite.ts", `export const cases = [{ rule: "C2", name: "keeps order", effect }]`)
  put(
    "docs/rules.md",
    table(
      "| L8 | at most `lifespan` items | `core/src/slot.ts` | `core/test/deep/slot.test.ts` |",
      "| C2 | order, `A \\| B` | core/src/slot.ts | core/src/testing/RuntimeSuite.ts |"
    )
  )
})

afterEach(() => fs.rmSync(root, { recursive: true }))

describe("check", () => {
  it("passes when the table and the tree agree", () => {
    assert.deepStrictEqual(problems(), [])
    assert.strictEqual(check(root).rules.length, 2)
  })

  it("fails when a rule loses its test", () => {
    put("packages/core/test/deep/slot.test.ts", `it.effect("never gives a worker more", () => Effect.void)`)
    assert.deepStrictEqual(problems(), [
      "docs/rules.md:5: no test cites L8",
      "docs/rules.md:5: L8 is said to be tested in core/test/deep/slot.test.ts, which does not cite it"
    ])
  })

  it("fails when a rule's only test is skipped", () => {
    put("packages/core/test/deep/slot.test.ts", `it.effect.skip("L8 never gives a worker more", () => Effect.void)`)
    assert.include(problems(), "docs/rules.md:5: no test cites L8")
  })

  it("fails when a case of the suite is gone", () => {
    put("packages/core/src/testing/RuntimeSuite.ts", "export const cases = []")
    assert.include(problems(), "docs/rules.md:6: no test cites C2")
  })

  it("fails when the file that keeps a rule is gone, or none is named", () => {
    fs.rmSync(path.join(root, "packages/core/src/slot.ts"))
    assert.include(problems(), "docs/rules.md:5: L8 is said to be kept by core/src/slot.ts, which does not exist")
    put("docs/rules.md", table("| L8 | what |  | core/test/deep/slot.test.ts |"))
    assert.include(problems(), "docs/rules.md:5: L8 names no file that keeps it")
  })

  it("fails when the file that keeps a rule does not cite it in a comment", () => {
    for (const text of [`const text = "(L8)"`, "const cut = /L8/", "// L88 is another, and so are XL8, l8 and L8b"]) {
      put("packages/core/src/slot.ts", `${text} // in order (C2)`)
      assert.deepStrictEqual(problems(), [
        "docs/rules.md:5: L8 is said to be kept by core/src/slot.ts, which does not cite it"
      ])
    }
  })

  it("asks neither files nor tests of a rule that is to come", () => {
    const rows = ["| L8 | at most `lifespan` items (to come) |  |  |", "| C2 | order, to come | core/src/slot.ts |  |"]
    put("docs/rules.md", table(...rows))
    put("packages/core/src/slot.ts", "")
    put("packages/core/src/testing/RuntimeSuite.ts", "")
    put("packages/core/test/deep/slot.test.ts", "")
    assert.deepStrictEqual(problems(), [])
    put("docs/rules.md", table("| L8 | what becomes of items | core/src/slot.ts |  |"))
    assert.strictEqual(problems().length, 2)
  })

  it("fails when a test cites a rule that is not listed", () => {
    put("packages/node-runtime/test/a.test.ts", `\nit("L8 C9 keeps order", () => {})`)
    assert.deepStrictEqual(problems(), [
      "docs/rules.md:5: L8 is tested in node-runtime/test/a.test.ts too, which is not listed (--write lists it)",
      "packages/node-runtime/test/a.test.ts:2: cites C9, which docs/rules.md does not list"
    ])
  })

  it("fails without a table, and for a rule that is listed twice", () => {
    put("docs/rules.md", "# Rules\n")
    assert.include(problems()[0], "lists no rules")
    const row = "| L8 | what | core/src/slot.ts | core/test/deep/slot.test.ts |"
    put("docs/rules.md", table(row, row))
    assert.include(problems(), "docs/rules.md:6: L8 is listed twice")
  })
})

describe("the engine's README", () => {
  const page = "packages/core/src/internal/README.md"

  it("leads from each rule to the files that keep it, once it is written, and nothing else changes", () => {
    put(page, "# The engine\n\n<!-- rules -->\n<!-- /rules -->\n\nThe end.\n")
    assert.deepStrictEqual(problems(), [
      `${page} does not lead from each rule to the files that keep it (--write refreshes its table)`
    ])
    write(root)
    assert.deepStrictEqual(problems(), [])
    const lines = fs.readFileSync(path.join(root, page), "utf8").split("\n")
    assert.deepStrictEqual(lines.slice(0, 5), [
      "# The engine",
      "",
      "<!-- rules -->",
      "| rule | kept by |",
      "| --- | --- |"
    ])
    assert.strictEqual(lines[5], "| L8 | [core/src/slot.ts](../slot.ts) |")
    assert.deepStrictEqual(lines.slice(7), ["<!-- /rules -->", "", "The end.", ""])
  })
})

describe("write", () => {
  it("lists the files that cite a rule and changes nothing else", () => {
    put("packages/core/test/a.test.ts", `it("C2 L8 both", () => {})`)
    const before = fs.readFileSync(path.join(root, "docs/rules.md"), "utf8")
    write(root)
    assert.deepStrictEqual(problems(), [])
    assert.deepStrictEqual(
      check(root).rules.map((rule) => rule.tests),
      [
        ["core/test/a.test.ts", "core/test/deep/slot.test.ts"],
        ["core/src/testing/RuntimeSuite.ts", "core/test/a.test.ts"]
      ]
    )
    const after = fs.readFileSync(path.join(root, "docs/rules.md"), "utf8")
    assert.include(after, "| C2 | order, `A \\| B` | core/src/slot.ts | `core/src/testing/RuntimeSuite.ts`,")
    assert.deepStrictEqual(after.split("\n").slice(0, 4), before.split("\n").slice(0, 4))
    write(root)
    assert.strictEqual(fs.readFileSync(path.join(root, "docs/rules.md"), "utf8"), after)
  })
})

describe("findCitations", () => {
  const rules = (source: string) => findCitations(source, "a.test.ts").map(({ line, rule }) => `${rule}:${line}`)

  it("finds rules in names, of every kind of string", () => {
    assert.deepStrictEqual(rules(`it("L1 a", f)\nit('C2, C3: b', f)\nit(\`T4 \${n} L9\`, f)`), [
      "L1:1",
      "C2:2",
      "C3:2",
      "T4:3"
    ])
    assert.deepStrictEqual(rules(`it.each([1])("L10 a", f)\nboth({ rule: ["C2", "C3"] })`), ["L10:1", "C2:2", "C3:2"])
  })

  it("finds them after templates with holes, regular expressions and divisions", () => {
    assert.deepStrictEqual(rules("const a = `x ${`y ${{ a: 1 }.a} it's`} z'`\nit('L1 a', f)"), ["L1:2"])
    assert.deepStrictEqual(rules(`const a = [/"/, /[/"]/]\nconst b = 1 / 2\nit("L1 a", f) // "`), ["L1:3"])
  })

  it("finds none in comments, in lone strings, in other words and in what is skipped", () => {
    assert.deepStrictEqual(rules(`// it("L1 a", f)\n/* it("L1 a", f) */`), [])
    assert.deepStrictEqual(rules(`const id = "L1"\nit("L1a b", f)\nit("about L1", f)\nit("P1 c", f)`), [])
    assert.deepStrictEqual(
      rules(`it.skip("L1 a", f)\nit.effect.skip("L1 a", f)\nit.skip.each([1])("L1 a", f)\nit.todo("L1 a")`),
      []
    )
  })
})

describe("findMentions", () => {
  const mentions = (source: string) => findMentions(source).map(({ line, rule }) => `${rule}:${line}`)

  it("finds rules in comments of every kind, by the lines of their text", () => {
    assert.deepStrictEqual(mentions("f() // one (L1)\n/** Many\n * (C2, C3).\n */\n/* T4 */"), [
      "L1:1",
      "C2:3",
      "C3:3",
      "T4:5"
    ])
  })

  it("finds what is in a range", () => {
    assert.deepStrictEqual(mentions("// (L4 – L6, L8)"), ["L4:1", "L5:1", "L6:1", "L8:1"])
    assert.deepStrictEqual(mentions("// L9-L11 – C2, C1 – L3"), ["L9:1", "L10:1", "L11:1", "C2:1", "C1:1", "L3:1"])
  })
})

describe("parseRules", () => {
  it("reads several tables and leaves other tables alone", () => {
    const other = "| a | b |\n| --- | --- |\n| L1 | x |\n"
    assert.deepStrictEqual(
      parseRules(`${table("| L1 | a | b.ts | |")}\n\n${other}\n${table("| L2 | a | b.ts, `c.ts` | d.ts |")}`).map(
        ({ id, keptBy, tests }) => ({ id, keptBy, tests })
      ),
      [
        { id: "L1", keptBy: ["b.ts"], tests: [] },
        { id: "L2", keptBy: ["b.ts", "c.ts"], tests: ["d.ts"] }
      ]
    )
  })

  it("refuses a row with too many cells", () => {
    assert.throws(() => parseRules(table("| L1 | a | b | c.ts | d.ts |")), /5 cells instead of 4/)
  })
})

describe("the command", () => {
  const run = (...args: ReadonlyArray<string>) => {
    for (const file of ["check-rules.ts", "lexer.ts"]) {
      fs.cpSync(path.join(import.meta.dirname, "..", file), path.join(root, "scripts", file))
    }
    put("package.json", `{ "type": "module" }`)
    return spawnSync(process.execPath, ["scripts/check-rules.ts", ...args], { cwd: root, encoding: "utf8" })
  }

  it("exits with 1 and says why when a rule has lost its test", () => {
    assert.strictEqual(run().status, 0)
    fs.rmSync(path.join(root, "packages/core/test/deep/slot.test.ts"))
    const failed = run()
    assert.strictEqual(failed.status, 1)
    assert.include(failed.stderr, "docs/rules.md:5: no test cites L8")
    assert.include(run("--write").stderr, "docs/rules.md:5: no test cites L8")
  })
})
