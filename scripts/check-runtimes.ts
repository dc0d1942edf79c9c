/**
 * Runs the conformance suite of the packed packages on the platforms that the guide names, and compares how many cases
 * pass with the table of docs/guide/runtimes.md; `--write` writes the table, and a name, such as `Deno`, runs it there alone.
 * `--except "Node.js 24"` believes the rows of that platform: in CI the tests have run there already.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs, promisify } from "node:util"
import { leftOut } from "./fixtures/runtimes/left-out.ts"
import * as chromium from "./runtimes/chromium.ts"
import { build, directories, env, npmInstall, pack, root, workspace } from "./tarballs.ts"

const page = path.join(root, "docs/guide/runtimes.md")
const fixtures = path.join(root, "scripts/fixtures/runtimes")
const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-runtimes-"))
const project = path.join(temp, "project")

const machine = `${process.platform}-${process.arch}`

const nodes = ["22.19.0", "24.21.0", "26.12.1"]

/** The platforms, which npm has too. */
const platforms = {
  ...Object.fromEntries(nodes.map((version) => [`node-${version}`, `npm:node-${machine}@${version}`])),
  bun: "1.4.5",
  deno: "2.9.6"
}

interface Run {
  readonly platform: string
  readonly version: string
  readonly workers: string
  /** Runs the cases that are for such workers. */
  readonly run: () => Promise<ReadonlyArray<chromium.Outcome>>
}

/** The command that runs a program, its first word as a pattern in `node_modules`. */
type Command = readonly [program: string, ...options: ReadonlyArray<string>]

/** How long the suite may take, in milliseconds. */
const timeout = 600_000

interface Report {
  readonly outcomes: ReadonlyArray<chromium.Outcome>
  /** How many cases kill a worker, of those that are for such workers. */
  readonly killing: number
}

let reports = 0

/** Runs the program that runs cases, and returns its report. */
const reportOf = async (
  [pattern, ...options]: Command,
  workers: string,
  part: string,
  atOnce: number
): Promise<Report> => {
  const [program] = fs.globSync(pattern, { cwd: path.join(project, "node_modules") })
  if (program === undefined) throw new Error(`npm has installed no ${pattern} for ${machine}`)
  const report = path.join(temp, `report-${reports++}.json`)
  const args = [...options, "suite.ts", workers, report, part, String(atOnce)]
  // tasks print more than is kept by default
  const limits = { maxBuffer: 2 ** 28, timeout, killSignal: "SIGKILL" } as const
  await promisify(execFile)(path.join(project, "node_modules", program), args, { cwd: project, env, ...limits })
  return JSON.parse(fs.readFileSync(report, "utf8"))
}

/** Most cases wait most of the time. */
const atOnce = 4

const all = (command: Command, workers: string) => async (): Promise<ReadonlyArray<chromium.Outcome>> => {
  const { outcomes } = await reportOf(command, workers, "all", atOnce)
  return outcomes
}

/** For a platform on which a thread that does not yield goes on computing when it is terminated, and slows others down. */
const apart = (command: Command, workers: string) => async (): Promise<ReadonlyArray<chromium.Outcome>> => {
  const sparing = await reportOf(command, workers, "sparing", atOnce / 2)
  const outcomes = [...sparing.outcomes]
  const others = Array.from({ length: sparing.killing }, (_, number) => number).values()
  const lane = async () => {
    for (const number of others) outcomes.push(...(await reportOf(command, workers, String(number), 1)).outcomes)
  }
  await Promise.all([lane(), lane()])
  return outcomes
}

const bun: Command = ["@oven/bun-*/bin/bun"]

const deno: Command = ["@deno/*/deno", "run", "--allow-all"]

const runs: ReadonlyArray<Run> = [
  ...nodes.flatMap((version) =>
    ["threads", "processes"].map((workers): Run => {
      const command: Command = [`node-${version}/bin/node`]
      return { platform: "Node.js", version, workers, run: all(command, workers) }
    })
  ),
  { platform: "Bun", version: platforms.bun, workers: "threads", run: all(bun, "threads") },
  { platform: "Bun", version: platforms.bun, workers: "processes", run: all(bun, "processes") },
  { platform: "Deno", version: platforms.deno, workers: "threads", run: apart(deno, "threads") },
  { platform: "Deno", version: platforms.deno, workers: "processes", run: all(deno, "processes") },
  ...(["isolated", "not isolated"] as const).map((kind): Run => ({
    platform: "Chromium",
    version: chromium.tools["@sparticuz/chromium"],
    workers: `Web Workers, ${kind}`,
    run: () => chromium.runIn(project, kind)
  }))
]

