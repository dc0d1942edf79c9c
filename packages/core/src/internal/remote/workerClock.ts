/**
 * How far a worker's clock is off, as its messages show, and when by the caller's Clock what it tells of has happened (O3).
 */
import * as realTime from "../task/realTime.ts"

/** The clocks of one machine are read at two moments, so up to this, in milliseconds, they are taken for one. */
const sameClock = 1000

/** How long the quickest of the messages counts, in milliseconds: clocks drift, and are set. */
const memory = 30_000

export class WorkerClock {
  private readonly isElsewhere: boolean
  /** The smallest difference of late, and of the time before. */
  private least = Number.POSITIVE_INFINITY
  private leastBefore = Number.POSITIVE_INFINITY
  /** When `least` began, by `realTime.now()`. */
  private since = Number.NEGATIVE_INFINITY
  /** How far the pool's Clock was ahead of `realTime.now()` when all was forgotten last. */
  private ahead = Number.NaN
  /** Whether the worker's clock is another than the pool's. */
  isOther: boolean

  /** `isElsewhere` says that the worker is on another machine. */
  constructor(isElsewhere: boolean) {
    this.isElsewhere = isElsewhere
    this.isOther = isElsewhere
  }

  /** A message has come: what the pool's Clock says, and what the worker's did when it was sent, in milliseconds. */
  heard(now: number, at: number): void {
    const real = realTime.now()
    if (!(Math.abs(now - real - this.ahead) <= sameClock)) {
      // the pool's Clock has been set, or it is one that stands still until a test lets it go on
      this.ahead = now - real
      this.leastBefore = Number.POSITIVE_INFINITY
      this.since = Number.NEGATIVE_INFINITY
    }
    if (real - this.since > memory) {
      if (this.since > Number.NEGATIVE_INFINITY) this.leastBefore = this.least
      this.least = Number.POSITIVE_INFINITY
      this.since = real
    }
    // messages take time, so the one that took least says most about the clocks
    this.least = Math.min(this.least, now - at)
    if (this.isElsewhere) return
    const { difference } = this
    if (difference < 0 || difference > sameClock) this.isOther = true
    // not where it has become a little less: what is corrected stays so
    else if (difference < sameClock / 2) this.isOther = false
  }

  /** What to add to a time of the worker's for one of the pool's, in milliseconds; 0 where both have one clock. */
  get offset(): number {
    return this.isOther ? this.difference : 0
  }

  private get difference(): number {
    return Math.min(this.least, this.leastBefore)
  }
}

/** When something happened by the caller's Clock. */
export interface Happened {
  /** Whether the worker's clock is another. */
  readonly isOther: boolean
  /** What to add to a time of the worker's, in milliseconds. */
  readonly offset: number
  /** It happened no earlier than this, in milliseconds, ... */
  readonly earliest: number
  /** ... and no later. */
  readonly latest: number
}

/** A time of the worker's by the caller's Clock, where the worker's is another: within what is known of it. */
export const corrected = (time: number, { earliest, isOther, latest, offset }: Happened): number => {
  // what it says is true, also of a task that has a Clock of its own
  if (!isOther) return time
  return Math.max(Number.isFinite(time) ? Math.min(time + offset, latest) : latest, earliest)
}
