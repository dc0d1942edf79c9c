/**
 * Who has which of a runner's slots.
 */
import { Link } from "../link/link.ts"
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
    this.tell()
    if (this.held.size > 0) return
    for (const resume of this.waiting.splice(0)) resume()
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
