/**
 * `pnpm soak:cluster [--seconds 600] [--seed 1] [--workers threads|processes]`
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { parseArgs } from "node:util"
import { chaos } from "./chaos.ts"
import { watch } from "./watchdog.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "threads" }
  }
})

const seed = Number(values.seed)
const seconds = Number(values.seconds)
const workers = values.workers
if (workers !== "threads" && workers !== "processes") throw new Error(`--workers ${workers}? threads or processes`)

// opened when first used, and no leak
for (const stream of [process.stdout, process.stderr]) stream.write("")

watch(seed)

const replay = `pnpm soak:cluster --seed ${seed} --workers ${workers} --seconds ${seconds}`

const { violations, ...summary } = await Effect.runPromise(
  chaos({
    seed,
    seconds,
    workers,
    found: (problem) => console.error(`violation (seed ${seed}): ${problem}\n  replay: ${replay}`)
  }).pipe(Effect.provide(Logger.layer([])))
)
console.log(JSON.stringify({ workers, seed, seconds, violations: violations.length, ...summary }))
// something may hang
if (violations.length > 0) process.exit(1)
