/**
 * Releases workers that have been idle for as long as `keepAlive` says, the longest idle first, down to `minSize` (L4).
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Fork } from "../common/fork.ts"
import type { Turn } from "../common/turn.ts"

/** What the reaper needs to know of a slot. */
export interface IdleSlot {
  readonly isIdle: boolean
  readonly isLive: boolean
  /** By the Clock, in milliseconds. */
  readonly idleSince: number
}

export interface IdleReaperOptions<S extends IdleSlot> {
  /** How many live workers are kept, however long they have been idle. */
  readonly minSize: number
  readonly slots: () => ReadonlyArray<S>
  /** How long a worker may be idle, in milliseconds; `undefined` when idle workers are kept. */
  readonly idleTime: () => number | undefined
  /** By the Clock, in milliseconds. */
  readonly now: () => number
  readonly fork: Fork
  readonly turn: Pick<Turn, "take">
  readonly release: (slot: S) => void
}

export class IdleReaper<S extends IdleSlot> {
  private readonly options: IdleReaperOptions<S>
  private fiber: Fiber.Fiber<void> | undefined = undefined
  private idleTime: number | undefined = undefined

  constructor(options: IdleReaperOptions<S>) {
    this.options = options
  }

  /** Schedules the next release; to be called, in a turn, when a worker has fallen idle or `keepAlive` has changed. */
  update(): void {
    const idleTime = this.options.idleTime()
    if (idleTime !== this.idleTime) this.stop()
    this.idleTime = idleTime
    if (idleTime === undefined || this.fiber !== undefined) return
    const wait = this.untilNext(idleTime)
    if (wait === undefined) return
    this.fiber = this.options.fork(
      // with nothing to wait for, not at once: a call that ends meanwhile is concluded first, and may say otherwise (L5)
      Effect.map(wait === 0 ? Effect.yieldNow : Effect.sleep(wait), () =>
        this.options.turn.take(() => {
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

  private get idle(): Array<S> {
    return this.options.slots().filter(({ isIdle }) => isIdle)
  }

  private get hasSurplus(): boolean {
    return this.options.slots().filter(({ isLive }) => isLive).length > this.options.minSize
  }

  /** Milliseconds until the next worker has been idle for `idleTime`; `undefined` when none is to be released. */
  private untilNext(idleTime: number): number | undefined {
    if (!this.hasSurplus) return undefined
    const { idle } = this
    if (idle.length === 0) return undefined
    const first = Math.min(...idle.map(({ idleSince }) => idleSince))
    return Math.max(0, first + idleTime - this.options.now())
  }

  private reap(idleTime: number): void {
    const now = this.options.now()
    const due = this.idle
      .filter(({ idleSince }) => idleSince + idleTime <= now)
      .sort((left, right) => left.idleSince - right.idleSince)
    for (const slot of due) if (this.hasSurplus) this.options.release(slot)
  }
}
