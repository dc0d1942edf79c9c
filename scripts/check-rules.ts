/**
 * Checks docs/rules.md against the tree: every rule is kept by files that cite it and is cited by a test, every test cites
 * rules that exist, and the list of tests is complete. `--write` refreshes that list.
 *
 * A test cites rules by beginning its name with them ("L8 never gives …", "C2 C3 keeps order"); a case of the
 * conformance suite by its field `rule: "L8"`. Skipped tests cite nothing. A file that keeps a rule cites it in a comment,
 * "(L8)", or a range that it is in, "(L4 – L9)". A rule of which the page says that it is "to come" needs neither.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { lex } from "./lexer.ts"

/** A row of the table. Files are relative to `packages`. */
export interface Rule {
  readonly id: string
  readonly keptBy: ReadonlyArray<string>
  readonly tests: ReadonlyArray<string>
  /** Whether it is "to come": nothing keeps it yet. */
  readonly isToCome: boolean
  /** The index of the row in the document's lines. */
  readonly line: number
}

export interface Citation {
  readonly rule: string
  readonly file: string
  readonly line: number
}

export interface Report {
  readonly rules: ReadonlyArray<Rule>
  readonly citations: ReadonlyArray<Citation>
  readonly problems: ReadonlyArray<string>
}

const header = ["rule", "what", "kept by", "tests"]
const id = "[LCTFSOK][1-9][0-9]?"
const isId = new RegExp(`^${id}$`)
const cited = new RegExp(`^(${id}(?:[ ,]+${id})*)(?=[ ,:]|$)`)

/** The cells of a table row, `undefined` for any other line. A `|` in a cell is written `\|`. */
const cells = (line: string): ReadonlyArray<string> | undefined => {
  const trimmed = line.trim()
  if (!trimmed.startsWith("|") || !trimmed.endsWith("|")) return undefined
  return trimmed
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())
}

const files = (cell: string): ReadonlyArray<string> =>
  cell
    .split(/[\s,]+/)
    .map((word) => word.replaceAll("`", ""))
    .filter(Boolean)

/** Reads the rows of every table with the header `rule | what | kept by | tests`. */
export const parseRules = (markdown: string): ReadonlyArray<Rule> => {
  const rules: Array<Rule> = []
  let inTable = false
  for (const [line, text] of markdown.split("\n").entries()) {
    const row = cells(text)
    if (row === undefined) inTable = false
    else if (row.join("|").toLowerCase() === header.join("|")) inTable = true
    else if (inTable && !/^:?-+:?$/.test(row[0] ?? "")) {
      if (row.length !== header.length)
        throw new Error(`docs/rules.md:${line + 1}: ${row.length} cells instead of ${header.length}`)
      rules.push({
        id: row[0]!,
        keptBy: files(row[2]!),
        tests: files(row[3]!),
        isToCome: /\bto come\b/.test(row[1]!),
        line
      })
    }
  }
  return rules
}

/** The rules that the name of a test cites. */
export const rulesOf = (name: string): ReadonlyArray<string> => cited.exec(name)?.[1]?.split(/[ ,]+/) ?? []

