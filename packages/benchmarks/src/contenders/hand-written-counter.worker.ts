/** Takes items until none is left, the next index from shared memory, and answers with all that it has done. */
import { parentPort } from "node:worker_threads"

interface Job {
  readonly tasks: string
  readonly task: string
  readonly items: ReadonlyArray<unknown>
  readonly counter: Int32Array
}

const work = async ({ counter, items, task, tasks }: Job): Promise<void> => {
  const run: (item: unknown) => unknown = (await import(tasks))[task]
  const results: Array<readonly [number, unknown]> = []
  for (let i = Atomics.add(counter, 0, 1); i < items.length; i = Atomics.add(counter, 0, 1)) {
    results.push([i, run(items[i])])
  }
  parentPort!.postMessage(results)
}

parentPort!.on("message", (job: Job) => void work(job))
