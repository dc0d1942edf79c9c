import { fileURLToPath } from "node:url"
import { FixedThreadPool } from "poolifier"
import { sibling } from "../sibling.ts"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

export const poolifier: PoolKind = {
  name: "poolifier",
  // it has no default size
  open: async ({ size = 1, tasks, workerData }) => {
    let exits = 0
    const allExited = Promise.withResolvers<void>()
    const pool = new FixedThreadPool<unknown, unknown>(
      size,
      fileURLToPath(sibling(import.meta.url, "poolifier.worker")),
      {
        workerOptions: { workerData: { ...workerData, tasks: tasks.href } },
        exitHandler: () => {
          if (++exits === size) allExited.resolve()
        }
      }
    )
    return ofSingleTasks({
      size,
      run: (name, item) => pool.execute(item, name),
      // `destroy` waits for ever for a thread that has exited just before it began to wait for that
      close: () => Promise.race([pool.destroy(), allExited.promise])
    })
  }
}
