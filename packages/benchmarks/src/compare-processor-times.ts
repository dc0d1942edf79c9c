/**
 * Processor time, that of all threads. Each build is measured in processes of its own, since what one has compiled and left to
 * be collected would be counted for the other; processes differ more than their readings do, so a ratio is one of medians over
 * several. The revision is measured twice: its ratio to itself, the control, says what noise comes to.
 */
import type { BothBuilds } from "./both-builds.ts"
import { median, printQuartiles } from "./statistics.ts"

interface ProcessorOptions {
  readonly groups: number
  readonly processes: number
  readonly work: string
}

export const compareProcessorTimes =
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
    console.log(`${work}, ${revision} → this tree, ${groups} groups of ${processes} processes: processor time a run`)
    for (const { after, again, before } of measured) {
      console.log(`  ${before.toFixed(1)} → ${after.toFixed(1)} ms, the revision again ${again.toFixed(1)} ms`)
    }
    console.log(`ratio    ${printQuartiles(measured.map(({ after, before }) => after / before))}`)
    console.log(`control  ${printQuartiles(measured.map(({ again, before }) => again / before))}`)
  }
