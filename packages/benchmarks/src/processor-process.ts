/**
 * One process of `pnpm bench:compare --processor`: prints as JSON the processor time of all its threads that each of some
 * readings took, in milliseconds a run. The arguments are the `pair-work.js` of a build and the name of its work.
 */
import { pathToFileURL } from "node:url"
import type { open } from "./pair-work.ts"

const [file, name] = process.argv.slice(2)
const readings = 9

const { open: openBuild }: { readonly open: typeof open } = await import(pathToFileURL(file!).href)
const { close, works } = await openBuild()
const work = works.find((work) => work.name === name)
if (work === undefined)
  throw new Error(`there is no work ${name}; there are ${works.map(({ name }) => name).join(", ")}`)

// a reading takes about as long for each of them
const runs = Math.ceil(work.runs / 6)
for (let run = 0; run < 2 * runs; run++) await work.run()
const samples: Array<number> = []
for (let reading = 0; reading < readings; reading++) {
  const before = process.cpuUsage()
  for (let run = 0; run < runs; run++) await work.run()
  const { system, user } = process.cpuUsage(before)
  samples.push((user + system) / 1000 / runs)
}
await close()
console.log(JSON.stringify(samples))