const skipped = /\.(?:skip|todo)\b[\w.]*\s*(?:\([^()]*\))?\s*\(\s*$/

/** The rules that the tests of a source cite. */
export const findCitations = (source: string, file: string): ReadonlyArray<Citation> =>
  lex(source).literals.flatMap(({ before, line, text }) => {
    const isField = /(?<!readonly )\brule\s*:\s*(?:\[[^\]]*)?$/.test(before)
    // a lone id, such as "T1", is a citation only where it says that it is one
    const isLone = cited.exec(text)?.[0] === text
    if (skipped.test(before) || (isLone && !isField)) return []
    return rulesOf(text).map((rule) => ({ rule, file, line }))
  })

const mention = /\b([LCTFSOK])([1-9][0-9]?)\b(?:\s*[–-]\s*\1([1-9][0-9]?)\b)?/g

/** The rules that the comments of a source cite, with the lines where the comments' lines cite them. */
export const findMentions = (source: string): ReadonlyArray<Omit<Citation, "file">> =>
  lex(source).comments.flatMap(({ line, text }) =>
    text.split("\n").flatMap((text, offset) =>
      [...text.matchAll(mention)].flatMap(([, letter, from, to = from]) =>
        Array.from({ length: Math.max(0, Number(to) - Number(from)) + 1 }, (_, n) => ({
          rule: `${letter}${Number(from) + n}`,
          line: line + offset
        }))
      )
    )
  )

const read = (root: string, file: string): string => fs.readFileSync(path.join(root, file), "utf8")

const find = (root: string, patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  patterns
    .flatMap((pattern) => fs.globSync(pattern, { cwd: root }))
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted()

const collect = (root: string): ReadonlyArray<Citation> => {
  const packages = path.join(root, "packages")
  return find(packages, ["*/test/**/*.test.ts", "core/src/testing/**/*.ts"]).flatMap((file) =>
    findCitations(read(packages, file), file)
  )
}

/** The page that leads from a rule to the files that keep it; its table stands between two marks. */
const index = "packages/core/src/internal/README.md"
const marked = /(?<=<!-- rules -->\n)[^]*(?=<!-- \/rules -->)/

/** The table of that page. */
const renderIndex = (rules: ReadonlyArray<Rule>): string => {
  const link = (file: string) =>
    `[${file.replace("core/src/internal/", "")}](${path.posix.relative(path.posix.dirname(index), `packages/${file}`)})`
  return ["| rule | kept by |", "| --- | --- |"]
    .concat(
      rules.map(({ id, isToCome, keptBy }) => `| ${id} | ${isToCome ? "to come" : keptBy.map(link).join(", ")} |`)
    )
    .concat("")
    .join("\n")
}

const citing = (citations: ReadonlyArray<Citation>, rule: string): ReadonlyArray<string> => [
  ...new Set(citations.filter((citation) => citation.rule === rule).map((citation) => citation.file))
]

/** What is wrong in the tree at `root`, in sentences. */
export const check = (root: string): Report => {
  const rules = parseRules(read(root, "docs/rules.md"))
  const citations = collect(root)
  const problems: Array<string> = []
  if (rules.length === 0) problems.push(`docs/rules.md lists no rules: it needs a table | ${header.join(" | ")} |`)
  const known = new Set<string>()
  for (const rule of rules) {
    const report = (problem: string) => problems.push(`docs/rules.md:${rule.line + 1}: ${problem}`)
    if (!isId.test(rule.id)) report(`"${rule.id}" is not the number of a rule`)
    if (known.has(rule.id)) report(`${rule.id} is listed twice`)
    known.add(rule.id)
    if (rule.keptBy.length === 0 && !rule.isToCome) report(`${rule.id} names no file that keeps it`)
    for (const file of rule.keptBy) {
      const kept = path.join("packages", file)
      const isSaid = `${rule.id} is said to be kept by ${file}`
      if (!fs.existsSync(path.join(root, kept))) report(`${isSaid}, which does not exist`)
      else if (!rule.isToCome && !findMentions(read(root, kept)).some((mention) => mention.rule === rule.id))
        report(`${isSaid}, which does not cite it`)
    }
    const actual = citing(citations, rule.id)
    if (actual.length === 0 && !rule.isToCome) report(`no test cites ${rule.id}`)
    for (const file of rule.tests) {
      if (!actual.includes(file)) report(`${rule.id} is said to be tested in ${file}, which does not cite it`)
    }
    for (const file of actual) {
      if (!rule.tests.includes(file))
        report(`${rule.id} is tested in ${file} too, which is not listed (--write lists it)`)
    }
  }
  for (const { file, line, rule } of citations) {
    if (!known.has(rule)) problems.push(`packages/${file}:${line}: cites ${rule}, which docs/rules.md does not list`)
  }
  if (fs.existsSync(path.join(root, index)) && marked.exec(read(root, index))?.[0] !== renderIndex(rules))
    problems.push(`${index} does not lead from each rule to the files that keep it (--write refreshes its table)`)
  return { rules, citations, problems }
}

/** Refreshes the tests column of docs/rules.md, and the table of rules in the engine's README. */
export const write = (root: string): void => {
  const file = path.join(root, "docs/rules.md")
  const markdown = fs.readFileSync(file, "utf8")
  const citations = collect(root)
  const lines = markdown.split("\n")
  for (const rule of parseRules(markdown)) {
    const row = cells(lines[rule.line]!)!
    const tests = citing(citations, rule.id)
      .map((test) => `\`${test}\``)
      .join(", ")
    lines[rule.line] = `| ${[...row.slice(0, 3), tests].join(" | ")} |`
  }
  fs.writeFileSync(file, lines.join("\n"))
  const page = path.join(root, index)
  if (!fs.existsSync(page)) return
  fs.writeFileSync(
    page,
    read(root, index).replace(marked, () => renderIndex(parseRules(markdown)))
  )
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  if (process.argv.includes("--write")) write(root)
  const { citations, problems, rules } = check(root)
  for (const problem of problems) console.error(problem)
  console.log(`${rules.length} rules, ${citations.length} citations, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
