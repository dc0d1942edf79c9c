/**
 * The end of a Web Worker, of which a browser tells the page nothing: it is seen by a lock that the worker holds, by its
 * port where the browser closes that, and by what it says itself.
 */
import type { Closed } from "@effect-mpire/core/Channel"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** How long a worker may take to end by itself once it was told to, in milliseconds. */
const grace = 100

export class Life {
  private readonly worker: Worker
  private readonly lock: string | undefined
  // a program can replace it
  private readonly locks = navigator.locks
  private readonly ended = Deferred.makeUnsafe<void>()
  private readonly handlers: Array<(closed: Closed) => void> = []
  private closed: Closed | undefined = undefined
  private isHeld = false
  private isTerminated = false
  private cause: unknown = undefined

  constructor(worker: Worker, lock: string | undefined) {
    this.worker = worker
    this.lock = lock
  }

  /** The worker has the lock, which this page gets when the worker has ended. */
  held(): void {
    if (this.isHeld || this.lock === undefined) return
    this.isHeld = true
    void this.locks.request(this.lock, () => this.end())
  }

  /**
   * The worker says or shows that it ends, or cannot begin. What it computes at that moment goes on until the browser ends
   * that: it has ended when it has given its lock back.
   */
  ends(cause?: unknown): void {
    this.cause ??= cause
    this.terminate()
  }

  /** Kills the worker and waits for its end. */
  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.terminate()
    return Deferred.await(this.ended)
  })

  /** Waits for the end of a worker that was told to stop; one that something keeps running is killed (F5). */
  readonly wait: Effect.Effect<void> = Effect.suspend(() => {
    if (this.closed !== undefined) return Effect.void
    const timer = setTimeout(() => this.terminate(), grace)
    return Effect.ensuring(
      Deferred.await(this.ended),
      Effect.sync(() => clearTimeout(timer))
    )
  })

  /** Calls `handler` when the worker has ended; at once when it has ended before. */
  onEnd(handler: (closed: Closed) => void): void {
    if (this.closed === undefined) this.handlers.push(handler)
    else handler(this.closed)
  }

  private terminate(): void {
    if (this.isTerminated) return
    this.isTerminated = true
    this.worker.terminate()
    // nothing tells then when it has ended
    if (!this.isHeld) this.end()
  }

  private end(): void {
    if (this.closed !== undefined) return
    this.closed = { cause: this.cause }
    this.terminate()
    for (const handler of this.handlers) handler(this.closed)
    Deferred.doneUnsafe(this.ended, Exit.void)
  }
}

// what the browser offered when the library was loaded, since tests install timers of their own later (T5)
const { clearTimeout, setTimeout } = globalThis
