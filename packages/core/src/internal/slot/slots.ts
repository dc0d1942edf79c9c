/**
 * A pool's slots: as many as its size, and those that it has shrunk below, whose workers may have yet to be released.
 */
import * as Effect from "effect/Effect"
import type { Releases } from "../common/releases.ts"
import type { Hooks } from "./hooks.ts"
import { Slot, type SlotOptions } from "./slot.ts"

export class Slots {
  private readonly options: SlotOptions
  /** By their ids; those that the pool has shrunk below stay, for when it grows again. */
  private readonly all: Array<Slot> = []
  private current: ReadonlyArray<Slot> = []

  constructor(options: SlotOptions, size: number) {
    this.options = options
    this.grow(size)
  }

  /** The slots that may get chunks. */
  get active(): ReadonlyArray<Slot> {
    return this.current
  }

  get size(): number {
    return this.current.length
  }

  get live(): ReadonlyArray<Slot> {
    return this.all.filter((slot) => slot.isLive)
  }

  /** All that there are, and those that the pool has shrunk below. */
  get everyone(): ReadonlyArray<Slot> {
    return this.all
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

  /** Releases every worker, with `hooks`. */
  retireAll(releases: Releases, hooks: Hooks): void {
    for (const slot of this.all) slot.retire(releases, hooks)
  }

  /** Other hooks may have become current. */
  reconsider(): void {
    for (const slot of this.all) slot.reconsider()
  }

  /** The hooks that its workers were or are being acquired with. */
  get acquiredWith(): ReadonlyArray<Hooks> {
    return this.all.flatMap(({ acquiredWith }) => acquiredWith ?? [])
  }

  /** Completes when nothing is being released, and every worker that was lost or killed has really ended. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.all, (slot) => slot.settled(), { discard: true })
  )

  /** The pool is closed. */
  dispose(): void {
    for (const slot of this.all) slot.dispose()
  }

  /** Marks every worker as killed at once; the Effects end them. */
  killAll(): ReadonlyArray<Effect.Effect<void>> {
    return this.all.map((slot) => slot.kill())
  }

  private grow(size: number): void {
    for (let id = this.size; id < size; id++) {
      const slot = this.all[id]
      if (slot === undefined) this.all.push(new Slot(id, this.options))
      else slot.restore()
    }
    this.current = this.all.slice(0, size)
  }
}
