/**
 * A control block for two ends that share no memory, as in a browser page that is not isolated: each end has numbers of its
 * own, and tells the other by message what it has set. What one reads of the other's is what arrived last. Free of Effect.
 */
import type { Control } from "../../Channel.ts"

/** Sends the numbers from an index on. */
export type Tell = (from: number, values: ReadonlyArray<number>) => void

export class ToldNumbers implements Control {
  private readonly send: Tell
  private readonly numbers: Array<number> = []

  constructor(send: Tell) {
    this.send = send
  }

  get(index: number): number {
    return this.numbers[index] ?? 0
  }

  /** Sets a number at this end alone, until `tell`. */
  set(index: number, value: number): void {
    this.numbers[index] = value
  }

  /** Tells the other end `count` numbers, from `index` on. */
  tell(index: number, count: number): void {
    this.send(
      index,
      Array.from({ length: count }, (_, offset) => this.get(index + offset))
    )
  }

  /** The other end has told its numbers from `from` on. */
  told(from: number, values: ReadonlyArray<number>): void {
    values.forEach((value, offset) => this.set(from + offset, value))
  }
}
