/**
 * Releases workers that have been idle for as long as `keepAlive` says, the longest idle first, down to `minSize` (L4).
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** What is asked of a slot. */
export interface IdleSlot {
  readonly isIdle: boolean
  readonly isLive: boolean
  /** By the Clock, in milliseconds. */
  readonly idleSince: number
}

/** What the reaper asks of its pool. */
export interface ReaperHost<S extends IdleSlot> {
  readonly idleSlots: () => ReadonlyArray<S>
  readonly liveWorkers: () => number
  /** In milliseconds; `undefined` when idle workers are kept. */
  readonly idleTime: () => number | undefined
  readonly now: () => number
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly releaseIdle: (slot: S) => void
}

export class IdleReaper<S extends IdleSlot> {
  private readonly host: ReaperHost<S>
  private readonly minSize: number
  private fiber: Fiber.Fiber<void> | undefined = undefined
  private idleTime: number | undefined = undefined

  constructor(host: ReaperHost<S>, minSize: number) {
    this.host = host
    this.minSize = minSize
  }

  /** A worker has fallen idle, or `keepAlive` has changed. */
  update(): void {
    const idleTime = this.host.idleTime()
    if (idleTime !== this.idleTime) this.stop()
    this.idleTime = idleTime
    if (idleTime === undefined || this.fiber !== undefined) return
    const wait = this.untilNext(idleTime)
    if (wait === undefined) return
    this.fiber = this.host.fork(
      Effect.andThen(
        // not every Clock yields for no time, and the fiber must not end before it is kept
        wait === 0 ? Effect.yieldNow : Effect.sleep(wait),
        Effect.sync(() => {
          this.fiber = undefined
          this.reap(idleTime)
          this.update()
        })
      )
    )
  }

  stop(): void {
    this.fiber?.interruptUnsafe()
    this.fiber = undefined
  }

  /** Milliseconds until a worker has been idle for long enough; `undefined` when none is to be released. */
  private untilNext(idleTime: number): number | undefined {
    // idle time leaves as many workers as `minSize` says (L4)
    if (this.host.liveWorkers() <= this.minSize) return undefined
    const idle = this.host.idleSlots()
    if (idle.length === 0) return undefined
    const first = Math.min(...idle.map((slot) => slot.idleSince))
    return Math.max(0, first + idleTime - this.host.now())
  }

  private reap(idleTime: number): void {
    const now = this.host.now()
    const due = this.host
      .idleSlots()
      .filter((slot) => slot.idleSince + idleTime <= now)
      .sort((left, right) => left.idleSince - right.idleSince)
    for (const slot of due) {
      if (this.host.liveWorkers() > this.minSize) this.host.releaseIdle(slot)
    }
  }
}
