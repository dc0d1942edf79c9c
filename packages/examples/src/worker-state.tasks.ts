import type { WorkerContext } from "@effect-mpire/core/WorkerContext"

type Counts = Map<string, number>

/** Each worker counts into a map of its own… */
export const makeCounts = (): Counts => new Map()

export const countWords = (text: string, worker: WorkerContext<Counts>): void => {
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    worker.state.set(word, (worker.state.get(word) ?? 0) + 1)
  }
}

/** …which crosses once, when the worker is released. */
export const reportCounts = (worker: WorkerContext<Counts>): Counts => worker.state
