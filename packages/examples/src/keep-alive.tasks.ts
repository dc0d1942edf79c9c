import type { WorkerContext } from "@effect-mpire/core/WorkerContext"

/** Says which worker did it: the slot, and how many workers the slot has had. */
export const whoAmI = (_item: number, worker: WorkerContext): string => `worker ${worker.id}.${worker.generation}`

// the state of a worker is what its hooks have written so far
export const init1 = (): Array<string> => ["init1"]
export const exit1 = (worker: WorkerContext<Array<string>>) => [...worker.state, "exit1"]

export const init2 = (): Array<string> => ["init2"]
export const exit2 = (worker: WorkerContext<Array<string>>) => [...worker.state, "exit2"]
