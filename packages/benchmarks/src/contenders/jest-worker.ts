import { Worker } from "jest-worker"
import { ofSingleTasks, type PoolKind } from "../task-pool.ts"

export const jestWorker: PoolKind = {
  name: "jest-worker",
  open: async ({ size, tasks, workerData }) => {
    // without their names it would load the module here
    const names = Object.keys(await import(tasks.href))
    const farm = new Worker(tasks, {
      enableWorkerThreads: true,
      exposedMethods: names,
      ...(size === undefined ? {} : { numWorkers: size }),
      ...(workerData === undefined ? {} : { setupArgs: [workerData] })
    }) as Worker & { readonly [name: string]: (item: unknown) => Promise<unknown> }
    farm.getStdout().resume()
    farm.getStderr().pipe(process.stderr)
    return ofSingleTasks({
      size: size ?? 1,
      run: (name, item) => farm[name]!(item),
      close: () => farm.end()
    })
  }
}
