/**
 * The accidents of a cluster, as its tests tell them: a comment before a test says what happens, and the test's name what comes of
 * it.
 *
 *     /** Accident: a runner is killed. *\/
 *     it.live("K4 is noticed at once, and a map with retries is exact", …)
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { rulesOf } from "./check-rules.ts"
import { lex } from "./lexer.ts"

/** An accident, what holds after it, and the file of the test that says so. */
export interface ClusterRow {
  readonly rules: ReadonlyArray<string>
  readonly what: string
  readonly name: string
  readonly file: string
}

export interface Found {
  readonly rows: ReadonlyArray<ClusterRow>
  /** In sentences. */
  readonly problems: ReadonlyArray<string>
}

/** Where the tests are, below `packages`, in the order of the table. */
const patterns = [
  "cluster/test/extended/losses.test.ts",
  "cluster/test/extended/{links,partitions}.test.ts",
  "cluster/test/**/*.test.ts",
  "soak/test/long/*.test.ts"
]

/** Every test in these files is about an accident, so that none of them is left out. */
const onlyAccidents = /\/(?:losses|links|partitions)\.test\.ts$/

const isTest = (before: string): boolean => /\bit\.(?:live|effect)\b[\w.]*(?:\([^()]*\))?\(\s*$/.test(before)

const annotation = /^\/\*\* Accident: (.+?)\s*\*\/$/s

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** What a name says beyond its rules: up to where it is another one for each of several tests. */
const told = (name: string): string =>
  name
    .replace(/^(?:[A-Z]\d+[ ,]+)+/, "")
    .replace(/(?:, where there is|,|:|\()?\s*$/, "")
    .trim()

/** The accidents in a source. */
export const findAccidents = (source: string, file: string): Found => {
  const { comments, literals } = lex(source)
  const tests = literals.filter(({ before }) => isTest(before))
  const rows: Array<ClusterRow> = []
  const problems: Array<string> = []
  const seen = new Set<number>()
  for (const { line, text } of comments) {
    const [, what] = annotation.exec(text) ?? []
    if (what === undefined) {
      if (/\baccident:/i.test(text)) problems.push(`${file}:${line} is not written as /** Accident: … */`)
      continue
    }
    const from = line + text.split("\n").length
    // the name is on the line of `it`, or on the next one
    const test = tests.find((test) => test.line === from || test.line === from + 1)
    const rules = test === undefined ? [] : rulesOf(test.text)
    if (test === undefined || rules.length === 0) {
      problems.push(`${file}:${line} is not followed by a test that cites a rule`)
      continue
    }
    seen.add(test.line)
    rows.push({ rules, what: capital(what.replaceAll(/\s*\n\s*\*?\s*/g, " ")), name: told(test.text), file })
  }
  if (onlyAccidents.test(file)) {
    for (const { line, text } of tests) {
      if (!seen.has(line)) problems.push(`${file}:${line} does not say which accident it is about: "${text}"`)
    }
  }
  return { rows, problems }
}

/** The accidents in the tests below `packages`. */
export const clusterAccidents = (packages: string): Found => {
  const files = new Set(
    patterns.flatMap((pattern) =>
      fs
        .globSync(pattern, { cwd: packages })
        .map((file) => file.replaceAll("\\", "/"))
        .toSorted()
    )
  )
  const found = [...files].map((file) => findAccidents(fs.readFileSync(path.join(packages, file), "utf8"), file))
  const rows = found.flatMap(({ rows }) => rows)
  const problems = found.flatMap(({ problems }) => problems)
  for (const [n, { what, file }] of rows.entries()) {
    if (rows.findIndex((row) => row.what === what) < n) problems.push(`${file} tells an accident again: ${what}`)
  }
  return { rows, problems }
}
