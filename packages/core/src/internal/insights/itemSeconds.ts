/**
 * How long items take, as a histogram (O5). It is told what the item times are told, once for each report of a worker: the
 * items of a report count as taking their mean, so that an item costs nothing.
 */

/** Upper bounds of the buckets, in seconds. */
const bounds = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  5, 10, 25, 50, 100
]

/** As Effect's histograms have it: how many items took at most so many seconds, bucket by bucket. */
export interface Histogram {
  readonly buckets: ReadonlyArray<[number, number]>
  readonly count: number
  readonly min: number
  readonly max: number
  readonly sum: number
}

export class ItemSeconds {
  /** How many items are in each bucket; the last one is without a bound. */
  private readonly counts = new Array<number>(bounds.length + 1).fill(0)
  private count = 0
  private millis = 0
  private min = Number.MAX_VALUE
  private max = -Number.MAX_VALUE

  /** `items` items took `millis` milliseconds together. */
  note(items: number, millis: number): void {
    const seconds = millis / items / 1000
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (seconds <= bounds[middle]!) high = middle
      else low = middle + 1
    }
    this.counts[low]! += items
    this.count += items
    this.millis += millis
    if (seconds < this.min) this.min = seconds
    if (seconds > this.max) this.max = seconds
  }

  /** Adds what another one has been told. */
  add({ count, counts, max, millis, min }: ItemSeconds): void {
    for (const [bucket, items] of counts.entries()) this.counts[bucket]! += items
    this.count += count
    this.millis += millis
    this.min = Math.min(this.min, min)
    this.max = Math.max(this.max, max)
  }

  get histogram(): Histogram {
    const { count, max, millis, min } = this
    let cumulated = 0
    const buckets = bounds.map((bound, bucket): [number, number] => [bound, (cumulated += this.counts[bucket]!)])
    return { buckets, count, min, max, sum: millis / 1000 }
  }

  static readonly bounds: ReadonlyArray<number> = bounds
}
