/** Workers that run out of memory: cases that need options of their runtime. */
import { Portable, WorkerPool, WorkerPoolError, type WorkerRuntime } from "@effect-mpire/core"
import type { Accident } from "@effect-mpire/core/testing/RuntimeSuite"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"

const tasks = Portable.module<typeof import("./fixtures/memory.tasks.ts")>(
  new URL("./fixtures/memory.tasks.ts", import.meta.url)
)

const megabytes = 24

/** A case of the failure matrix. */
export interface MemoryCase {
  readonly rule: string
  readonly name: string
  readonly accident: Accident
  readonly runtime: "threads" | "processes"
  readonly effect: Effect.Effect<void, unknown>
}

const lostIn = (exit: Exit.Exit<number, unknown> | undefined): WorkerPoolError.WorkerLost => {
  const error = exit !== undefined && Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (!WorkerPoolError.isWorkerPoolError(error) || error.reason._tag !== "WorkerLost")
    throw new Error("it was not lost", { cause: error })
  return error.reason
}

/** A map of ten items of which one exhausts its worker's memory. */
const losesOne = (
  layer: Layer.Layer<WorkerRuntime.WorkerRuntime>,
  isWhy: (lost: WorkerPoolError.WorkerLost) => boolean
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
    const items = Array.from({ length: 10 }, (_, n) => n)
    const exits = yield* pool.mapExit(items, Portable.bind(tasks.exhaustAt, 2), { chunkSize: 5 })
    const lost = lostIn(exits[2])
    assert.deepStrictEqual(lost.indices, [2])
    assert.isTrue(isWhy(lost))
    assert.deepStrictEqual(
      exits.map(Exit.isSuccess),
      items.map((n) => n !== 2)
    )
    assert.deepStrictEqual(yield* pool.map([1, 2], Portable.bind(tasks.exhaustAt, 0)), [1, 2])
    assert.deepInclude(yield* pool.stats, { busy: 0, calls: 0, lost: 1, pending: 0 })
  }).pipe(Effect.scoped, Effect.provide(layer))

const what = (limit: string): string => `Out of memory: a task exhausts its worker's heap (${limit}).`

export const memoryCases: ReadonlyArray<MemoryCase> = [
  {
    rule: "F1",
    name: "fails the item that exhausts its thread's memory with WorkerLost; its neighbours complete",
    accident: {
      what: what("`resourceLimits`"),
      elsewhere: "poolifier: the task hangs; with its queue everything hangs."
    },
    runtime: "threads",
    effect: losesOne(
      NodeWorkerRuntime.layerThreads({ resourceLimits: { maxOldGenerationSizeMb: megabytes } }),
      ({ cause }) => (cause as { readonly code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY"
    )
  },
  {
    rule: "F1",
    name: "fails the item that exhausts its process's memory with WorkerLost; its neighbours complete",
    accident: {
      what: what("`--max-old-space-size`"),
      elsewhere: "jest-worker: hung (jest#8068), now an error. MPIRE: the map fails, 1 time in 3 it hangs."
    },
    runtime: "processes",
    effect: losesOne(
      NodeWorkerRuntime.layerProcesses({ execArgv: [`--max-old-space-size=${megabytes}`] }),
      // what an abort comes to depends on the system
      ({ exitCode, signal }) => signal !== undefined || exitCode !== 0
    )
  }
]
