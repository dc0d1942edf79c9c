/** What a pool tells of the loss of a runner. */
import { PoolEvent } from "@effect-mpire/core"

export interface Loss {
  /** How many workers were lost with it. */
  readonly workers: number
  /** When the first of them was given up, in milliseconds since 1970. */
  readonly noticedAt: number
  /** How many items had been sent to a worker that was lost, and were sent again for that. */
  readonly sentAgain: number
}

/** One worker of a slot, and not those before and after it. */
const nameOf = ({ generation, worker }: { readonly generation: number; readonly worker: number }) =>
  `${worker}.${generation}`

/**
 * `undefined` when nothing was lost. Each chunk has one item. Pools send items again for other reasons too, as when an idle
 * worker takes over what waits for a busy one: an item counts when the worker that it was sent to last was lost before it went
 * out again.
 */
export const of = (events: ReadonlyArray<PoolEvent.PoolEvent>): Loss | undefined => {
  const lost = new Set<string>()
  const sentTo = new Map<number, string>()
  const sentAgain = new Set<number>()
  let noticedAt: number | undefined
  for (const event of events) {
    if (event._tag === "WorkerLost") {
      noticedAt ??= event.time
      lost.add(nameOf(event))
    } else if (event._tag === "ChunkSent") {
      const before = sentTo.get(event.index)
      if (before !== undefined && lost.has(before)) sentAgain.add(event.index)
      sentTo.set(event.index, nameOf(event))
    }
  }
  return noticedAt === undefined ? undefined : { workers: lost.size, noticedAt, sentAgain: sentAgain.size }
}
