import * as realTime from "../task/realTime.ts"

/**
 * Looks at something again and again, in real time, for as long as there is a reason to. Messages that have arrived are
 * handled before each look, since they may say that all is well. A watch does not keep the process alive.
 *
 * A look that comes late, because this thread has computed or the process has been stopped, is put off once: what has been sent
 * meanwhile takes longer to be read than one turn of the event loop, and others may have been stopped, too (T2, C4, T4).
 */
export class Watch {
  private readonly look: () => number | undefined
  private timer: realTime.Timer = undefined
  /** When it looks next, by `realTime.now()`. */
  private due = Number.POSITIVE_INFINITY
  /** For how long in all it could not look when it was to, in milliseconds. */
  private missed = 0
  private isPutOff = false

  /** `look` returns in how many milliseconds to call it again; `undefined` for not at all. */
  constructor(look: () => number | undefined) {
    this.look = look
  }

  /** Looks in `millis` milliseconds, unless it is to look earlier anyway. */
  within(millis: number): void {
    const due = realTime.now() + millis
    if (due >= this.due) return
    realTime.cancel(this.timer)
    this.due = due
    // in real time, as the worker's time is, whatever Clock the pool has (T3)
    this.timer = realTime.afterIfRunning(millis, () => realTime.defer(() => this.wake()))
  }

  /** The time by which to judge what is watched, in milliseconds since some moment: none passes while this thread does not look. */
  now(): number {
    return realTime.now() - this.missed
  }

  private wake(): void {
    if (this.due === stopped) return
    const late = realTime.now() - this.due
    this.due = Number.POSITIVE_INFINITY
    if (late > mostLate) this.missed += late
    this.isPutOff = late > mostLate && !this.isPutOff
    const next = this.isPutOff ? putOff : this.look()
    if (next !== undefined) this.within(next)
  }

  /** Ends it for good. */
  stop(): void {
    realTime.cancel(this.timer)
    this.due = stopped
  }
}

/** How late a look may be, in milliseconds, and for how long one that is later is put off. */
const mostLate = 100
const putOff = 100

/** A `due` that is earlier than any other, so that no later look is ever scheduled. */
const stopped = Number.NEGATIVE_INFINITY

/** How many milliseconds to leave between looks at what may take `millis`: a twentieth of that, but from 2 to 100. */
export const interval = (millis: number): number => Math.min(100, Math.max(2, millis / 20))
