import { fileURLToPath } from "node:url"
import { Tinypool } from "tinypool"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

export const tinypool: PoolKind = {
  name: "tinypool",
  open: async ({ size, tasks, workerData }) => {
    const pool = new Tinypool({
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
}
