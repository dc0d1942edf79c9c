/**
 * How far a call has come, for who asks (O4): its tally says how many items have ended, and this what they weigh. It looks
 * when it is asked: an item costs nothing, and a call without a counter one look per chunk.
 */
import type { Tally } from "../events/tally.ts"
import type { CallChunk } from "./callChunk.ts"

export interface Count {
  /** How many items have an outcome. */
  readonly items: number
  readonly failed: number
  /** What they weigh together; their number, where nothing is weighed. */
  readonly weight: number
}

/** What it asks of its call. */
export interface CountedCall {
  readonly tally: Tally
  /** The chunks that the tally does not have yet. */
  readonly untold: Iterable<CallChunk>
}

export class ItemCounter {
  /** What the items of chunks that are over weigh. */
  private past = 0
  /** Set when the call fails: what is interrupted then has not ended by itself. */
  private final: Count | undefined = undefined
  private readonly weights: ReadonlyArray<number> | undefined

  /** `weights` are those of all items, where they are weighed. */
  constructor(weights: ReadonlyArray<number> | undefined) {
    this.weights = weights
  }

  /** A chunk is over, and still has its items. */
  over(chunk: CallChunk): void {
    if (this.weights !== undefined) this.past += weightOf(chunk, this.weights)
  }

  callFails(call: CountedCall): void {
    this.final = this.count(call)
  }

  count({ tally, untold }: CountedCall): Count {
    if (this.final !== undefined) return this.final
    const { failed, interrupted, succeeded } = tally.read(untold)
    const items = succeeded + failed + interrupted
    if (this.weights === undefined) return { items, failed, weight: items }
    let weight = this.past
    for (const chunk of untold) weight += weightOf(chunk, this.weights)
    return { items, failed, weight }
  }
}

/** What those of a chunk's items weigh that have an outcome. */
const weightOf = (chunk: CallChunk, weights: ReadonlyArray<number>): number => {
  let weight = 0
  for (let position = 0; position < chunk.items.length; position++) {
    if (chunk.isReported(position)) weight += weights[chunk.ordinal(position)] ?? 0
  }
  return weight
}
