import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

interface Options {
  readonly filename: string
  readonly minThreads?: number
  readonly maxThreads?: number
  readonly workerData?: unknown
}

/** A pool as piscina has it, or tinypool, which began as a copy of it. */
export const likePiscina = (
  name: string,
  make: (options: Options) => {
    readonly run: (item: unknown, options: { readonly name: string }) => Promise<unknown>
    readonly destroy: () => Promise<void>
  }
): PoolKind => ({
  name,
  open: async ({ size, tasks, workerData }) => {
    const pool = make({
      filename: fileURLToPath(tasks),
      ...(size === undefined ? {} : { minThreads: size, maxThreads: size }),
      ...(workerData === undefined ? {} : { workerData })
    })
    return ofSingleTasks({
      size: size ?? 1,
      run: (name, item) => pool.run(item, { name }),
      close: () => pool.destroy()
    })
  }
})

export const piscina = likePiscina("piscina", (options) => new Piscina(options))
