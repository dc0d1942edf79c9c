/** MPIRE's second benchmark: how often each prefix of words was seen, in state that the worker keeps. */
import type { WorkerContext } from "@effect-mpire/core/WorkerContext"

export type Counts = Map<string, number>

export const countInto = (counts: Counts, document: ReadonlyArray<string>): void => {
  for (const word of document) {
    for (let length = 1; length < word.length; length++) {
      const prefix = word.slice(0, length)
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    }
  }
}

/** The hooks and the task of a pool with state… */
export const makeCounts = (): Counts => new Map()

export const addDocument = (document: ReadonlyArray<string>, worker: WorkerContext<Counts>): void =>
  countInto(worker.state, document)

export const reportCounts = (worker: WorkerContext<Counts>): Counts => worker.state

/** …and the task of one that has no way to ask its workers for what they keep. */
export const countDocument = (document: ReadonlyArray<string>): Counts => {
  const counts: Counts = new Map()
  countInto(counts, document)
  return counts
}
