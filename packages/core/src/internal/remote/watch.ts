import { after, defer, type Timer } from "../wire/timers.ts"

/**
 * Looks at something again and again, in real time, for as long as there is a reason to: each time after the messages that
 * have arrived by then, which may say otherwise. A watch alone does not keep the process alive.
 */
export class Watch {
  private readonly look: () => number | undefined
  private timer: Timer = undefined
  private due = Number.POSITIVE_INFINITY

  /** `look` says in how many milliseconds it wants to be called again, if at all. */
  constructor(look: () => number | undefined) {
    this.look = look
  }

  /** Looks in so many milliseconds, unless it does so earlier. */
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

  stop(): void {
    clearTimeout(this.timer)
    this.due = stopped
  }
}

const stopped = Number.NEGATIVE_INFINITY

/** How often to look for something that may take so long: often enough to be at most a twentieth late. */
export const interval = (millis: number): number => Math.min(100, Math.max(2, millis / 20))
