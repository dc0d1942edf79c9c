/**
 * Renders docs/failures.md from the accidents that the conformance suite, and what runs beside it on Node, are about, and the
 * table in docs/guide/cluster.md from those of a cluster's tests; fails where a page differs. `--write` refreshes them.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { type Need, suite } from "../packages/core/src/testing/RuntimeSuite.ts"
import { without } from "../packages/core/test/utils/without.ts"
import { memoryCases } from "../packages/node-runtime/test/memoryCases.ts"
import { clusterAccidents, type ClusterRow } from "./clusterAccidents.ts"

const runtimes = ["fibers", "threads", "processes"] as const

type Runtime = (typeof runtimes)[number]

/** An accident, what holds after it, and where a test says so. */
export interface Row {
  readonly rule: string
  readonly name: string
  readonly what: string
  readonly elsewhere: string
  readonly on: ReadonlyArray<Runtime>
}

const lacks = (runtime: Runtime, need: Need): boolean => (without[runtime] as ReadonlyArray<Need>).includes(need)

export const rows: ReadonlyArray<Row> = [
  ...suite.flatMap(({ accident, name, needs, rule }) =>
    accident === undefined
      ? []
      : [{ rule, name, ...accident, on: runtimes.filter((runtime) => !needs.some((need) => lacks(runtime, need))) }]
  ),
  ...memoryCases.map(({ accident, name, rule, runtime }) => ({ rule, name, ...accident, on: [runtime] }))
]

const introduction = `# When things go wrong

Ordinary accidents at which a pool of workers for Node.js, or MPIRE for Python, hangs or loses work, and what happens here.
Every row is a test, under the name in the second column, that runs where there is a ✓: a runtime without one cannot have
the accident, or cannot contain it. Nothing can be killed on fibers, and only processes get signals of their own; memory
that is exhausted in one go, and native aborts, are contained by processes alone.

Besides what its name says, every test sees to it that

- every call has settled within two seconds of the accident (on a busy machine: before twenty more workers have come and gone),
- the pool then answers a plain call,
- no call waits and no worker is busy any more.

What others do was read in the sources of, and mostly seen by running, piscina 5.3.2, tinypool 2.2.0, workerpool 10.0.3,
poolifier 5.3.2, jest-worker 30, threads.js 1.7, Effect's own pool of rpc workers and MPIRE 2.10.2; numbers with a # are
their issues. The rules are those of [rules.md](rules.md). This page is rendered from the tests by
\`pnpm check:failures --write\`.
`

const cell = (text: string): string => text.replaceAll("|", "\\|")

const header = ["rule", "accident", "what happens here", "what happens elsewhere", ...runtimes]

const line = (cells: ReadonlyArray<string>): string => `| ${cells.map(cell).join(" | ")} |`

/** The page. */
export const render = (rows: ReadonlyArray<Row>): string =>
  [
    introduction,
    line(header),
    line(header.map(() => "---")),
    ...rows.map(({ elsewhere, name, on, rule, what }) =>
      line([rule, what, name, elsewhere, ...runtimes.map((runtime) => (on.includes(runtime) ? "✓" : ""))])
    ),
    ""
  ].join("\n")

const clusterHeader = ["accident", "what happens here", "rules"]

/** The table of the cluster's accidents. */
export const renderCluster = (rows: ReadonlyArray<ClusterRow>): string =>
  [
    line(clusterHeader),
    line(clusterHeader.map(() => "---")),
    ...rows.map(({ name, rules, what }) => line([what, name, rules.join(", ")]))
  ].join("\n")

const table = /(<!-- accidents:[^\n]*-->\n)[^]*?\n?(<!-- end of accidents -->)/

/** A page with this table between its marks; `undefined` where it has none. */
export const withTable = (page: string, rows: ReadonlyArray<ClusterRow>): string | undefined =>
  table.test(page)
    ? page.replace(table, (_, begin: string, end: string) => `${begin}\n${renderCluster(rows)}\n\n${end}`)
    : undefined

/** Compares a page with what it should be, and with `--write` makes it that. */
const isCurrent = (file: string, pageOf: (written: string) => string | undefined): boolean => {
  const target = path.join(import.meta.dirname, "..", file)
  const written = fs.existsSync(target) ? fs.readFileSync(target, "utf8") : ""
  const page = pageOf(written)
  if (page === undefined) console.error(`${file} has no marks for the table of accidents`)
  else if (page === written) return true
  else if (process.argv.includes("--write")) {
    fs.writeFileSync(target, page)
    return true
  } else console.error(`${file} is not what the tests say (--write refreshes it)`)
  return false
}

if (import.meta.main) {
  const onCluster = clusterAccidents(path.join(import.meta.dirname, "../packages"))
  for (const problem of onCluster.problems) console.error(problem)
  const pages = [
    isCurrent("docs/failures.md", () => render(rows)),
    isCurrent("docs/guide/cluster.md", (written) => withTable(written, onCluster.rows))
  ]
  console.log(`${rows.length} accidents, and ${onCluster.rows.length} of a cluster`)
  process.exitCode = pages.every(Boolean) && onCluster.problems.length === 0 ? 0 : 1
}
