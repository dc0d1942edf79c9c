/**
 * Whose chunks were that have ended while their calls go on: a fiber that an item has detached may tell of something still,
 * which its caller is to have (O3). Nothing is kept of a call that has ended.
 */
import type * as Context from "effect/Context"

/** How many of a worker's chunks are known once they have ended: a call can have any number. */
const most = 256

interface Ended {
  readonly context: Context.Context<never>
  /** What its call calls at its end. */
  readonly atCallEnd: Set<() => void>
  readonly forget: () => void
}

export class EndedChunks {
  private readonly ended = new Map<number, Ended>()

  /** A chunk has ended, whose items all have that caller. */
  add(id: number, context: Context.Context<never>, atCallEnd: Set<() => void>): void {
    const forget = () => void this.ended.delete(id)
    this.ended.set(id, { context, atCallEnd, forget })
    atCallEnd.add(forget)
    if (this.ended.size <= most) return
    for (const [oldest, { atCallEnd, forget }] of this.ended) {
      this.ended.delete(oldest)
      atCallEnd.delete(forget)
      return
    }
  }

  contextOf(id: number): Context.Context<never> | undefined {
    return this.ended.get(id)?.context
  }

  /** Nothing is told any more: calls that go on do not keep what is known of their chunks. */
  clear(): void {
    for (const { atCallEnd, forget } of this.ended.values()) atCallEnd.delete(forget)
    this.ended.clear()
  }
}
