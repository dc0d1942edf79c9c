/** What a pool tells of the loss of a runner. */
import { PoolEvent } from "@effect-mpire/core"

export interface Loss {
  /** How many workers were lost with it. */
  readonly workers: number
  /** When the first of them was given up, in milliseconds since 1970. */
  readonly noticedAt: number
  /** How many items had been sent to a worker that was lost, and were sent again. */
  readonly sentAgain: number
}

/** `undefined` when nothing was lost. Each chunk has one item. */
export const of = (events: ReadonlyArray<PoolEvent.PoolEvent>): Loss | undefined => {
  const lost = events.filter(PoolEvent.PoolEvent.guards.WorkerLost)
  const sends = Map.groupBy(events.filter(PoolEvent.PoolEvent.guards.ChunkSent), ({ index }) => index)
  const first = lost[0]
  return first === undefined
    ? undefined
    : {
        workers: lost.length,
        noticedAt: first.time,
        sentAgain: [...sends.values()].filter(({ length }) => length > 1).length
      }
}
