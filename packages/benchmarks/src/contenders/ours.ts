import { Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { OpenOptions, PoolKind, TaskPool } from "../task-pool.ts"

/** A pool in a scope of its own, for code that is no Effect; what closes the scope comes with it. */
export const acquire = async <A, E>(
  make: Effect.Effect<A, E, Scope.Scope | WorkerRuntime.WorkerRuntime>,
  layer: Layer.Layer<WorkerRuntime.WorkerRuntime> = NodeWorkerRuntime.layerThreads()
): Promise<readonly [A, () => Promise<void>]> => {
  const scope = Scope.makeUnsafe()
  const pool = await Effect.runPromise(
    Effect.gen(function* () {
      const context = yield* Layer.buildWithScope(layer, scope)
      return yield* make.pipe(Effect.provideContext(context), Scope.provide(scope))
    })
  )
  return [pool, () => Effect.runPromise(Scope.close(scope, Exit.void))]
}

const open = async (
  { ours, size, tasks: url }: OpenOptions,
  layer: Layer.Layer<WorkerRuntime.WorkerRuntime>
): Promise<TaskPool> => {
  const tasks = Portable.module<Record<string, (item: any) => any>>(url)
  const [pool, close] = await acquire(WorkerPool.make({ size, ...ours }), layer)
  return {
    start: () => Effect.runPromise(pool.start),
    map: (task, items) => Effect.runPromise(pool.map(items, tasks[task]!)),
    // as an Effect does it
    runAll: (task, items) =>
      Effect.runPromise(Effect.forEach(items, (item) => pool.run(tasks[task]!, item), { concurrency: "unbounded" })),
    runEach: (task, items) => Effect.runPromise(Effect.forEach(items, (item) => pool.run(tasks[task]!, item))),
    run: (task, item) => Effect.runPromise(pool.run(tasks[task]!, item)),
    close
  }
}

export const threads: PoolKind = {
  name: "effect-mpire",
  open: (options) => open(options, NodeWorkerRuntime.layerThreads())
}

export const processes: PoolKind = {
  name: "effect-mpire, processes",
  open: (options) => open(options, NodeWorkerRuntime.layerProcesses())
}

/** As `threads`, from code that is no Effect: a Promise for every item. */
export const fromPromises: PoolKind = {
  name: "effect-mpire, from Promises",
  open: async (options) => {
    const pool = await threads.open(options)
    return {
      ...pool,
      runAll: (task, items) => Promise.all(items.map((item) => pool.run(task, item))),
      runEach: async (task, items) => {
        const results: Array<unknown> = []
        for (const item of items) results.push(await pool.run(task, item))
        return results
      }
    }
  }
}
