/** Time: each of several processes measures both builds by turns. Which of the two comes first alternates: it matters. */
import type { BothBuilds } from "./both-builds.ts"
import type { PairTimes } from "./pair-process.ts"
import { median, medianInterval } from "./statistics.ts"

interface PairOptions {
  readonly pairs: number
  readonly only: string | undefined
}

export const compareTimes =
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
