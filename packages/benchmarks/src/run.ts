/**
 * Runs cases, each in a process of its own, prints their tables and writes the results. `bench.ts` starts it, compiled,
 * with the options as JSON and the directory of this package.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import { caseNames } from "./case-names.ts"
import { cases } from "./cases.ts"
import { runInProcess } from "./child.ts"
import { describeEnvironment } from "./environment.ts"
import type { Options } from "./options.ts"
import type { CaseResult, Results } from "./results.ts"
import { sibling } from "./sibling.ts"
import { summarizeMeasurement } from "./summary.ts"
import { caseTable, closing, failures } from "./table.ts"

const options: Options = JSON.parse(process.argv[2]!)
const packageDirectory = process.argv[3]!

const seconds = (since: number): number => (performance.now() - since) / 1000

const start = performance.now()
const date = new Date().toISOString()
const environment = describeEnvironment(packageDirectory)
if (options.quick)
  console.log("Quick mode: smaller sizes and fewer repetitions; its figures are not to be relied on.\n")

const done: Array<CaseResult> = []
for (const name of options.cases) {
  const begun = performance.now()
  const { quick, repetitions } = options
  const entry = sibling(import.meta.url, "case-process")
  const { failed, progress } = await runInProcess(entry, { name, quick, repetitions }, cases[name].timeLimit)
  const measurements = cases[name]
    .measurements({ quick, repetitions })
    .map((measurement) => summarizeMeasurement(measurement, progress))
  const result = {
    id: name,
    title: caseNames[name],
    seconds: seconds(begun),
    load: os.loadavg()[0]!,
    failed,
    measurements
  }
  done.push(result)
  console.log(`${caseTable(result)}\n`)
}

const results: Results = {
  version: 1,
  date,
  mode: options.quick ? "quick" : "full",
  repetitions: options.repetitions,
  seconds: seconds(start),
  environment,
  cases: done
}
fs.writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`)
console.log(closing(results))
console.log(`written to ${options.json}`)
process.exitCode = failures(results) === 0 ? 0 : 1
