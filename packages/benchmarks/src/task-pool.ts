/**
 * What the benchmarks ask of a pool, whoever made it: to call exports of a module, by their names, in its workers.
 */
import type { WorkerPool } from "@effect-mpire/core"

export interface TaskPool {
  /** Completes when every worker is ready. */
  readonly start: () => Promise<void>
  /** All items at once, in the way that the pool's users do; results in the order of items. */
  readonly map: (task: string, items: ReadonlyArray<unknown>) => Promise<ReadonlyArray<any>>
  /** As many tasks of one item at once. */
  readonly runAll: (task: string, items: ReadonlyArray<unknown>) => Promise<ReadonlyArray<any>>
  /** One task after the other. */
  readonly runEach: (task: string, items: ReadonlyArray<unknown>) => Promise<ReadonlyArray<any>>
  readonly run: (task: string, item: unknown) => Promise<any>
  readonly close: () => Promise<void>
}

export interface OpenOptions {
  /** The module of the tasks. It must export `spin`, with which other pools are started. */
  readonly tasks: URL
  /** How many workers. Default: the pool's own. */
  readonly size?: number | undefined
  /** What the workers find in `workerData` (in jest-worker: what their `setup` is called with). */
  readonly workerData?: object | undefined
  /** Further options of the pool of this repository. */
  readonly ours?: WorkerPool.PoolOptions | undefined
}

export interface PoolKind {
  readonly name: string
  readonly open: (options: OpenOptions) => Promise<TaskPool>
}

/** A pool whose users call `run` for every item, and `Promise.all` of that for many. */
export const ofSingleTasks = (pool: {
  readonly size: number
  readonly run: (task: string, item: unknown) => Promise<unknown>
  readonly close: () => Promise<unknown>
}): TaskPool => {
  const { run } = pool
  const runAll = (task: string, items: ReadonlyArray<unknown>): Promise<ReadonlyArray<unknown>> =>
    Promise.all(items.map((item) => run(task, item)))
  return {
    // none of the other pools says when all of its workers are ready: items of some length reach every one of them
    start: async () => {
      await runAll("spin", new Array<number>(pool.size * 4).fill(10))
    },
    map: runAll,
    runAll,
    runEach: async (task, items) => {
      const results: Array<unknown> = []
      for (const item of items) results.push(await run(task, item))
      return results
    },
    run,
    close: async () => {
      await pool.close()
    }
  }
}
