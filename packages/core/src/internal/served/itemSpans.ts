/**
 * Tells when items begin and end, for their spans: also of tasks that are plain functions, in workers without Effect (O3).
 * Free of Effect.
 */
import * as realTime from "../task/realTime.ts"
import type { ItemsEnded, ItemsRecord } from "../wire/observed.ts"
import type { Observer } from "./observer.ts"
import { nextSpanId } from "./spanIds.ts"

type Begun = [position: number, id: string, start: number, end: number | undefined]

/** The spans of the items of a chunk. */
export class ItemSpans {
  private readonly chunk: number
  private readonly observer: Pick<Observer, "add" | "added">
  /** Those that have not been told, by their positions. */
  private begun = new Map<number, Begun>()
  private ends: Array<readonly [position: number, end: number]> = []

  constructor(chunk: number, observer: Pick<Observer, "add" | "added">) {
    this.chunk = chunk
    this.observer = observer
  }

  /** An item begins; returns the id of its span. */
  begin(position: number): string {
    const id = nextSpanId()
    const isFirst = this.begun.size === 0
    this.begun.set(position, [position, id, time(), undefined])
    if (isFirst) this.observer.add(this.tellBegun, false)
    else this.observer.added()
    return id
  }

  end(position: number): void {
    const begun = this.begun.get(position)
    if (begun !== undefined) {
      begun[3] = time()
      return this.observer.added()
    }
    if (this.ends.push([position, time()]) === 1) this.observer.add(this.tellEnded, false)
    else this.observer.added()
  }

  private readonly tellBegun = (): ItemsRecord => {
    const items = [...this.begun.values()]
    this.begun = new Map()
    return { _tag: "Items", chunk: this.chunk, position: items[0]?.[0] ?? 0, items }
  }

  private readonly tellEnded = (): ItemsEnded => {
    const items = this.ends
    this.ends = []
    return { _tag: "ItemsEnded", chunk: this.chunk, position: items[0]?.[0] ?? 0, items }
  }
}

/** What the wall clock said when `realTime.now()` was 0. */
let origin = Number.NEGATIVE_INFINITY

/** By the wall clock, in milliseconds, but finer than it is, as Effect's Clock tells it. */
const time = (): number => {
  const now = realTime.now()
  const wall = realTime.wallClock()
  // it may be set
  if (Math.abs(wall - origin - now) > 1000) origin = wall - now
  return origin + now
}
