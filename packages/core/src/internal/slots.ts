/**
 * A pool's slots: as many as its size, and those that it has shrunk below, until their workers have been released.
 */
import type { WorkerPoolError } from "../WorkerPoolError.ts"
import type { Hooks } from "./options.ts"
import type { Releases } from "./releases.ts"
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

  /** Why no slot acquires a worker for a while, where none has one (L10). */
  get refusal(): WorkerPoolError | undefined {
    const refusals = this.current.map(({ refusal }) => refusal)
    return refusals.includes(undefined) ? undefined : refusals[0]
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
