/**
 * The workers that this process lacks: slots of pools that ask for a worker, or wait until there is room for one (K6).
 */
import * as Effect from "effect/Effect"
import { clearTimeout, setTimeout } from "../common/timers.ts"

/**
 * How long a slot that waits may take until it asks again, in milliseconds. One that does not, because its pool has no work for
 * it any more, wants no worker.
 */
const patience = 300

/** A slot that lacks a worker. */
export interface Lacking {
  /** Whether it has been told that there is no room. */
  hasWaited: boolean
  /** Whether a place has been found, and a connection to it is being made. */
  isPlaced: boolean
  /** Lets it ask again, while it waits. */
  wake: (() => void) | undefined
  /** Set between its waiting and its asking again. */
  timer: ReturnType<typeof setTimeout> | undefined
}

export class Lack {
  /** In the order in which they began to ask. */
  private readonly all = new Set<Lacking>()
  private readonly onChange: () => void

  constructor(onChange: () => void) {
    this.onChange = onChange
  }

  /** How many have found no room. */
  get waiting(): number {
    return this.count(({ hasWaited, isPlaced }) => hasWaited && !isPlaced)
  }

  /** How many have no place yet. */
  get unplaced(): number {
    return this.count(({ isPlaced }) => !isPlaced)
  }

  private count(is: (lacking: Lacking) => boolean): number {
    let count = 0
    for (const lacking of this.all) if (is(lacking)) count++
    return count
  }

  /** A slot asks for a worker; one that has waited goes on as what it was. */
  ask(): Lacking {
    for (const lacking of this.all) {
      if (lacking.timer === undefined) continue
      clearTimeout(lacking.timer)
      lacking.timer = undefined
      return lacking
    }
    const lacking = { hasWaited: false, isPlaced: false, wake: undefined, timer: undefined }
    this.all.add(lacking)
    return lacking
  }

  /** It has its worker. */
  served(lacking: Lacking): void {
    clearTimeout(lacking.timer)
    if (this.all.delete(lacking)) this.onChange()
  }

  /** There is no room for it, or it does not ask any more: it counts for as long as it may take to ask again. */
  refused(lacking: Lacking): void {
    lacking.hasWaited = true
    this.leave(lacking)
    this.onChange()
  }

  /** Waits until there may be room for it. */
  readonly awaitRoom: (lacking: Lacking) => Effect.Effect<void> = (lacking) =>
    Effect.callback((resume) => {
      // another slot has gone on as this one
      const own = this.all.has(lacking) && lacking.timer === undefined ? this.another() : lacking
      clearTimeout(own.timer)
      own.timer = undefined
      this.all.add(own)
      own.wake = () => {
        own.wake = undefined
        this.leave(own)
        resume(Effect.void)
      }
      this.onChange()
      return Effect.sync(() => {
        own.wake = undefined
        this.leave(own)
      })
    })

  /** Lets so many go on that wait, those that came first. */
  wake(most: number): void {
    let left = most
    for (const { wake } of [...this.all]) {
      if (left <= 0) return
      if (wake === undefined) continue
      wake()
      left--
    }
  }

  private another(): Lacking {
    return { hasWaited: true, isPlaced: false, wake: undefined, timer: undefined }
  }

  private leave(lacking: Lacking): void {
    lacking.isPlaced = false
    clearTimeout(lacking.timer)
    lacking.timer = setTimeout(() => {
      lacking.timer = undefined
      this.served(lacking)
    }, patience)
    lacking.timer.unref()
  }
}
