import { assert, describe, it } from "@effect/vitest"
import { Audit, type Counts } from "../src/audit.ts"

const quiet: Counts = { lost: 0, killed: 0, lifespan: undefined }

const problems = (lines: ReadonlyArray<string>, counts: Partial<Counts> = {}): ReadonlyArray<string> => {
  const audit = new Audit((operation) => operation === 99)
  audit.feed(lines.map((line) => `${line}\n`).join(""))
  audit.finish({ ...quiet, ...counts })
  return audit.problems
}

const life = ["G 0 1", "A 0 1", "I 0 1", "S 0 1 7 0 ok", "E 0 1 7 0", "D 7", "X 0 1", "Y 0 1", "F 0 1"]

const without = (...gone: ReadonlyArray<string>) => life.filter((line) => !gone.includes(line))

const replaced = (line: string, ...by: ReadonlyArray<string>) => life.flatMap((one) => (one === line ? by : [one]))

describe("the audit of a ledger", () => {
  it("finds nothing wrong with a worker's life, in pieces or as a whole", () => {
    assert.deepStrictEqual(problems(life), [])
    const audit = new Audit(() => false)
    for (const letter of life.map((line) => `${line}\n`).join("")) audit.feed(letter)
    audit.finish(quiet)
    assert.deepStrictEqual(audit.problems, [])
    assert.strictEqual(audit.workersStarted, 1)
  })

  it("allows a lost or killed worker to skip its release", () => {
    const lines = ["A 0 1", "I 0 1", "S 0 1 7 0 exit"]
    assert.deepStrictEqual(problems(lines, { lost: 1 }), [])
    assert.deepStrictEqual(problems(lines, { killed: 1 }), [])
  })

  it.each<[string, ReadonlyArray<string>, string, Partial<Counts>?]>([
    ["a worker that lives on beside its successor", [...without("F 0 1"), "A 0 2", "F 0 1"], "after its successor 2"],
    ["no exit", without("X 0 1", "Y 0 1"), "was never released"],
    ["no finalizers", without("F 0 1"), "was never released"],
    ["two exits", replaced("X 0 1", "X 0 1", "X 0 1"), "for the 2th time"],
    ["an exit without init", without("I 0 1", "S 0 1 7 0 ok", "E 0 1 7 0"), "whose init had not succeeded"],
    ["two inits", replaced("I 0 1", "I 0 1", "I 0 1"), "initialised twice"],
    ["finalizers before exit has ended", [...without("Y 0 1"), "Y 0 1"], "before its exit ended"],
    ["an exit while an item runs", without("E 0 1 7 0"), "while 7.0 ran"],
    ["an item after exit", replaced("Y 0 1", "S 0 1 8 0 ok", "E 0 1 8 0", "Y 0 1"), "after exit"],
    ["an item before init", replaced("A 0 1", "S 0 1 8 0 ok", "E 0 1 8 0", "A 0 1"), "before init"],
    [
      "an item after its call had settled",
      replaced("D 7", "D 7", "S 0 1 7 1 ok", "E 0 1 7 1"),
      "after its call had settled"
    ],
    ["an item that runs twice", replaced("D 7", "S 0 1 7 0 ok", "E 0 1 7 0"), "its start number 2"],
    [
      "more items than the lifespan",
      replaced("D 7", "S 0 1 8 0 ok", "E 0 1 8 0"),
      "with a lifespan of 1",
      { lifespan: 1 }
    ],
    [
      "more unreleased workers than were lost",
      ["A 0 1", "I 0 1", "A 1 1", "I 1 1"],
      "2 workers were never released",
      { killed: 1 }
    ],
    ["a loss without cause", life, "had cause to be", { lost: 1 }],
    ["half a line", [...life, "X"], "NaN"]
  ])("finds %s", (_, lines, expected, counts) => {
    assert.include(problems(lines, counts).join("\n"), expected)
  })

  it("C4 allows an abandoned item to end when its worker's successor has begun, where workers cannot be killed", () => {
    const lines = ["G 0 1", "A 0 1", "I 0 1", "S 0 1 7 0 late", "D 7", "F 0 1", "G 0 2", "E 0 1 7 0", "F 0 2"]
    const found = (mayEndLate: boolean) => {
      const audit = new Audit(() => false, mayEndLate)
      audit.feed(lines.map((line) => `${line}\n`).join(""))
      audit.finish({ ...quiet, killed: 1 })
      return audit.problems.join("\n")
    }
    assert.strictEqual(found(true), "")
    assert.include(found(false), "after its successor 2")
  })

  it("C4 allows a killed worker to have been writing that an item starts", () => {
    const lines = ["A 0 1", "I 0 1", "D 7", "S 0 1 7 0 ok"]
    assert.deepStrictEqual(problems(lines, { killed: 1 }), [])
    assert.include(problems([...lines, "E 0 1 7 0"], { killed: 1 }).join(), "after its call had settled")
    assert.include(problems(lines).join(), "was never released")
    const released = ["G 0 1", "A 0 1", "I 0 1", "X 0 1", "Y 0 1", "F 0 1", "D 7", "S 0 1 7 0 ok"]
    assert.include(problems(released).join("\n"), "after its call had settled")
  })

  it("F1 a worker whose init ends it is lost for that reason", () => {
    const audit = new Audit(() => false)
    audit.feed("A 0 1\nQ 0 1 7 exits\n")
    audit.finish({ ...quiet, lost: 1 })
    assert.deepStrictEqual(audit.problems, [])
    assert.strictEqual(audit.doomed(0, 1), 7)
  })

  it("allows an item to run again where the call says so", () => {
    const lines = life.map((line) => line.replace(" 7", " 99"))
    const again = lines.flatMap((line) => (line === "D 99" ? ["S 0 1 99 0 ok", "E 0 1 99 0", line] : [line]))
    assert.deepStrictEqual(problems(again), [])
  })
})
