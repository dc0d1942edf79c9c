/**
 * After failures in a row to acquire a worker, a slot waits before it tries again: nothing respawns in a loop (L10).
 */
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Later } from "../common/later.ts"

/** In milliseconds; doubles with each failure, from `shortest` up to `longest`. */
const shortest = 100
const longest = 5000

export class Backoff {
  private readonly later: Later
  private readonly over: () => void
  private failures = 0
  private isDisposed = false
  private error: WorkerPoolError | undefined = undefined
  /** Ends the wait; `undefined` while there is none. */
  private endWait: (() => void) | undefined = undefined

  /** `over` is called, in a turn, when the slot has waited for long enough. */
  constructor(later: Later, over: () => void) {
    this.later = later
    this.over = over
  }

  /** What the last failure was, while the slot waits. */
  get refusal(): WorkerPoolError | undefined {
    return this.endWait === undefined ? undefined : this.error
  }

  /** Whether the last failure is the only one since the last success. */
  get isFirst(): boolean {
    return this.failures === 1
  }

  /** Notes a failure. After a first one there is no wait: the next call tries again at once. */
  failed(error: WorkerPoolError): void {
    this.stop()
    this.error = error
    this.failures++
    if (this.failures === 1 || this.isDisposed) return
    const wait = Math.min(longest, shortest * 2 ** (this.failures - 2))
    this.endWait = this.later(wait, () => {
      this.endWait = undefined
      this.over()
    })
  }

  succeeded(): void {
    this.failures = 0
  }

  /** Nothing is acquired any more for which this would be a reason to wait. */
  dispose(): void {
    this.isDisposed = true
    this.stop()
  }

  private stop(): void {
    this.endWait?.()
    this.endWait = undefined
  }
}
