/** One worker that answers once, and nothing around it: what a first result costs at least. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { sibling } from "../sibling.ts"

export interface Bare {
  readonly answer: unknown
  readonly close: () => Promise<void>
}

export const bareThread = async (item: number): Promise<Bare> => {
  const worker = new Worker(sibling(import.meta.url, "bare-thread.worker"))
  worker.postMessage(item)
  const [answer] = await once(worker, "message")
  return {
    answer,
    close: async () => {
      await worker.terminate()
    }
  }
}

export const bareProcess = async (item: number): Promise<Bare> => {
  const child = fork(sibling(import.meta.url, "bare-process.worker"), { serialization: "advanced" })
  child.send(item)
  const [answer] = await once(child, "message")
  return {
    answer,
    close: async () => {
      const exit = once(child, "exit")
      child.kill()
      await exit
    }
  }
}
