import type { WorkerContext } from "@effect-mpire/core/WorkerContext"
import { setTimeout } from "node:timers/promises"

interface State {
  cancelled: number
}

export const makeState = (): State => ({ cancelled: 0 })

/** An async function hears from `worker.signal` when nobody wants its result any more. */
export const poll = async (millis: number, worker: WorkerContext<State>): Promise<string> => {
  try {
    return await setTimeout(millis, `answered after ${millis} ms`, { signal: worker.signal })
  } finally {
    if (worker.interrupted) worker.state.cancelled++
  }
}

export const reportCancelled = (worker: WorkerContext<State>): number => worker.state.cancelled
