/**
 * A chunk that a fiber worker has in hand: which of its items may start, and how long they take.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type { Chunk } from "../../WorkerRuntime.ts"
import type { Lane } from "./lane.ts"
import type { Crossing } from "../wire/taskCrossing.ts"
import type { WorkerContextImpl } from "../task/workerContext.ts"

export type Task = (item: unknown, worker: WorkerContextImpl) => unknown

/** The Clock is asked once for so many items at most, because that costs more than a small item. */
const timed = 64

export class FiberChunk {
  readonly chunk: Chunk
  /** What its Effects run in. */
  readonly context: Context.Context<never>
  /** Those that take its items. */
  readonly lanes = new Set<Lane>()
  /** How many of them have yet to take their first. */
  waiting = 0
  task: Task = () => undefined
  /** What is done to items and results; nothing where it is `undefined`. */
  crossing: Crossing | undefined = undefined
  /** The state of its worker. */
  state: unknown = undefined
  /** While its task is being loaded. */
  loading: Fiber.Fiber<void> | undefined = undefined
  interrupted = false
  /** Whether its items take so long that others must have a turn after a few. */
  isSlow = false
  /** How many items have started. */
  started = 0
  /** Items from this position on do not start. */
  private limit: number
  private readonly clock: Clock.Clock
  /** How many items have ended whose time has not been told. */
  private untold = 0
  /** It is told when they are so many. */
  private tellAt: number
  /** Since when the time counts, in nanoseconds by the Clock. */
  private since = 0n

  /** `atOnce`: how many of its items may run at once. */
  constructor(chunk: Chunk, context: Context.Context<never>, atOnce: number) {
    this.chunk = chunk
    // those that run at once end at once, often enough; else the first times are of use for planning
    this.tellAt = Math.min(atOnce, timed)
    this.context = context
    this.limit = chunk.items.length
    this.clock = Context.get(chunk.context, Clock.Clock)
  }

  /** Whether no more items are to start. */
  get isSpent(): boolean {
    return this.interrupted || this.started >= this.limit
  }

  /** Whether there is something for another lane to do. */
  get wantsLane(): boolean {
    return !this.interrupted && this.limit - this.started > this.waiting
  }

  /** Starts its next item; returns the position. */
  start(): number {
    if (this.started === 0) this.since = this.clock.currentTimeNanosUnsafe()
    return this.started++
  }

  /** Lets no more than the first so many items start; returns how many have started or still may. */
  limitTo(items: number): number {
    this.limit = this.interrupted ? this.started : Math.min(this.limit, Math.max(items, this.started))
    return this.limit
  }

  /** An item has ended. */
  itemEnded(): void {
    this.untold++
    if (this.untold < this.tellAt) return
    this.tellAt = Math.min(2 * this.tellAt, timed)
    this.tellTime()
  }

  /** Tells the time of the items that have ended. */
  tellTime(): void {
    // what an interruption took says nothing of what items take
    if (this.untold === 0 || this.interrupted) return
    const now = this.clock.currentTimeNanosUnsafe()
    const millis = Number(now - this.since) / 1_000_000
    this.chunk.onTime(this.untold, millis)
    this.isSlow = millis * timed > this.untold
    this.untold = 0
    this.since = now
  }
}
