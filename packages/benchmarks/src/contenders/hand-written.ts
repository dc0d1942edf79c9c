/**
 * What one would write by hand for the job at hand, with `worker_threads` and nothing else: the baselines. They know
 * nothing of errors, cancelling or order, and of one kind of task only.
 */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { sibling } from "../sibling.ts"

const start = (count: number, name: string): ReadonlyArray<Worker> =>
  Array.from({ length: count }, () => new Worker(sibling(import.meta.url, name)))

const stop = async (workers: ReadonlyArray<Worker>): Promise<void> => {
  for (const worker of workers) await worker.terminate()
}

export interface HandWritten {
  readonly map: (items: ReadonlyArray<any>) => Promise<ReadonlyArray<any>>
  readonly close: () => Promise<void>
}

/** Chunks of numbers to be squared, two under way at each worker. */
export const squareByChunks = (workerCount: number, chunkSize: number): HandWritten => {
  const workers = start(workerCount, "hand-written-chunks.worker")
  return {
    map: (items) =>
      new Promise((resolve) => {
        const results = new Array<number>(items.length)
        let sent = 0
        let missing = items.length
        const send = (worker: Worker): void => {
          if (sent >= items.length) return
          worker.postMessage({ from: sent, chunk: items.slice(sent, sent + chunkSize) })
          sent += chunkSize
        }
        for (const worker of workers) {
          worker.removeAllListeners("message")
          worker.on("message", ({ from, squares }: { readonly from: number; readonly squares: Array<number> }) => {
            send(worker)
            for (let i = 0; i < squares.length; i++) results[from + i] = squares[i]!
            missing -= squares.length
            if (missing === 0) resolve(results)
          })
        }
        for (let i = 0; i < 2; i++) for (const worker of workers) send(worker)
      }),
    close: () => stop(workers)
  }
}

/** All workers have all items, and take the next index from shared memory: nothing can balance better. */
export const byCounter = (workerCount: number, tasks: URL, task: string): HandWritten => {
  const workers = start(workerCount, "hand-written-counter.worker")
  return {
    map: async (items) => {
      const counter = new Int32Array(new SharedArrayBuffer(4))
      const results = new Array<unknown>(items.length)
      const done = workers.map(async (worker) => {
        const answer = once(worker, "message")
        worker.postMessage({ tasks: tasks.href, task, items, counter })
        for (const [index, result] of (await answer)[0] as ReadonlyArray<[number, unknown]>) results[index] = result
      })
      await Promise.all(done)
      return results
    },
    close: () => stop(workers)
  }
}

/** Waves over an array in shared memory: workers take slices of it, and write to another one. */
export const wavesByCounter = (workerCount: number, sliceLength: number) => {
  const workers = start(workerCount, "hand-written-array.worker")
  return {
    map: async (input: Float64Array): Promise<Float64Array> => {
      const output = new Float64Array(new SharedArrayBuffer(input.byteLength))
      const counter = new Int32Array(new SharedArrayBuffer(4))
      const done = workers.map((worker) => {
        const answer = once(worker, "message")
        worker.postMessage({ input, output, counter, length: sliceLength })
        return answer
      })
      await Promise.all(done)
      return output
    },
    close: () => stop(workers)
  }
}
