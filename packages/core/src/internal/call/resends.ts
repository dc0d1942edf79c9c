/**
 * The items of a call that are to be sent again: those that had not started where they were, and, where `onWorkerLost`
 * says so, those that a lost worker took with it (F2).
 */
import type { InHand } from "../../WorkerRuntime.ts"
import type { CallChunk, ChunkItems } from "./callChunk.ts"

interface Resend {
  readonly index: number
  readonly item: unknown
  readonly alone: boolean
}

export class Resends {
  private readonly retries: number
  /** In the order of the input. */
  private items: Array<Resend> = []
  /** How often an item has been running when its worker was lost. */
  private readonly charges = new Map<number, number>()

  constructor(retries: number) {
    this.retries = retries
  }

  get size(): number {
    return this.items.length
  }

  get nextIsAlone(): boolean {
    return this.items[0]?.alone ?? false
  }

  /** The next of them, at most so many; one that is to be sent alone comes by itself. */
  take(max: number): ChunkItems {
    const alone = this.nextIsAlone
    const end = alone ? 1 : this.items.findIndex(({ alone }) => alone)
    const taken = this.items.splice(0, Math.min(max, end < 0 ? this.items.length : end))
    return { items: taken.map(({ item }) => item), first: taken.map(({ index }) => index), alone }
  }

  /** Forgets an item; returns whether it was there. */
  forget(index: number): boolean {
    const place = this.items.findIndex((item) => item.index === index)
    if (place >= 0) this.items.splice(place, 1)
    return place >= 0
  }

  /** Forgets all of them; returns their places. */
  clear(): Array<number> {
    return this.items.splice(0).map(({ index }) => index)
  }

  /** Items of a chunk that had not started. */
  giveBack(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    if (positions.length === 0) return
    for (const position of positions) this.add(chunk, position, chunk.alone)
    this.sort()
  }

  /** Takes back what a lost worker had of a chunk (F2); returns the positions of the items that are lost for good. */
  takeBack(chunk: CallChunk, hand: InHand, tasksPerWorker: number): Array<number> {
    const unreported = chunk.unreportedPositions()
    const started = unreported.filter((position) => position < hand.started)
    // with one item at a time it was the last one, even if it had just ended; with several it may have been any
    const suspects = tasksPerWorker === 1 ? started.slice(-1) : started
    const lost: Array<number> = []
    for (const position of unreported) {
      const isSuspect = suspects.includes(position)
      // what was moved to the worker is gone with it (S2)
      if (hand.moved || (position < hand.started && !this.mayRetry(chunk.ordinal(position), isSuspect))) {
        lost.push(position)
      } else {
        this.add(chunk, position, isSuspect || chunk.alone)
      }
    }
    this.sort()
    return lost
  }

  private mayRetry(index: number, charged: boolean): boolean {
    if (this.retries < 0) return false
    if (!charged) return true
    const charges = (this.charges.get(index) ?? 0) + 1
    this.charges.set(index, charges)
    return charges <= this.retries
  }

  private add(chunk: CallChunk, position: number, alone: boolean): void {
    this.items.push({ index: chunk.ordinal(position), item: chunk.items[position], alone })
  }

  private sort(): void {
    this.items.sort((left, right) => left.index - right.index)
  }
}
