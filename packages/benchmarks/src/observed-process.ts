/**
 * One process of `pnpm bench:observed`: measures by turns what each kind of observation takes, and prints as JSON the samples of
 * each, in microseconds an operation beyond what it is measured beside. The argument is how many samples. What is measured is
 * the processor time of all threads: a worker makes what it tells while the pool hears what was told before.
 */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { setTimeout } from "node:timers/promises"
import { sibling } from "./sibling.ts"

/** By what is done. The samples of `control` are those of the same item, which does nothing either. */
export type ObservedSamples = Readonly<Record<string, ReadonlyArray<number>>>

const tasks = Portable.module<typeof import("./tasks/observed.tasks.ts")>(
  sibling(import.meta.url, "tasks/observed.tasks")
)

type Task = Exclude<(typeof tasks)[keyof typeof tasks], typeof tasks.registryHere>

interface Kind {
  readonly name: string
  readonly task: Task
  /** What it is measured against: an item that does nothing, or one that does the same and tells nobody of it. */
  readonly beside: "nothing" | "the same untold"
  /** How often an item does it. */
  readonly times: number
  /** How many operations it is each time. */
  readonly operations: number
  readonly items: number
}

const kind = (name: string, task: Kind["task"], options?: Partial<Kind>): Kind => {
  const times = options?.times ?? 20
  return { name, task, beside: "nothing", times, operations: 1, items: 20_000 / times, ...options }
}

const kinds = [
  kind("control", tasks.nothing),
  kind("a counter's update", tasks.count, { times: 200, items: 2000, beside: "the same untold" }),
  kind("the only update of an item", tasks.count, { times: 1, beside: "the same untold" }),
  kind("a line at Info", tasks.line, { items: 125 }),
  kind("the only line of an item", tasks.line, { times: 1, items: 2500 }),
  kind("a span", tasks.span),
  kind("the only span of an item", tasks.span, { times: 1 }),
  kind("a span with two attributes", tasks.spanWithAttributes),
  kind("one of two nested spans", tasks.nestedSpans, { times: 10, operations: 2 })
]

// a caller whose logger does nothing: what is measured is how a line gets there
const observers = Context.make(References.CurrentLoggers, new Set([Logger.make<unknown, void>(() => {})])).pipe(
  Context.add(Metric.MetricRegistry, new Map())
)

const scope = Scope.makeUnsafe()
const open = Effect.gen(function* () {
  const told = yield* WorkerPool.make({ size: 2, keepAlive: true })
  const untold = yield* WorkerPool.make({ size: 2, keepAlive: true, services: tasks.registryHere })
  yield* told.start
  yield* untold.start
  return { told, untold }
}).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))
const pools = await Effect.runPromise(Scope.provide(open, scope))

/** The processor time, in microseconds an item, of a map whose items do something so many times each. */
const measure = async (pool: keyof typeof pools, task: Task, times: number, items: number): Promise<number> => {
  const input = Array.from({ length: items }, () => times)
  const call = Effect.provideContext(pools[pool].map(input, task), observers)
  const before = process.cpuUsage()
  await Effect.runPromise(call)
  const { system, user } = process.cpuUsage(before)
  return (user + system) / items
}

const samples = Object.fromEntries(kinds.map(({ name }) => [name, new Array<number>()]))
const rounds = Number(process.argv[2])
// with fewer, V8 still compiles, and a line seems to take two or three times as long
const warmUps = 12
// it has 5,000 lines: a worker that comes to 10,000 within a second leaves some out
const shortestRound = 600
for (let round = -warmUps; round < rounds; round++) {
  const began = performance.now()
  for (const { beside, items, name, operations, task, times } of kinds) {
    const measureBeside = () =>
      beside === "nothing" ? measure("told", tasks.nothing, times, items) : measure("untold", task, times, items)
    const isFirst = round % 2 === 0
    const before = isFirst ? await measureBeside() : 0
    const observed = await measure("told", task, times, items)
    const idle = isFirst ? before : await measureBeside()
    if (round >= 0) samples[name]!.push((observed - idle) / (times * operations))
  }
  await setTimeout(Math.max(0, shortestRound - (performance.now() - began)))
}
await Effect.runPromise(Scope.close(scope, Exit.void))
console.log(JSON.stringify(samples satisfies ObservedSamples))
