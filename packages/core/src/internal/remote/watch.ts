import { after, defer, type Timer } from "../wire/timers.ts"

/**
 * Looks at something again and again, in real time, for as long as there is a reason to. Before each look, messages
 * that have arrived are let in, since they may tell that all is well. A watch does not keep the process alive.
 */
export class Watch {
  private readonly look: () => number | undefined
  private timer: Timer = undefined
  /** When it looks next, by `performance.now()`. */
  private due = Number.POSITIVE_INFINITY

  /** `look` returns in how many milliseconds to call it again; `undefined` for not at all. */
  constructor(look: () => number | undefined) {
    this.look = look
  }

  /** Looks after `millis` milliseconds, unless it does so earlier. */
  within(millis: number): void {
    const due = performance.now() + millis
    if (due >= this.due) return
    clearTimeout(this.timer)
    this.due = due
    // real time: the worker's is, whatever Clock the pool has (T3)
    this.timer = after(millis, () => defer(() => this.now()))
    ;(this.timer as { readonly unref?: () => void } | undefined)?.unref?.()
  }

  private now(): void {
    if (this.due === stopped) return
    this.due = Number.POSITIVE_INFINITY
    const next = this.look()
    if (next !== undefined) this.within(next)
  }

  /** Ends it for good. */
  stop(): void {
    clearTimeout(this.timer)
    this.due = stopped
  }
}

/** As `due`, earlier than any time that is asked for, so that it never looks again. */
const stopped = Number.NEGATIVE_INFINITY

/** How often to look, in milliseconds, for what may take `millis`: often enough to be at most a twentieth late. */
export const interval = (millis: number): number => Math.min(100, Math.max(2, millis / 20))