const install = async (): Promise<void> => {
  fs.mkdirSync(project)
  build()
  const packed = directories.map((directory) => pack(directory, temp))
  const dependencies = {
    ...Object.fromEntries(packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])),
    effect: workspace.devDependencies["effect"],
    ...platforms,
    ...chromium.tools
  }
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }))
  fs.copyFileSync(path.join(fixtures, "suite.ts"), path.join(project, "suite.ts"))
  npmInstall(project)
  await chromium.prepare(project)
}

const problems: Array<string> = []

const nameOf = ({ platform, version, workers }: Run): string => `${platform} ${version}, ${workers}`

const row = async (which: Run): Promise<string> => {
  const { platform, run, version, workers } = which
  const started = performance.now()
  const outcomes = await run()
  const seconds = Math.round((performance.now() - started) / 1000)
  const expected = leftOut.filter((one) => one.platform === platform && one.workers === workers)
  const failed = outcomes.filter(({ failure }) => failure !== undefined)
  const on = nameOf(which)
  for (const { failure, name } of failed) {
    if (!expected.some((one) => one.name === name)) problems.push(`${on}: ${name}: ${failure}`)
  }
  for (const { name } of expected) {
    if (!failed.some((one) => one.name === name)) problems.push(`${on}: it passes, or there is no longer one: ${name}`)
  }
  console.log(`${on}: ${outcomes.length - failed.length} of ${outcomes.length} (${seconds} s)`)
  return `| ${platform} ${version} | ${workers} | ${outcomes.length - failed.length} of ${outcomes.length} |`
}

/** Rules that hold on every platform, but on a page that is not isolated, whose guide says how they are weaker there. */
const kept = /^(?:L[1-8]|C[1-5]|F[1-3]) /

/** What may be left out is limited, so that "it runs there" means something. */
const checkLeftOut = (): void => {
  for (const [platform, of] of Map.groupBy(leftOut, ({ platform }) => platform)) {
    const names = new Set(of.map(({ name }) => name))
    if (names.size > 5) problems.push(`${platform}: ${names.size} cases are left out`)
    for (const { name, workers } of of) {
      if (kept.test(name) && workers !== "Web Workers, not isolated")
        problems.push(`${platform}: it may not be left out: ${name}`)
    }
  }
  for (const { see } of leftOut) {
    if (!see.startsWith("https:") && !fs.existsSync(path.join(fixtures, see))) problems.push(`There is no ${see}`)
  }
}

const leftOutCases = (): string =>
  leftOut
    .map(({ name, platform, see, why, workers }) => {
      const link = see.startsWith("https:") ? see : `../../scripts/fixtures/runtimes/${see}`
      return `- ${platform}, ${workers}: “${name}”. ${why} ([shown here](${link}))`
    })
    .join("\n")

/** The row of a run as it is on the page. */
const rowOnPage = ({ platform, version, workers }: Run): string => {
  const begin = `| ${platform} ${version} | ${workers} |`
  const found = fs
    .readFileSync(page, "utf8")
    .split("\n")
    .find((line) => line.startsWith(begin))
  if (found === undefined) throw new Error("docs/guide/runtimes.md has no row of it")
  return found
}

/** The rows of runs, one after another: each takes all of the machine. */
const rowsOf = async (runs: ReadonlyArray<Run>): Promise<ReadonlyArray<string>> => {
  await install()
  const rows: Array<string> = []
  for (const run of runs) {
    try {
      const isBelieved = except !== undefined && nameOf(run).includes(except)
      rows.push(isBelieved ? rowOnPage(run) : await row(run))
    } catch (error) {
      problems.push(`${nameOf(run)}: ${String(error)}`)
    }
  }
  return rows
}

const table = async (): Promise<string> => {
  const rows = ["| | workers in | cases that pass |", "| --- | --- | --- |", ...(await rowsOf(runs))].join("\n")
  return leftOut.length === 0 ? rows : `${rows}\n\nLeft out:\n\n${leftOutCases()}`
}

const withTable = (text: string, content: string): string => {
  const [begin, end] = ["<!-- table -->", "<!-- end of table -->"]
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (after === undefined) throw new Error(`${page} has no ${begin} … ${end}`)
  return `${before}${begin}\n${content}\n${end}${after}`
}

const { positionals, values } = parseArgs({
  options: { write: { type: "boolean", default: false }, except: { type: "string" } },
  allowPositionals: true
})
const [only] = positionals
const { except } = values

const check = async (): Promise<void> => {
  checkLeftOut()
  if (only !== undefined) return void (await rowsOf(runs.filter((run) => nameOf(run).includes(only))))
  const before = fs.readFileSync(page, "utf8")
  const after = withTable(before, await table())
  if (values.write) fs.writeFileSync(page, after)
  else if (after !== before)
    problems.push("docs/guide/runtimes.md differs: `pnpm check:runtimes --write` if that is meant")
}

try {
  await check()
} finally {
  fs.rmSync(temp, { recursive: true })
}

for (const problem of problems) console.log(problem)
if (problems.length > 0) process.exitCode = 1
