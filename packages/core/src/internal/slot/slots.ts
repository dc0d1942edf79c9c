/**
 * A pool's slots: as many as its size, and those that it has shrunk below, until their workers have been released.
 */
import * as Effect from "effect/Effect"
import type { Hooks } from "./hooks.ts"
import type { Releases } from "../common/releases.ts"
import { Slot, type SlotHost } from "./slot.ts"

export class Slots {
  private readonly host: SlotHost
  /** By their number. */
  private readonly all: Array<Slot> = []
  private current: ReadonlyArray<Slot> = []

  constructor(host: SlotHost, size: number) {
    this.host = host
    this.grow(size)
  }

  /** Those that may get chunks. */
  get active(): ReadonlyArray<Slot> {
    return this.current
  }

  get size(): number {
    return this.current.length
  }

  get live(): ReadonlyArray<Slot> {
    return this.all.filter((slot) => slot.isLive)
  }

  get starting(): number {
    return this.all.filter((slot) => slot.isStarting).length
  }

  get isEmpty(): boolean {
    return this.all.every((slot) => slot.isEmpty)
  }

  /** Grows at once; shrinks as slots fall free. */
  resize(size: number, releases: Releases): void {
    const surplus = this.current.slice(size)
    this.grow(size)
    for (const slot of surplus) slot.withdraw(releases)
  }

  /** Releases every worker, with these hooks. */
  retireAll(releases: Releases, hooks: Hooks): void {
    for (const slot of this.all) slot.retire(releases, hooks)
  }

  /** Completes when no worker that is gone has yet to end. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.all, (slot) => slot.settled, { discard: true })
  )

  /** The pool is closed. */
  dispose(): void {
    for (const slot of this.all) slot.dispose()
  }

  /** Marks every worker as killed at once; the Effects end them. */
  killAll() {
    return this.all.map((slot) => slot.kill())
  }

  private grow(size: number): void {
    for (let id = this.size; id < size; id++) {
      const slot = this.all[id]
      if (slot === undefined) this.all.push(new Slot(id, this.host))
      else slot.restore()
    }
    this.current = this.all.slice(0, size)
  }
}
