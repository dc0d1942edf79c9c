import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

/** Runs a program to the end of its process, which has to come by itself. */
const run = (file: string, ...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL(`../src/${file}`, import.meta.url)), ...args], {
    // only if it hangs
    timeout: 50_000
  })

/** The numbers of a row of a printed table, thousands separators aside. */
const numbers = (output: string, row: RegExp): ReadonlyArray<number> => {
  const line = output.split("\n").find((line) => row.test(line))
  assert(line !== undefined, `no line matches ${row} in\n${output}`)
  return line
    .replace(row, "")
    .trim()
    .split(/\s+/)
    .map((cell) => Number(cell.replaceAll(",", "")))
}

describe("main", () => {
  it("compresses files, prints what that took, verifies it and ends by itself", async () => {
    const { stderr, stdout } = await run("main.ts", "--every", "90")
    // in a pipe there are plain lines
    for (const round of ["one", "two"]) {
      assert.strictEqual([...stderr.matchAll(new RegExp(`^✔ round ${round} .* MB in .*$`, "gm"))].length, 1, stderr)
    }

    const [files = 0, bytesIn = 0, bytesOut = 0, seconds = 0] = numbers(stdout, /^serial/)
    assert.isAbove(files, 5)
    assert.isAbove(bytesIn, bytesOut)
    assert.isAbove(bytesOut, 0)
    assert.isAbove(seconds, 0)
    for (const round of [/^round one/, /^round two/]) {
      assert.deepStrictEqual(numbers(stdout, round).slice(0, 3), [files, bytesIn, bytesOut])
    }
    // over both rounds each worker reported once, and was its slot's first
    const reports = numbers(stdout, /^all/)
    assert.deepStrictEqual(reports, [2 * files, 2 * bytesIn])
    const workers = [...stdout.matchAll(/^\d+ +(\d+) +[\d,]+ +[\d,]+$/gm)]
    assert.isAbove(workers.length, 0)
    assert.isTrue(workers.every(([, generation]) => generation === "1"))
    assert.match(stdout, /^Verified/m)
  })

  it("refuses options out of range", async () => {
    const failure: unknown = await run("main.ts", "--every", "0").then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(failure, { code: 1 })
  })

  it("the README's first example is a program as it stands", async () => {
    const { stderr, stdout } = await run("first.ts")
    assert.match(stderr, /^✔ Primes {2}100\/100 ranges in [\d.]+ s {2}[\d.]+\/s$/m)
    assert.strictEqual(stdout, "216816 primes below 3,000,000\n")
  })
})
