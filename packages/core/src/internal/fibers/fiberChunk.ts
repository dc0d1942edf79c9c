/**
 * A chunk of a fiber worker: which of its items may still start, and how long they take.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type { Chunk } from "../../WorkerRuntime.ts"
import { Tracing } from "../common/tracing.ts"
import type { WorkerContextImpl } from "../task/workerContext.ts"
import type { Crossing } from "../wire/taskCrossing.ts"
import type { Lane } from "./lane.ts"

export type Task = (item: unknown, worker: WorkerContextImpl) => unknown

/** `onTime` is told about this many items at once, or a few more. */
const longestBatch = 64

/**
 * Asking the Clock costs about as much as a small item, so a lane asks it once for `items` items that take less than
 * `millis` milliseconds each: which of them took long is then not known.
 */
const perReading = { items: 16, millis: 0.02 }

/** How many items in a row may run without a fiber operation before the lane yields to other fibers. */
const turns = { quick: 512, slow: 64 }

/** An item that takes longer than this on average is slow, in milliseconds. */
const slowItem = 1 / 64

export class FiberChunk {
  readonly chunk: Chunk
  /** The context that its Effects run in. */
  readonly context: Context.Context<never>
  /** The worker's state, for its tasks. */
  readonly state: unknown
  /** The lanes that run its items. */
  readonly lanes = new Set<Lane>()
  /** How many lanes have been opened for it and have yet to begin. */
  lanesToBegin = 0
  /** The fiber that loads its task, until that has been loaded. */
  loading: Fiber.Fiber<void> | undefined = undefined
  task: Task = () => undefined
  /** How items, results and failures are cloned or encoded; `undefined` when they are handed on as they are. */
  crossing: Crossing | undefined = undefined
  /** How many items in a row may run before the lane yields: see `turns`. */
  itemsPerTurn = turns.quick
  isInterrupted = false
  /** Stops waiting for its items to give up those that do not yield. */
  stopWatching: () => void = () => {}
  /** How many items have started. */
  started = 0
  /** Items from this position on do not start. */
  private limit: number
  /** What makes spans for its items, where they have some. */
  readonly tracing: Tracing | undefined
  /** Whether several lanes may run its items. */
  readonly isShared: boolean
  private readonly clock: Clock.Clock
  /** How many items have ended that `onTime` has not been told about. */
  private untimed = 0
  /** From how many on `onTime` is told about them. */
  private batch: number
  /** When the first of them began, and when a lane last asked the Clock. */
  private batchStart = 0
  private lastLook = 0

  /** `lanes` is how many of its items may run at once. */
  constructor(chunk: Chunk, context: Context.Context<never>, state: unknown, lanes: number) {
    this.chunk = chunk
    this.context = context
    this.state = state
    this.limit = chunk.items.length
    this.isShared = lanes > 1
    this.tracing = chunk.traceItems === true ? Tracing.of(chunk.context) : undefined
    this.clock = Context.get(chunk.context, Clock.Clock)
    // one item per lane, because these often end together; few at first, because the pool waits for times to plan by
    this.batch = Math.min(lanes, longestBatch)
  }

  /** Whether no more items are to start. */
  get isSpent(): boolean {
    return this.started >= this.limit
  }

  /** Whether another lane would find an item to start. */
  get wantsLane(): boolean {
    return this.limit - this.started > this.lanesToBegin
  }

  /** Starts its next item; returns the position. */
  start(): number {
    return this.started++
  }

  /** A lane begins, or goes on after others have run; returns what the Clock says. */
  resume(): number {
    const now = this.now()
    if (this.started === 0) this.batchStart = now
    return now
  }

  /** In milliseconds, by the Clock; never goes back. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  /** Lets at most the first `items` items start; returns how many have started or still may. */
  limitTo(items: number): number {
    this.limit = Math.min(this.limit, Math.max(items, this.started))
    return this.limit
  }

  interrupt(): void {
    // those that have ended have taken as long as they have, whatever becomes of the others (O5)
    this.tellTime()
    this.isInterrupted = true
    this.limitTo(0)
  }

  /**
   * A lane has asked the Clock, which says `now`: its `items` items that have ended since it asked before, one after
   * another from `position` on, took `millis` milliseconds together (O1). Returns after how many it is to ask again.
   */
  took(position: number, items: number, millis: number, now: number): number {
    this.lastLook = now
    this.untimed += items
    if (this.untimed >= this.batch) {
      this.batch = Math.min(2 * this.batch, longestBatch)
      this.tellTime()
    }
    if (millis > this.chunk.longerThan) this.chunk.onLong(position, items, millis)
    return millis < perReading.millis * items ? perReading.items : 1
  }

  /**
   * An item has been interrupted, whose time says nothing about how long items take, and the Clock says `now`; a lane had
   * `items` short ones before it, since it asked the Clock.
   */
  cut(items: number, now: number): void {
    this.untimed += items
    this.tellTime()
    this.lastLook = now
    this.batchStart = now
  }

  /** Tells `onTime` how long the items took that have ended since it was told last. */
  tellTime(): void {
    if (this.untimed === 0) return
    const millis = this.lastLook - this.batchStart
    this.chunk.onTime(this.untimed, millis)
    this.itemsPerTurn = millis > slowItem * this.untimed ? turns.slow : turns.quick
    this.untimed = 0
    this.batchStart = this.lastLook
  }
}
