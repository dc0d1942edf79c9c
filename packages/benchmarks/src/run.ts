/**
 * Runs cases, each in a process of its own, prints their tables and writes the results. `bench.ts` starts it, compiled,
 * with the options as JSON and the directory of this package.
 */
import { fork } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import { caseNames, type CaseName } from "./case-names.ts"
import { cases } from "./cases.ts"
import { describeEnvironment } from "./environment.ts"
import type { Options } from "./options.ts"
import type { CaseResult, Progress, Results } from "./results.ts"
import { sibling } from "./sibling.ts"
import { summarizeMeasurement } from "./summary.ts"
import { caseTable, closing, failures } from "./table.ts"

const options: Options = JSON.parse(process.argv[2]!)
const packageDirectory = process.argv[3]!

const seconds = (since: number): number => (performance.now() - since) / 1000

const where = (progress: ReadonlyArray<Progress>): string => {
  const last = progress.findLast(({ _tag }) => _tag === "Began")
  return last === undefined ? "before its first contender" : `at ${last.contender} (${last.measurement})`
}

/** What its process told, and what ended it before its time, if something did. */
const runInProcess = (name: CaseName) =>
  new Promise<{ readonly progress: ReadonlyArray<Progress>; readonly failed: string | undefined }>((resolve) => {
    const progress: Array<Progress> = []
    let ended = false
    let overdue = false
    const { quick, repetitions } = options
    const child = fork(sibling(import.meta.url, "case-process"), [JSON.stringify({ name, quick, repetitions })])
    const timer = setTimeout(() => {
      overdue = true
      child.kill("SIGKILL")
    }, cases[name].timeLimit * 1000)
    child.on("message", (message: Progress | "ended") => {
      if (message === "ended") ended = true
      else progress.push(message)
    })
    child.on("error", (error) => resolve({ progress, failed: error.message }))
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      const how = overdue
        ? `it took longer than ${cases[name].timeLimit} s`
        : `its process ended with ${signal ?? code}`
      resolve({ progress, failed: ended ? undefined : `${how}, ${where(progress)}` })
    })
  })

const start = performance.now()
const date = new Date().toISOString()
const environment = describeEnvironment(packageDirectory)
if (options.quick)
  console.log("Quick mode: smaller sizes and fewer repetitions; its figures are not to be relied on.\n")

const done: Array<CaseResult> = []
for (const name of options.cases) {
  const begun = performance.now()
  const { failed, progress } = await runInProcess(name)
  const measurements = cases[name]
    .measurements({ quick: options.quick, repetitions: options.repetitions })
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
