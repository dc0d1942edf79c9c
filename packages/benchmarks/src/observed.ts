/**
 * `pnpm bench:observed`: the processor time that a worker's log line, counter update or span takes until the caller's logger,
 * registry or tracer has it, beside what it may take. A counter's is what telling the caller adds to the update; the others are
 * measured beside an item that does nothing. Each of several processes measures all of them by turns; `control` is an item that
 * does nothing beside itself, which says what the machine's noise comes to.
 */
import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { parseArgs } from "node:util"
import type { ObservedSamples } from "./observed-process.ts"
import { wholeNumber, WrongOption } from "./options.ts"
import { stage } from "./stage.ts"
import { median, printQuartiles } from "./statistics.ts"

const usage = "pnpm bench:observed [--processes 7] [--rounds 15]"

/** In microseconds an operation. */
const limits: Readonly<Record<string, number>> = {
  "a counter's update": 0.3,
  "the only update of an item": 0.3,
  "a line at Info": 5,
  "the only line of an item": 5,
  "a span": 6,
  "the only span of an item": 6,
  "a span with two attributes": 6,
  "one of two nested spans": 6
}

const measure = (script: string, rounds: number): ObservedSamples => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [script, `${rounds}`], { encoding: "utf8" })
  // a worker that leaves lines out says so on stdout, and what was measured is worth nothing then
  if (status !== 0 || !stdout.startsWith("{")) throw new Error(`measuring failed: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}

const report = (measured: ReadonlyArray<ObservedSamples>): void => {
  console.log(`${measured.length} processes: median of their medians, its quartiles, µs of processor time an operation`)
  for (const name of Object.keys(measured[0]!)) {
    const medians = measured.map((samples) => median(samples[name]!))
    const limit = limits[name] === undefined ? "" : `   at most ${limits[name]}`
    console.log(`${name.padEnd(30)}${printQuartiles(medians)}${limit}`)
  }
}

const observe = (args: ReadonlyArray<string>): void => {
  const { values } = parseArgs({
    args: [...args],
    options: { processes: { type: "string", default: "7" }, rounds: { type: "string", default: "15" } }
  })
  const processes = wholeNumber("processes", values.processes)
  const rounds = wholeNumber("rounds", values.rounds)
  const script = path.join(stage(), "observed-process.js")
  report(Array.from({ length: processes }, () => measure(script, rounds)))
}

try {
  observe(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof WrongOption)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}
