/**
 * `pnpm bench:compare REVISION`: this tree beside an earlier revision, to see whether a change costs anything. A ratio is what
 * this tree takes divided by what the revision takes; below one is better.
 *
 * Time: each of several processes measures both by turns. Which of the two comes first alternates: it matters.
 *
 * Processor time, with `--processor`: that of all threads. Each build is measured in processes of its own, since what one has
 * compiled and left to be collected would be counted for the other; processes differ more than their readings do, so a ratio
 * is one of medians over several. The revision is measured twice: its ratio to itself, the control, says what noise comes to.
 */
import { parseArgs } from "node:util"
import { type BothBuilds, withBothBuilds } from "./both-builds.ts"
import type { PairTimes } from "./pair-process.ts"
import { median, medianInterval, quantile } from "./statistics.ts"

const usage = `pnpm bench:compare REVISION [--pairs 15] [--only 'P3 at once']
pnpm bench:compare REVISION --processor [--groups 7] [--processes 16] [--only 'P1 map']`

interface PairOptions {
  readonly pairs: number
  readonly only: string | undefined
}

const compareTimes =
  ({ only, pairs }: PairOptions, revision: string) =>
  ({ after, before, measure }: BothBuilds): void => {
    const works = [before, after].map((compiled) => `${compiled}/pair-work.js`)
    const measured: Array<Record<string, { readonly before: number; readonly after: number }>> = []
    for (let pair = 0; pair < pairs; pair++) {
      const isReversed = pair % 2 === 1
      const builds = isReversed ? works.toReversed() : works
      const times = measure("pair-process.js", ...builds, ...(only === undefined ? [] : [only])) as PairTimes
      measured.push(
        Object.fromEntries(
          Object.entries(times).map(([name, [one, other]]) => [
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
  }

interface ProcessorOptions {
  readonly groups: number
  readonly processes: number
  readonly work: string
}

const compareProcessorTimes =
  ({ groups, processes, work }: ProcessorOptions, revision: string) =>
  ({ after, before, measure }: BothBuilds): void => {
    const builds = { before, after, again: before }
    const order: ReadonlyArray<keyof typeof builds> = ["before", "after", "again"]
    const take = (build: string) =>
      median(measure("processor-process.js", `${build}/pair-work.js`, work) as Array<number>)
    const measured = Array.from({ length: groups }, () => {
      const samples = { before: new Array<number>(), after: new Array<number>(), again: new Array<number>() }
      for (let turn = 0; turn < processes; turn++) {
        for (const at of [0, 1, 2]) {
          const build = order[(turn + at) % 3]!
          samples[build].push(take(builds[build]))
        }
      }
      return { before: median(samples.before), after: median(samples.after), again: median(samples.again) }
    })
    const show = (ratios: ReadonlyArray<number>) => {
      const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share).toFixed(3))
      return `${middle} (${low} – ${high})`
    }
    console.log(`${work}, ${revision} → this tree, ${groups} groups of ${processes} processes: processor time a run`)
    for (const { after, again, before } of measured) {
      console.log(`  ${before.toFixed(1)} → ${after.toFixed(1)} ms, the revision again ${again.toFixed(1)} ms`)
    }
    console.log(`ratio    ${show(measured.map(({ after, before }) => after / before))}`)
    console.log(`control  ${show(measured.map(({ again, before }) => again / before))}`)
  }

const wholeNumber = (text: string): number => {
  const number = Number(text)
  return Number.isInteger(number) && number >= 1 ? number : Number.NaN
}

const { positionals, values } = parseArgs({
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
const [pairs, groups, processes] = [values.pairs, values.groups, values.processes].map(wholeNumber) as [
  number,
  number,
  number
]
if (revision === undefined || positionals.length !== 1 || [pairs, groups, processes].some(Number.isNaN)) {
  console.error(usage)
  process.exitCode = 2
} else if (values.processor) {
  withBothBuilds(revision, compareProcessorTimes({ groups, processes, work: values.only ?? "P1 map" }, revision))
} else {
  withBothBuilds(revision, compareTimes({ pairs, only: values.only }, revision))
}
