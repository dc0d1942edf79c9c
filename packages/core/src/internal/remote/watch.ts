import * as realTime from "../task/realTime.ts"

/**
 * Looks at something again and again, in real time, for as long as there is a reason to. Messages that have arrived are
 * handled before each look, since they may say that all is well. A watch does not keep the process alive.
 */
export class Watch {
  private readonly look: () => number | undefined
  private timer: realTime.Timer = undefined
  /** When it looks next, by `realTime.now()`. */
  private due = Number.POSITIVE_INFINITY

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
    this.timer = realTime.afterIfRunning(millis, () => realTime.defer(() => this.now()))
  }

  private now(): void {
    if (this.due === stopped) return
    this.due = Number.POSITIVE_INFINITY
    const next = this.look()
    if (next !== undefined) this.within(next)
  }

  /** Ends it for good. */
  stop(): void {
    realTime.cancel(this.timer)
    this.due = stopped
  }
}

/** A `due` that is earlier than any other, so that no later look is ever scheduled. */
const stopped = Number.NEGATIVE_INFINITY

/** How many milliseconds to leave between looks at what may take `millis`: a twentieth of that, but from 2 to 100. */
export const interval = (millis: number): number => Math.min(100, Math.max(2, millis / 20))
