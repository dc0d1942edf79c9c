import { fileURLToPath } from "node:url"
import workerpoolModule from "workerpool"
import { sibling } from "../sibling.ts"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

export const workerpool: PoolKind = {
  name: "workerpool",
  open: async ({ size, tasks, workerData }) => {
    const pool = workerpoolModule.pool(fileURLToPath(sibling(import.meta.url, "workerpool.worker")), {
      workerType: "thread",
      ...(size === undefined ? {} : { minWorkers: size, maxWorkers: size }),
      workerThreadOpts: { workerData: { ...workerData, tasks: tasks.href } }
    })
    return ofSingleTasks({
      size: size ?? 1,
      // its promises are of its own making
      run: async (name, item) => await pool.exec(name, [item]),
      close: async () => {
        await pool.terminate()
      }
    })
  }
}
