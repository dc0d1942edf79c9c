/**
 * Who has which of a runner's slots.
 */
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import type { Room } from "../link/words.ts"

/** A worker that has a slot. */
export interface Held {
  readonly driver: string
  /** Asks the driver for it back. */
  readonly askBack: () => void
  /** Kills it; completes when it has ended. */
  readonly kill: () => Promise<void>
}

export class RunnerState {
  readonly slots: number
  isDraining = false
  private readonly held = new Set<Held>()
  /** The connections of drivers that want to know of room. */
  private readonly listeners = new Set<Link>()
  private waiting: Array<() => void> = []
  /** Of each driver whose main thread is blocked, or has been: when it was last known to live. */
  private readonly stalls = new Map<string, () => number>()

  constructor(slots: number) {
    this.slots = slots
  }

  get room(): Room {
    const used = this.held.size
    return { _tag: "Room", free: this.isDraining ? 0 : Math.max(0, this.slots - used), used, draining: this.isDraining }
  }

  listen(link: Link): void {
    this.listeners.add(link)
    link.onRelease(() => this.listeners.delete(link))
    link.say(this.room)
  }

  /** Takes a slot, which there must be. */
  take(worker: Held): void {
    this.held.add(worker)
    this.tell()
  }

  release(worker: Held): void {
    if (!this.held.delete(worker)) return
    if (![...this.held].some(({ driver }) => driver === worker.driver)) this.stalls.delete(worker.driver)
    this.tell()
    if (this.held.size > 0) return
    for (const resume of this.waiting.splice(0)) resume()
  }

  /** A driver's main thread is blocked, and beats that are confirmed on this link hold its workers (K3). */
  stalled(driver: string, link: Link, beats: Beats): void {
    this.stalls.set(driver, () => beats.heldSince)
    link.onRelease(() => {
      // its workers have a lease from then on in which the main thread has to confirm theirs
      const { heldSince } = beats
      if ([...this.held].some((worker) => worker.driver === driver)) this.stalls.set(driver, () => heldSince)
      else this.stalls.delete(driver)
    })
  }

  heldSince(driver: string): number {
    return this.stalls.get(driver)?.() ?? 0
  }

  /** No new workers from now on; asks for all that there are (K8). */
  drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    this.tell()
    for (const worker of this.held) worker.askBack()
  }

  /** Resolves when no worker is left. */
  get empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.held.size === 0) resolve()
      else this.waiting.push(resolve)
    })
  }

  killAll(): Promise<unknown> {
    return Promise.all([...this.held].map((worker) => worker.kill()))
  }

  private tell(): void {
    const { room } = this
    for (const link of this.listeners) link.say(room, true)
  }
}
