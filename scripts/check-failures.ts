/**
 * Renders docs/failures.md from the accidents that the conformance suite, and what runs beside it on Node, are about, and
 * fails where the page differs. `--write` refreshes it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { type Need, suite } from "../packages/core/src/testing/RuntimeSuite.ts"
import { without } from "../packages/core/test/utils/without.ts"
import { memoryCases } from "../packages/node-runtime/test/memoryCases.ts"

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

if (import.meta.main) {
  const file = path.join(import.meta.dirname, "../docs/failures.md")
  const page = render(rows)
  if (process.argv.includes("--write")) fs.writeFileSync(file, page)
  const isCurrent = fs.existsSync(file) && fs.readFileSync(file, "utf8") === page
  if (!isCurrent) console.error("docs/failures.md is not what the tests say (--write refreshes it)")
  console.log(`${rows.length} accidents`)
  process.exitCode = isCurrent ? 0 : 1
}
