/**
 * One pair of `pnpm bench:compare`: measures two builds by turns, so that whatever else the machine does meets both; prints as
 * JSON how long a run of each takes, in milliseconds. The arguments are the `pair-work.js` of the two, and what is to be
 * measured, if not everything.
 */
import { pathToFileURL } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { open, Work } from "./pair-work.ts"

/** By the names of what is measured, for the first build and the second. */
export type PairTimes = Readonly<Record<string, readonly [first: number, second: number]>>

// Garbage is collected before each measurement, and not before each run, as in case-process.ts: right after a collection V8
// sweeps in the background, and a run takes up to five times as long, now more and now less.
setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const openBuild = async (file: string) => {
  const module: { readonly open: typeof open } = await import(pathToFileURL(file).href)
  return module.open()
}

const timed = async ({ run }: Work): Promise<number> => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** The mean of as many runs as the work says, of which each build has the first of two as often as the second. */
const byTurns = async (first: Work, second: Work): Promise<readonly [number, number]> => {
  const sums: [number, number] = [0, 0]
  for (let run = 0; run < first.runs; run++) {
    if (run % 2 === 0) sums[0] += await timed(first)
    sums[1] += await timed(second)
    if (run % 2 === 1) sums[0] += await timed(first)
  }
  return [sums[0] / first.runs, sums[1] / first.runs]
}

const [first, second] = [await openBuild(process.argv[2]!), await openBuild(process.argv[3]!)]
const only = process.argv[4]
const times: Record<string, readonly [number, number]> = {}
for (const [index, work] of first.works.entries()) {
  if (only !== undefined && work.name !== only) continue
  const other = second.works[index]!
  await byTurns(work, other)
  collectGarbage()
  times[work.name] = await byTurns(work, other)
}
await first.close()
await second.close()
console.log(JSON.stringify(times))
