/** Replays recorded lifecycles, `test/data/mpire-traces.json`, on a runtime. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Portable from "../../src/Portable.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"

/** A worker, by its number among those that did something, and what it did. */
type Event = readonly [worker: number, event: string]

interface CallStep {
  readonly op: "map" | "mapUnordered" | "stream" | "streamUnordered"
  readonly task: "task_1" | "task_2"
  readonly items: number
  readonly chunkSize?: number
  readonly lifespan?: number
  readonly init?: "init_1" | "init_2" | "init_3"
  readonly exit?: "exit_1" | "exit_2" | "exit_3"
}

type Step =
  | CallStep
  | { readonly op: "setKeepAlive"; readonly value: boolean }
  | { readonly op: "stop" }
  | { readonly op: "terminate" }

interface Expected {
  readonly result: ReadonlyArray<number> | null
  readonly events: ReadonlyArray<Event>
  readonly exitResults: ReadonlyArray<string>
  readonly alive: number
}

interface Lifecycle {
  readonly name: string
  readonly keepAlive: boolean
  readonly steps: ReadonlyArray<Step>
  readonly expect: ReadonlyArray<Expected>
  readonly atScopeClose: ReadonlyArray<Event>
}

const lifecycles: ReadonlyArray<Lifecycle> = JSON.parse(
  fs.readFileSync(new URL("../data/mpire-traces.json", import.meta.url), "utf8")
)

const tasks = Portable.module<typeof import("./lifecycles.tasks.ts")>(new URL("./lifecycles.tasks.ts", import.meta.url))

const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "lifecycle-"))),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
  ),
  (directory) => path.join(directory, "events")
)

/** What was added to a file since the last time, its workers numbered as they first appear. */
const reader = (file: string): (() => ReadonlyArray<Event>) => {
  const numbers = new Map<number, number>()
  let read = 0
  return () => {
    const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").slice(read, -1) : []
    read += lines.length
    return lines.map((line) => {
      const [generation, event]: Event = JSON.parse(line)
      if (!numbers.has(generation)) numbers.set(generation, numbers.size + 1)
      return [numbers.get(generation)!, event]
    })
  }
}

/** Equal names are equal hooks: each is bound once. */
const bound = (file: string) => {
  const made = new Map<string, unknown>()
  const bind = <A, F>(name: string, portable: A, make: (portable: A) => F): F => {
    if (!made.has(name)) made.set(name, make(portable))
    return made.get(name) as F
  }
  return {
    task: (name: CallStep["task"]) => bind(name, tasks[name], (task) => Portable.bind(task, file)),
    init: (name: CallStep["init"]) =>
      name === undefined ? undefined : bind(name, tasks[name], (init) => Portable.bind(init, file)),
    exit: (name: CallStep["exit"]) =>
      name === undefined ? undefined : bind(name, tasks[name], (exit) => Portable.bind(exit, file))
  }
}

const replay = Effect.fnUntraced(function* (lifecycle: Lifecycle) {
  const file = yield* temporaryFile
  const events = reader(file)
  const portables = bound(file)

  const perform = (pool: WorkerPool.WorkerPool, step: Step) => {
    switch (step.op) {
      case "setKeepAlive":
        return Effect.as(pool.setKeepAlive(step.value), null)
      case "stop":
        return Effect.as(pool.stop, null)
      case "terminate":
        return Effect.as(pool.terminate, null)
      default: {
        const items = Array.from({ length: step.items }, (_, n) => n)
        const task = portables.task(step.task)
        const { chunkSize, lifespan } = step
        const options = { chunkSize, lifespan, init: portables.init(step.init), exit: portables.exit(step.exit) }
        return step.op === "map" || step.op === "mapUnordered"
          ? pool[step.op](items, task, options)
          : Stream.runCollect(pool[step.op](items, task, options))
      }
    }
  }

  yield* Effect.scoped(
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: lifecycle.keepAlive })
      for (const [index, step] of lifecycle.steps.entries()) {
        const result = yield* perform(pool, step)
        const exitResults = yield* pool.exitResults
        const { live } = yield* pool.stats
        const actual = { result, events: events(), exitResults, alive: live }
        assert.deepStrictEqual<unknown>(actual, lifecycle.expect[index], `step ${index}: ${step.op}`)
      }
    })
  )
  assert.deepStrictEqual(events(), lifecycle.atScopeClose, "when the scope closed")
}, Effect.scoped)

/** Replays all of them on a runtime. */
export const replayLifecycles = (name: string, runtime: Layer.Layer<WorkerRuntime>): void => {
  describe(`what MPIRE did, on ${name}`, () => {
    for (const lifecycle of lifecycles) {
      it.live(`L4 L5 L6 L8 L9 ${lifecycle.name}`, () => Effect.provide(replay(lifecycle), runtime))
    }
  })
}
