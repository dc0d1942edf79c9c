/** What `pnpm bench:compare` measures of one build of the packages: P1, P3 and P8, each ready to be run again and again. */
import { FiberPool, Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { sibling } from "./sibling.ts"

export interface Work {
  readonly name: string
  /** How many runs of each build are measured, after as many to warm up. */
  readonly runs: number
  readonly run: () => Promise<unknown>
}

const tasks = Portable.module<typeof import("./tasks/plain.tasks.ts")>(sibling(import.meta.url, "tasks/plain.tasks"))

const items = Array.from({ length: 200_000 }, (_, n) => n)

const make = Effect.gen(function* () {
  const threads = yield* WorkerPool.make({ size: 2, keepAlive: true })
  yield* threads.start
  const fibers = yield* FiberPool.make({ size: 8, keepAlive: true })
  const work = (name: string, runs: number, effect: Effect.Effect<unknown, unknown>): Work => ({
    name,
    runs,
    run: () => Effect.runPromise(effect)
  })
  const each = (count: number, concurrency: number | "unbounded") =>
    Effect.forEach(items.slice(0, count), (n) => threads.run(tasks.square, n), { concurrency, discard: true })
  const some = items.slice(0, 100_000)
  return [
    work("P1 map", 20, threads.map(items, tasks.square)),
    work("P3 at once", 24, each(10_000, "unbounded")),
    work("P3 one at a time", 6, each(2000, 1)),
    work(
      "P8 succeed",
      60,
      fibers.map(some, (n) => Effect.succeed(n))
    ),
    work(
      "P8 yieldNow",
      6,
      fibers.map(some, () => Effect.yieldNow)
    )
  ]
}).pipe(Effect.provide(NodeWorkerRuntime.layerThreads()))

/** Makes the pools, which live until `close` is called. */
export const open = async () => {
  const scope = Scope.makeUnsafe()
  const works: ReadonlyArray<Work> = await Effect.runPromise(Scope.provide(make, scope))
  return { works, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
