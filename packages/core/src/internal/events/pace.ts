/**
 * How calls come on, looked at ten times a second while somebody listens and calls are in progress (O2): an item costs
 * nothing for that.
 */
import type { Later } from "../common/later.ts"
import type { CountedChunk, Outcomes, Tally } from "./tally.ts"

/** What it asks of a call. */
export interface PacedCall {
  readonly tally: Tally
  readonly chunks: Iterable<CountedChunk>
}

export interface PaceOptions<Call> {
  /** By the Clock. */
  readonly later: Later
  /** The calls in progress. */
  readonly calls: () => Iterable<Call>
  /** A call has come further since it was looked at. */
  readonly progressed: (call: Call, counts: Outcomes) => void
}

/** The time between two looks, in milliseconds; longer, up to the second one, while nothing comes on. */
const interval = { least: 100, most: 1000 }

export class Pace<Call extends PacedCall> {
  private readonly options: PaceOptions<Call>
  /** How many items of each call had an outcome when it was told last. */
  private readonly told = new Map<Call, number>()
  private delay = interval.least
  private cancel: (() => void) | undefined = undefined

  constructor(options: PaceOptions<Call>) {
    this.options = options
  }

  /** Begins to look, if there is a call to look at: one may have begun while nothing came on. */
  start(): void {
    if (this.cancel !== undefined && this.delay === interval.least) return
    this.cancel?.()
    this.delay = interval.least
    this.wait()
  }

  stop(): void {
    this.cancel?.()
    this.cancel = undefined
    this.told.clear()
  }

  ended(call: Call): void {
    this.told.delete(call)
  }

  private wait(): void {
    for (const _ of this.options.calls()) {
      this.cancel = this.options.later(this.delay, this.look)
      return
    }
    this.stop()
  }

  private readonly look = (): void => {
    this.cancel = undefined
    let isFaster = false
    for (const call of this.options.calls()) {
      const counts = call.tally.read(call.chunks)
      const done = counts.succeeded + counts.failed + counts.interrupted
      if (done === (this.told.get(call) ?? 0)) continue
      this.told.set(call, done)
      this.options.progressed(call, counts)
      isFaster = true
    }
    this.delay = isFaster ? interval.least : Math.min(2 * this.delay, interval.most)
    this.wait()
  }
}
