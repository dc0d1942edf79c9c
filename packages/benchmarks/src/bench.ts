/**
 * `pnpm bench`: builds and stages the packages, and runs the benchmarks that were compiled with them.
 */
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { listing, type Options, parseOptions, usage, WrongOption } from "./options.ts"
import { packageDirectory, stage } from "./stage.ts"

const read = (): Options => {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof WrongOption)) throw error
    console.error(`${error.message}\n\n${usage}`)
    process.exit(2)
  }
}

const options = read()
if (options.help) {
  console.log(usage)
} else if (options.list) {
  console.log(listing)
} else {
  // a script runs in the root of the workspace, or where pnpm says that its user is
  const json =
    options.json === ""
      ? path.join(packageDirectory, "results.json")
      : path.resolve(process.env["INIT_CWD"] ?? ".", options.json)
  const run = path.join(stage(), "run.js")
  const { status } = spawnSync(
    process.execPath,
    [run, JSON.stringify({ ...options, json } satisfies Options), packageDirectory],
    { stdio: "inherit" }
  )
  process.exitCode = status ?? 1
}
