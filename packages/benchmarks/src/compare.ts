/**
 * `pnpm bench:compare REVISION`: this tree beside an earlier revision, to see whether a change costs anything. A ratio is what
 * this tree takes divided by what the revision takes; below one is better.
 */
import { parseArgs } from "node:util"
import { withBothBuilds } from "./both-builds.ts"
import { compareProcessorTimes } from "./compare-processor-times.ts"
import { compareTimes } from "./compare-times.ts"
import { wholeNumber, WrongOption } from "./options.ts"

const usage = `pnpm bench:compare REVISION [--pairs 15] [--only 'P3 at once']
pnpm bench:compare REVISION --processor [--groups 7] [--processes 16] [--only 'P1 map']`

const compare = (args: ReadonlyArray<string>): void => {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pairs: { type: "string", default: "15" },
      groups: { type: "string", default: "7" },
      processes: { type: "string", default: "16" },
      processor: { type: "boolean", default: false },
      only: { type: "string" }
    }
  })
  const [revision] = positionals
  if (revision === undefined || positionals.length !== 1) throw new WrongOption("there must be one REVISION")
  const pairs = wholeNumber("pairs", values.pairs)
  const groups = wholeNumber("groups", values.groups)
  const processes = wholeNumber("processes", values.processes)
  const use = values.processor
    ? compareProcessorTimes({ groups, processes, work: values.only ?? "P1 map" }, revision)
    : compareTimes({ pairs, only: values.only }, revision)
  withBothBuilds(revision, use)
}

try {
  compare(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof WrongOption)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}
