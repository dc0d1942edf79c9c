/**
 * How long at least one item runs in a slot, told from reports of how long items took: these arrive late, and overlap
 * where several run at once.
 */

/** The working time of a slot, in milliseconds. Its moments are by one clock, and come in order. */
export interface Working {
  readonly total: number
  /** The worker had nothing to do until now. */
  readonly begin: (now: number) => void
  /** Items ran for `millis` milliseconds, and have just ended. */
  readonly reported: (millis: number, now: () => number) => void
  /** A chunk has ended, and the worker has others. */
  readonly chunkEnded: (now: () => number) => void
  /** How long what runs has run without a report: since `since` at most, when its chunk was sent or last reported. */
  readonly unreported: (since: number, now: number) => number
  /** What ran without a report has ended: that counts too. */
  readonly cut: (since: number, now: number) => void
}

/**
 * One item after another: what is reported adds up. When a report arrives says little, because several that have waited
 * for the pool's thread are read at once.
 */
export class InTurn implements Working {
  total = 0
  /** Until when everything is known, and how much has been reported since. */
  private known = 0
  private since = 0

  begin(now: number): void {
    this.known = now
    this.since = 0
  }

  reported(millis: number): void {
    this.total += millis
    this.since += millis
  }

  chunkEnded(now: () => number): void {
    this.begin(now())
  }

  unreported(_since: number, now: number): number {
    return Math.max(0, now - this.known - this.since)
  }

  cut(since: number, now: number): void {
    this.total += this.unreported(since, now)
    this.begin(now)
  }
}

/** A stretch of time in which, as far as is known, nothing ran. */
interface Gap {
  readonly from: number
  readonly to: number
}

/** The most gaps that are kept: a long item that is reported after many short ones can still fill them. */
const mostGaps = 64

/** Several items at once: the union of the stretches that reports tell of, each of which ends when it arrives. */
export class AtOnce implements Working {
  total = 0
  /** In order, all before `until`. */
  private gaps: Array<Gap> = []
  /** Up to when stretches have been reported. */
  private until = 0

  begin(now: number): void {
    this.gaps = []
    this.until = now
  }

  reported(millis: number, now: () => number): void {
    const end = now()
    this.cut(end - millis, end)
  }

  chunkEnded(): void {}

  unreported(since: number, now: number): number {
    let sum = Math.max(0, now - Math.max(since, this.until))
    for (const { from, to } of this.gaps) sum += Math.max(0, to - Math.max(since, from))
    return sum
  }

  cut(since: number, now: number): void {
    this.total += this.unreported(since, now)
    const gaps = since > this.until ? [...this.gaps, { from: this.until, to: since }] : this.gaps
    this.gaps = gaps.flatMap(({ from, to }) => (from >= since ? [] : [{ from, to: Math.min(to, since) }]))
    this.until = Math.max(this.until, now)
    const [first, second] = this.gaps
    // of two that become one, the length is what counts
    if (this.gaps.length > mostGaps && first !== undefined && second !== undefined) {
      this.gaps.splice(0, 2, { from: second.from - (first.to - first.from), to: second.to })
    }
  }
}
