/**
 * After consecutive failures to acquire a worker a slot rests for a while, so that none is started over and over (L10).
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"

/** What is asked of the slot's pool. */
export interface BackoffHost {
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** Something may be dispatched that could not be before. */
  readonly pump: () => void
}

/** In milliseconds; doubles with each failure, up to `longest`. */
const shortest = 100
const longest = 5000

export class Backoff {
  /** What the last failure was. */
  error: WorkerPoolError | undefined = undefined
  private readonly host: BackoffHost
  private failures = 0
  private isDisposed = false
  private resting: Fiber.Fiber<void> | undefined = undefined

  constructor(host: BackoffHost) {
    this.host = host
  }

  get isResting(): boolean {
    return this.resting !== undefined
  }

  /** Whether the last failure followed no other. */
  get isFirst(): boolean {
    return this.failures === 1
  }

  /** The first failure costs nothing: the next call tries again (L10). */
  failed(error: WorkerPoolError): void {
    this.stop()
    this.error = error
    this.failures++
    if (this.failures === 1 || this.isDisposed) return
    const rest = Math.min(longest, shortest * 2 ** (this.failures - 2))
    this.resting = this.host.fork(
      Effect.map(Effect.sleep(rest), () => {
        this.resting = undefined
        this.host.pump()
      })
    )
  }

  succeeded(): void {
    this.failures = 0
  }

  /** Nothing is acquired any more: nothing is waited for. */
  dispose(): void {
    this.isDisposed = true
    this.stop()
  }

  private stop(): void {
    this.resting?.interruptUnsafe()
    this.resting = undefined
  }
}
