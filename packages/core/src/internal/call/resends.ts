/**
 * The items of a call that are sent again: those that had not started where they were, and, where `onWorkerLost` says
 * so, those that were in hand when a worker was lost (F2).
 */
import type { InHand } from "../../WorkerRuntime.ts"
import type { CallChunk, ChunkItems } from "./callChunk.ts"

/** How often an item that ran when its worker was lost is sent again; with `"never"`, no item that had started is. */
export type Retries = number | "never"

interface Resend {
  readonly ordinal: number
  readonly item: unknown
  readonly alone: boolean
}

export class Resends {
  private readonly retries: Retries
  /** In the order of their ordinals. */
  private items: Array<Resend> = []
  /** How often each item, by ordinal, has been running (or may have been) when its worker was lost. */
  private readonly charges = new Map<number, number>()

  constructor(retries: Retries) {
    this.retries = retries
  }

  get size(): number {
    return this.items.length
  }

  get nextIsAlone(): boolean {
    return this.items[0]?.alone ?? false
  }

  /** The next of them, at most `max`; one that is to be sent alone comes by itself. */
  take(max: number): ChunkItems {
    const alone = this.nextIsAlone
    const end = alone ? 1 : this.items.findIndex(({ alone }) => alone)
    const taken = this.items.splice(0, Math.min(max, end < 0 ? this.items.length : end))
    return { items: taken.map(({ item }) => item), first: taken.map(({ ordinal }) => ordinal), alone }
  }

  /** Removes the item with an ordinal; returns whether it was there. */
  remove(ordinal: number): boolean {
    const at = this.items.findIndex((item) => item.ordinal === ordinal)
    if (at >= 0) this.items.splice(at, 1)
    return at >= 0
  }

  /** Removes all; returns their ordinals. */
  clear(): Array<number> {
    return this.items.splice(0).map(({ ordinal }) => ordinal)
  }

  /** Adds items of a chunk that had not started: nothing is charged for them. */
  add(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    if (positions.length === 0) return
    for (const position of positions) this.push(chunk, position, chunk.alone)
    this.sort()
  }

  /**
   * Adds what a lost worker had of a chunk, as far as it may be sent again; returns the positions of the items that are
   * lost for good.
   */
  addLost(chunk: CallChunk, hand: InHand, tasksPerWorker: number): Array<number> {
    const unreported = chunk.unreportedPositions()
    // what had not started is never lost (F2)
    const started = unreported.filter((position) => position < hand.started)
    // a worker with one item at a time was running the last one, or had just ended it; with several, it may be any
    const suspects = tasksPerWorker === 1 ? started.slice(-1) : started
    const lost: Array<number> = []
    for (const position of unreported) {
      const isSuspect = suspects.includes(position)
      // a transferred input is gone with the worker (S2)
      if (hand.moved || (position < hand.started && !this.mayRetry(chunk.ordinal(position), isSuspect))) {
        lost.push(position)
      } else {
        // a suspect is sent alone: if its worker is lost again, this item alone is to blame (F2)
        this.push(chunk, position, isSuspect || chunk.alone)
      }
    }
    this.sort()
    return lost
  }

  private mayRetry(ordinal: number, isSuspect: boolean): boolean {
    if (this.retries === "never") return false
    if (!isSuspect) return true
    const charges = (this.charges.get(ordinal) ?? 0) + 1
    this.charges.set(ordinal, charges)
    return charges <= this.retries
  }

  private push(chunk: CallChunk, position: number, alone: boolean): void {
    this.items.push({ ordinal: chunk.ordinal(position), item: chunk.items[position], alone })
  }

  private sort(): void {
    this.items.sort((left, right) => left.ordinal - right.ordinal)
  }
}
