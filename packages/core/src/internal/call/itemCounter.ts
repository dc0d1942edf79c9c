/**
 * How many items of a call have ended, for who asks (O4). It knows the call's chunks, and counts when it is asked: an item
 * costs nothing, and a call without a counter one look per chunk.
 */
import type { CallChunk } from "./callChunk.ts"

export interface Count {
  /** How many items have an outcome. */
  readonly items: number
  readonly failed: number
  /** What they weigh together; their number, where nothing is weighed. */
  readonly weight: number
}

const nothing: Count = { items: 0, failed: 0, weight: 0 }

const sum = (one: Count, other: Count): Count => ({
  items: one.items + other.items,
  failed: one.failed + other.failed,
  weight: one.weight + other.weight
})

export class ItemCounter {
  /** The chunks that workers have. */
  private readonly chunks = new Set<CallChunk>()
  /** That of the chunks that are over. */
  private past = nothing
  /** Set when the call fails: what is interrupted then has not ended by itself. */
  private final: Count | undefined = undefined
  private readonly weights: ReadonlyArray<number> | undefined

  /** `weights` are those of all items, where they are weighed. */
  constructor(weights: ReadonlyArray<number> | undefined) {
    this.weights = weights
  }

  given(chunk: CallChunk): void {
    this.chunks.add(chunk)
  }

  /** A chunk is over, and still has its items. */
  over(chunk: CallChunk): void {
    if (this.chunks.delete(chunk)) this.past = sum(this.past, this.of(chunk))
  }

  callFails(): void {
    this.final = this.count()
  }

  count(): Count {
    if (this.final !== undefined) return this.final
    let count = this.past
    for (const chunk of this.chunks) count = sum(count, this.of(chunk))
    return count
  }

  private of(chunk: CallChunk): Count {
    const { failed, reported } = chunk
    return {
      items: reported,
      failed,
      weight: this.weights === undefined ? reported : this.weightOf(chunk, this.weights)
    }
  }

  private weightOf(chunk: CallChunk, weights: ReadonlyArray<number>): number {
    let weight = 0
    for (let position = 0; position < chunk.items.length; position++) {
      if (chunk.isReported(position)) weight += weights[chunk.ordinal(position)] ?? 0
    }
    return weight
  }
}
