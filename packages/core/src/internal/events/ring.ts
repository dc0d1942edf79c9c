/**
 * The newest events, for any number of readers: each keeps how far it has read, and who falls behind by more than the ring
 * holds learns how much is gone (O2).
 */
export interface Read<A> {
  /** How many are gone since the reader's last one. */
  readonly missed: number
  readonly values: ReadonlyArray<A>
  /** What the reader reads next. */
  readonly next: number
}

export class Ring<A> {
  private readonly capacity: number
  private readonly values: Array<A> = []
  /** How many have ever been written: that of the next one. */
  written = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  write(value: A): void {
    this.values[this.written++ % this.capacity] = value
  }

  /** What has been written since the one with the number `next`, as far as it is still there. */
  read(next: number): Read<A> {
    const { capacity, values, written } = this
    const from = Math.max(next, written - capacity)
    const length = written - from
    const read = Array.from({ length }, (_, n) => values[(from + n) % capacity]!)
    return { missed: from - next, values: read, next: written }
  }

  /** Forgets all of them: nobody reads. */
  clear(): void {
    this.values.length = 0
  }
}
