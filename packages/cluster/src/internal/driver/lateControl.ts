/**
 * The pool's end of a worker's control block, of which numbers arrive late: each end sets numbers of its own, and what this one
 * reads of the other's is what arrived last (K13).
 */
import type { Control } from "@effect-mpire/core/Channel"
import { encode } from "../link/numbers.ts"

export class LateControl implements Control {
  /** About how long a message there and an answer take, in milliseconds. */
  readonly lag: () => number
  private readonly send: (pairs: Uint8Array) => void
  private readonly mine = new Map<number, number>()
  private readonly told = new Map<number, number>()
  /** Numbers that were set and have not been sent. */
  private readonly unsent = new Set<number>()

  constructor(send: (pairs: Uint8Array) => void, lag: () => number) {
    this.send = send
    this.lag = lag
  }

  get(index: number): number {
    return this.mine.get(index) ?? this.told.get(index) ?? 0
  }

  set(index: number, value: number): void {
    if (this.mine.get(index) === value) return
    this.mine.set(index, value)
    // several are often set at once
    if (this.unsent.size === 0) queueMicrotask(() => this.flush())
    this.unsent.add(index)
  }

  /** A number of the block as it is at the runner has arrived. */
  tell(index: number, value: number): void {
    this.told.set(index, value)
  }

  /** All numbers, `count` of them, as they were at the runner when it told them last. */
  allTold(count: number): ReadonlyArray<number> {
    return Array.from({ length: count }, (_, index) => this.told.get(index) ?? 0)
  }

  /** Sends what has been set: before a message, so that the worker has it first. */
  flush(): void {
    if (this.unsent.size === 0) return
    const pairs = [...this.unsent].map((index) => [index, this.mine.get(index)!] as const)
    this.unsent.clear()
    this.send(encode(pairs))
  }
}
