import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

export const piscina: PoolKind = {
  name: "piscina",
  open: async ({ size, tasks, workerData }) => {
    const pool = new Piscina({
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
