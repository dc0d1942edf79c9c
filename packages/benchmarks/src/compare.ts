/**
 * `pnpm bench:compare REVISION`: this tree beside an earlier revision, to see whether a change costs anything. Both are built
 * and staged; then each of several processes measures P1, P3 and P8 of both by turns. A ratio is this tree's time divided by
 * the revision's in the same process; below one is faster. Which of the two comes first alternates: it matters.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import type { PairTimes } from "./pair-process.ts"
import { packageDirectory, stage } from "./stage.ts"
import { median, medianInterval } from "./statistics.ts"

const usage = "pnpm bench:compare REVISION [--pairs 15] [--only 'P3 at once']"

const run = (directory: string, command: string, ...args: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: directory, encoding: "utf8" })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr + stdout}`)
}

/** Builds and stages the tree in a directory by its own means; returns where what it compiled is. */
const stageOther = (tree: string): string => {
  run(tree, "npx", "--yes", "pnpm@12.21.0", "install", "--frozen-lockfile", "--prefer-offline")
  const script = path.join(tree, "packages/benchmarks/src/stage.ts")
  run(tree, process.execPath, "--eval", `import(${JSON.stringify(script)}).then(({ stage }) => stage())`)
  return path.join(tree, "packages/benchmarks/.staging/dist")
}

const compare = (revision: string, pairs: number, only: string | undefined): void => {
  const root = path.join(packageDirectory, "../..")
  const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-compare-"))
  const tree = path.join(temp, "tree")
  try {
    run(root, "git", "worktree", "add", "--detach", tree, revision)
    const here = stage()
    const there = stageOther(tree)
    // what measures is the same on both sides
    for (const file of ["pair-work.js", "sibling.js", "tasks/plain.tasks.js"]) {
      fs.cpSync(path.join(here, file), path.join(there, file), { recursive: true })
    }
    const script = path.join(here, "pair-process.js")
    const works = [there, here].map((compiled) => path.join(compiled, "pair-work.js"))
    const measure = (...builds: ReadonlyArray<string>): PairTimes =>
      JSON.parse(run(temp, process.execPath, script, ...builds, ...(only === undefined ? [] : [only])))
    const measured: Array<Record<string, { readonly before: number; readonly after: number }>> = []
    for (let pair = 0; pair < pairs; pair++) {
      const isReversed = pair % 2 === 1
      const times = Object.entries(measure(...(isReversed ? works.toReversed() : works)))
      measured.push(
        Object.fromEntries(
          times.map(([name, [one, other]]) => [
            name,
            isReversed ? { before: other, after: one } : { before: one, after: other }
          ])
        )
      )
    }
    if (Object.keys(measured[0]!).length === 0) throw new Error(`--only ${only}: there is no such measurement`)
    console.log(`${pairs} pairs, ${revision} → this tree: median time of each, ratio with its 95 % interval`)
    for (const name of Object.keys(measured[0]!)) {
      const times = measured.map((pair) => pair[name]!)
      const ratios = times.map(({ after, before }) => after / before)
      const [low, high] = medianInterval(ratios)
      const before = median(times.map(({ before }) => before)).toFixed(1)
      const after = median(times.map(({ after }) => after)).toFixed(1)
      const ratio = `${median(ratios).toFixed(3)} (${low.toFixed(3)} – ${high.toFixed(3)})`
      console.log(`${name.padEnd(20)}${before} → ${after} ms   ${ratio}`)
    }
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", tree], { cwd: root })
    fs.rmSync(temp, { recursive: true, force: true })
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: "string", default: "15" }, only: { type: "string" } }
})
const pairs = Number(values.pairs)
if (positionals.length !== 1 || !Number.isInteger(pairs) || pairs < 1) {
  console.error(usage)
  process.exitCode = 2
} else {
  compare(positionals[0]!, pairs, values.only)
}
