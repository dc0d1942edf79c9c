/** The tasks and hooks of the recorded lifecycles: each adds a line to a file, wherever its worker is. */
import * as fs from "node:fs"
import type { WorkerContext } from "../../src/WorkerContext.ts"

const record = (file: string, worker: WorkerContext, event: string): void =>
  fs.appendFileSync(file, `${JSON.stringify([worker.generation, event])}\n`)

const init = (name: string) => (file: string, worker: WorkerContext) => record(file, worker, `init:${name}`)

const exit =
  (name: string) =>
  (file: string, worker: WorkerContext): string => {
    record(file, worker, `exit:${name}`)
    return name
  }

const task =
  (name: string, factor: number) =>
  (file: string, n: number, worker: WorkerContext): number => {
    record(file, worker, `task:${name}:${n}`)
    return factor * n
  }

export const init_1 = init("init_1")
export const init_2 = init("init_2")
export const init_3 = init("init_3")

export const exit_1 = exit("exit_1")
export const exit_2 = exit("exit_2")
export const exit_3 = exit("exit_3")

export const task_1 = task("task_1", 1)
export const task_2 = task("task_2", 10)
