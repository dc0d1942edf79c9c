/**
 * `pnpm soak --runtime threads|processes|fibers --operations 20000 --seed 1 [--hostile all] [--patience 60] [--seconds 10]
 * [--from 0]`
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { parseArgs } from "node:util"
import { describe } from "./describe.ts"
import { apart, type HostileKind, hostileKinds } from "./hostile.ts"
import * as runtimes from "./runtimes.ts"
import type { RuntimeName } from "./script.ts"
import { soak } from "./soak.ts"
import { watch } from "./watchdog.ts"

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "threads" },
    operations: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "Infinity" },
    hostile: { type: "string", default: "all" },
    patience: { type: "string", default: "60" },
    from: { type: "string", default: "0" }
  }
})

const runtime = values.runtime as RuntimeName
const seed = Number(values.seed)

const replay = (operation: number | undefined): string =>
  `pnpm soak --runtime ${runtime} --seed ${seed} --hostile ${values.hostile} --operations ${operation === undefined ? values.operations : (operation % apart) + 100}`

/** "all", "none", some of them, or all but some: `-initNever,-never`. */
function kinds(names: string): ReadonlySet<HostileKind> {
  if (names === "all" || names === "none") return new Set(names === "all" ? hostileKinds : [])
  const listed = names.split(",")
  const unknown = listed.filter((name) => !hostileKinds.includes(name.replace(/^-/, "") as HostileKind))
  if (unknown.length > 0) throw new Error(`${unknown.join(", ")}? There are: ${hostileKinds.join(", ")}`)
  const isExcept = listed.every((name) => name.startsWith("-"))
  return new Set(hostileKinds.filter((kind) => (isExcept ? !listed.includes(`-${kind}`) : listed.includes(kind))))
}

// opened when first used, and no leak
for (const stream of [process.stdout, process.stderr]) stream.write("")

const watching = watch(seed)
let newest = "none"
let found = 0

const program = soak({
  runtime,
  seed,
  operations: Number(values.operations),
  seconds: Number(values.seconds),
  from: Number(values.from),
  patience: Number(values.patience) * 1000,
  hostile: kinds(values.hostile),
  began: (operation) => {
    watching(operation.number)
    newest = describe(operation)
  },
  found: ({ operation, problem }) => {
    if (++found <= 20) console.error(`violation (seed ${seed}): ${problem}\n  replay: ${replay(operation)}`)
  },
  log: (line) => console.log(line)
}).pipe(
  Effect.provide(runtimes.layer(runtime)),
  // hooks that fail by plan are logged, and changes of hooks are warned of
  Effect.provide(Logger.layer([]))
)

process.on("uncaughtException", (error) => {
  console.error(`violation (seed ${seed}): an exception that nothing caught; the newest is ${newest}`, error)
  process.exit(1)
})

const { violations, ...summary } = await Effect.runPromise(program)
if (violations.length > 20) console.error(`and ${violations.length - 20} more`)
console.log(JSON.stringify({ runtime, seed, violations: violations.length, ...summary }))
// something may hang
if (violations.length > 0) process.exit(1)
