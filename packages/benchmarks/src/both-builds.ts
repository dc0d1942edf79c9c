/** This tree and an earlier revision, each built by its own means and staged, for what compares the two. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { packageDirectory, stage } from "./stage.ts"

export interface BothBuilds {
  /** Where what they compiled is. */
  readonly before: string
  readonly after: string
  /** Runs a script of this tree's in a process of its own; what it prints is JSON. */
  readonly measure: (script: string, ...args: ReadonlyArray<string>) => unknown
}

const run = (directory: string, command: string, ...args: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: directory, encoding: "utf8" })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr + stdout}`)
}

const stageOther = (tree: string): string => {
  run(tree, "npx", "--yes", "pnpm@12.21.0", "install", "--frozen-lockfile", "--prefer-offline")
  const script = path.join(tree, "packages/benchmarks/src/stage.ts")
  run(tree, process.execPath, "--eval", `import(${JSON.stringify(script)}).then(({ stage }) => stage())`)
  return path.join(tree, "packages/benchmarks/.staging/dist")
}

/** Builds both and hands them to `use`; nothing of the revision is left behind after that. */
export const withBothBuilds = (revision: string, use: (builds: BothBuilds) => void): void => {
  const root = path.join(packageDirectory, "../..")
  const temp = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mpire-compare-"))
  const tree = path.join(temp, "tree")
  try {
    run(root, "git", "worktree", "add", "--detach", tree, revision)
    const after = stage()
    const before = stageOther(tree)
    // what measures is the same on both sides
    for (const file of ["pair-work.js", "sibling.js", "tasks/plain.tasks.js"]) {
      fs.cpSync(path.join(after, file), path.join(before, file), { recursive: true })
    }
    const measure = (script: string, ...args: ReadonlyArray<string>) =>
      JSON.parse(run(temp, process.execPath, path.join(after, script), ...args))
    use({ before, after, measure })
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", tree], { cwd: root })
    fs.rmSync(temp, { recursive: true, force: true })
  }
}
