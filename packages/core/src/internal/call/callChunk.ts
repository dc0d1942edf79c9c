/**
 * Some of a call's items, on their way through a slot.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import type { WorkerIdentity, WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Chunk, Code, InHand } from "../../WorkerRuntime.ts"
import { keepHiddenClass } from "../common/hiddenClasses.ts"
import { Releases } from "../common/releases.ts"
import type { Call } from "./call.ts"
import { ChunkSpans } from "./chunkSpans.ts"
import { type LostRunner, type Suspicion, suspicions } from "./isolation.ts"
import type { Unread } from "./resends.ts"

/** What a chunk asks of its slot, and tells it. */
export interface ChunkSlot {
  /** The chunk has ended; called before its call is told. */
  readonly ended: (chunk: CallChunk) => void
  /** `items` more items have an outcome. */
  readonly progressed: (items: number) => void
  readonly interrupt: (chunk: CallChunk) => void
  /** Lets at most the first `items` items start; returns how many have started or still may. */
  readonly limitTo: (chunk: CallChunk, items: number) => number
  /** `items` items have been taken back. */
  readonly takenBack: (items: number) => void
  /** How many of its items, the first ones, have started; `undefined` where nobody knows. */
  readonly started: (chunk: CallChunk) => number | undefined
  /** How many of its items, the first ones, may have started; `undefined` where `started` says it. */
  readonly granted: (chunk: CallChunk) => number | undefined
  /** Whether the worker has another chunk to do first, so that no item of this one can have started. */
  readonly isQueued: (chunk: CallChunk) => boolean
  /** Items of it have ended, which took that long together, in milliseconds. */
  readonly timed: (chunk: CallChunk, millis: number) => void
}

/** The items of a chunk. */
export interface ChunkItems {
  readonly items: ReadonlyArray<unknown>
  /** Their ordinals: the first one's if they are consecutive, or else one for each. */
  readonly first: number | ReadonlyArray<number>
  /** Whether its worker must run nothing else meanwhile. */
  readonly alone: boolean
  /** Default: `none`. */
  readonly suspicion?: Suspicion
}

const noWorker: WorkerIdentity = { id: -1, generation: 0 }

export class CallChunk implements Chunk {
  readonly call: Call
  items: ReadonlyArray<unknown>
  readonly alone: boolean
  readonly suspicion: Suspicion
  /** How many runners had been lost when it was given to a slot. */
  lossesBefore = 0
  /** How many items have an outcome. */
  reported = 0
  /** How many items have failed, and how many were interrupted. */
  failed = 0
  interrupted = 0
  /** Its number in its pool, once an event has told it. */
  number = 0
  /** Whether it is known that none of its items has started, nor will: for its slot's meter alone, as `since`. */
  isUnstarted = false
  /** When it was sent, or last reported. */
  since = 0
  /** How many items have no outcome and have not been taken back. */
  open: number
  /** How many items, the first ones, have not been taken back. */
  kept: number
  worker: WorkerIdentity = noWorker
  private readonly first: number | ReadonlyArray<number>
  private ownReleases: Releases | undefined = undefined
  private slot: ChunkSlot | undefined = undefined
  private spans: ChunkSpans | undefined = undefined
  private isOver = false
  private isInterrupted = false
  /** Which items have an outcome, by position; made when an outcome comes out of order. */
  private hasOutcome: Uint8Array | undefined = undefined

  static {
    const chunk = new CallChunk(undefined as never, { items: [], first: 0, alone: false })
    chunk.items = [undefined]
    chunk.lossesBefore = chunk.reported = chunk.failed = chunk.interrupted = chunk.number = 1
    chunk.since = 0.5
    chunk.open = chunk.kept = 1
    chunk.worker = { id: 0, generation: 0 }
    chunk.isUnstarted = chunk.isOver = chunk.isInterrupted = true
    keepHiddenClass(chunk)
  }

  constructor(call: Call, { alone, first, items, suspicion = suspicions.none }: ChunkItems) {
    this.call = call
    this.items = items
    this.first = first
    this.alone = alone
    this.suspicion = suspicion
    this.kept = items.length
    this.open = items.length
  }

  /** Whether its items have consecutive ordinals. */
  get isContiguous(): boolean {
    return typeof this.first === "number"
  }

  /** An item's number in its call. */
  ordinal(position: number): number {
    return typeof this.first === "number" ? this.first + position : this.first[position]!
  }

  /** The position of the item with that ordinal; -1 when it is not in the chunk, or has been taken back. */
  positionOf(ordinal: number): number {
    const position = typeof this.first === "number" ? ordinal - this.first : this.first.indexOf(ordinal)
    return position < this.kept ? Math.max(-1, position) : -1
  }

  /** Whether each of its items is a call of its own, a `run`. */
  get areRuns(): boolean {
    return this.call.policy.areRuns
  }

  /** Whether its call has set the lengths of chunks. */
  get isFixed(): boolean {
    return this.call.options.isFixed
  }

  /** Whether its slot is the one whose turn it was. */
  get isOrdered(): boolean {
    return this.call.options.dispatch === "ordered"
  }

  /** Whether it was interrupted: not every runtime tells how long what ran of it took. */
  get isCut(): boolean {
    return this.isInterrupted
  }

  /** Whether it has been sent to a worker. */
  get hasWorker(): boolean {
    return this.worker !== noWorker
  }

  index(position: number): number {
    // each `run` has one item, and never sees the others that share its call
    return this.call.policy.areRuns ? 0 : this.ordinal(position)
  }

  /** Where releases that its end causes are added, for the call to wait for. */
  get releases(): Releases {
    if (!this.call.policy.areRuns) return this.call.releases
    // of the `run`s that share the call, only those in this chunk wait
    this.ownReleases ??= new Releases(this.span)
    return this.ownReleases
  }

  /** The releases that the `run`s in it have to wait for, if there are any. */
  get releasesOfRuns(): Releases | undefined {
    return this.ownReleases
  }

  get task(): Code {
    return this.call.options.task
  }

  get timeout(): number | undefined {
    return this.call.options.timeout
  }

  get discard(): boolean {
    return this.call.options.discard
  }

  get reportInterval(): number {
    return this.call.options.reportInterval
  }

  get exactStarts(): boolean {
    return this.call.options.exactStarts ?? false
  }

  get itemTime(): number | undefined {
    return this.call.options.itemTime.mean
  }

  get context(): Context.Context<never> {
    const { options, policy } = this.call
    return this.spans?.contexts[0] ?? policy.contextOf?.(this.ordinal(0)) ?? options.context
  }

  get contexts(): ReadonlyArray<Context.Context<never>> | undefined {
    const { contextOf, haveOneContext = false } = this.call.policy
    const { length } = this.items
    if (contextOf === undefined || length === 1) return undefined
    if (this.spans !== undefined) return this.spans.contexts
    if (haveOneContext) return undefined
    const { context } = this
    let contexts: Array<Context.Context<never>> | undefined
    for (let position = 1; position < length; position++) {
      const own = contextOf(this.ordinal(position)) ?? context
      if (own === context && contexts === undefined) continue
      contexts ??= Array.from({ length }, () => context)
      contexts[position] = own
    }
    return contexts
  }

  get atCallEnd(): Set<() => void> | undefined {
    const { call } = this
    // a `run` ends with its item
    return call.isOver || call.policy.areRuns ? undefined : call.atEnd
  }

  get traceItems(): boolean {
    return this.spans !== undefined && this.call.options.traceItems
  }

  /** The span of a call that it is for, if one of them has a span. */
  get span(): Tracer.AnySpan | undefined {
    const { options, policy } = this.call
    if (policy.tracedOf === undefined) return options.traced?.span
    for (let position = 0; position < this.items.length; position++) {
      const traced = policy.tracedOf(this.ordinal(position))
      if (traced !== undefined) return traced.span
    }
    return undefined
  }

  assignedTo(slot: ChunkSlot): void {
    this.slot = slot
  }

  /** Its worker is live, and is given it now. */
  givenTo(worker: WorkerIdentity): void {
    this.worker = worker
    this.call.wasGiven = true
    if (this.call.isTraced) this.spans = this.startSpans()
  }

  private startSpans(): ChunkSpans {
    const { options, policy } = this.call
    const { tracedOf } = policy
    if (tracedOf === undefined) return new ChunkSpans([options], this.items.length, this.worker, false)
    const callers = this.items.map((_, position) => {
      const ordinal = this.ordinal(position)
      return { context: policy.contextOf?.(ordinal) ?? options.context, traced: tracedOf(ordinal) }
    })
    return new ChunkSpans(callers, 1, this.worker, true)
  }

  interrupt(): void {
    if (this.isInterrupted) return
    this.isInterrupted = true
    this.slot?.interrupt(this)
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  // What a worker tells of it is a turn of the pool each. It may come during another one: while the chunk is sent, or
  // while users' code is called that a task of another lane waits for.

  onSuccess(position: number, value: unknown): void {
    const { turn } = this.call
    if (turn.isOpen) return turn.take(() => this.succeed(position, value))
    // as `take`, without the function that this would cost each item of a fiber
    turn.begin()
    try {
      this.succeed(position, value)
    } finally {
      turn.end()
    }
  }

  onSuccesses(position: number, values: ReadonlyArray<unknown>): void {
    this.call.turn.take(() => {
      if (!this.call.policy.takesMany) {
        for (let n = 0; n < values.length; n++) this.succeed(position + n, values[n])
        return
      }
      if (this.isOver) return
      this.spans?.reported(position, values.length, Exit.void)
      this.report(position, values.length)
      this.call.allSucceeded(this, position, values)
      this.slot?.progressed(values.length)
    })
  }

  onFailure(position: number, cause: Cause.Cause<unknown>): void {
    this.call.turn.take(() => {
      if (!this.takesOutcomeOf(position)) return
      this.fail(position, cause)
      this.slot?.progressed(1)
    })
  }

  onTime(items: number, millis: number): void {
    this.call.options.itemTime.note(items, millis)
    this.call.work.millis += millis
    this.slot?.timed(this, millis)
  }

  get longerThan(): number {
    return this.call.options.longest.threshold
  }

  onLong(position: number, items: number, millis: number): void {
    const { describe, longest } = this.call.options
    longest.add(this, position, items, millis, describe)
  }

  onEnd(failure: WorkerPoolError | undefined): void {
    this.call.turn.take(() => this.end(failure))
  }

  /**
   * A worker that the pool has given up may still report items, which have been sent again meanwhile. And an input that
   * could not be sent fails at the end of the turn, in which the item may have been taken back: it fails elsewhere then.
   */
  private takesOutcomeOf(position: number): boolean {
    return !this.isOver && position < this.kept
  }

  private succeed(position: number, value: unknown): void {
    if (!this.takesOutcomeOf(position)) return
    this.spans?.reported(position, 1, Exit.void)
    if (position === this.reported && this.hasOutcome === undefined) {
      // in order, as most come
      this.reported++
      this.open--
    } else {
      this.report(position, 1)
    }
    this.call.succeeded(this, position, value)
    this.slot?.progressed(1)
  }

  /** An item has failed, or its worker is gone with it. */
  fail(position: number, cause: Cause.Cause<unknown>): void {
    this.spans?.reported(position, 1, Exit.failCause(cause))
    // what was interrupted has not failed
    if (Cause.hasInterruptsOnly(cause)) this.interrupted++
    else this.itemFailed(position, cause)
    this.report(position, 1)
    this.call.failed(this, position, cause)
  }

  private itemFailed(position: number, cause: Cause.Cause<unknown>): void {
    this.failed++
    const { events } = this.call.options
    if (events.isWatched) events.itemFailed(this, position, cause)
  }

  /** It has ended; `failure` is why its items without an outcome could not start, if that is so. */
  end(failure: WorkerPoolError | undefined): void {
    if (this.isOver) return
    this.isOver = true
    if (failure !== undefined && this.reported === 0) this.isUnstarted = true
    this.spans?.end(failure === undefined ? (this.isInterrupted ? Exit.interrupt() : Exit.void) : Exit.fail(failure))
    // the slot first: the call waits for what the slot releases because of this chunk (L8)
    this.slot?.ended(this)
    this.call.chunkEnded(this, failure)
    this.dropItems()
  }

  /**
   * Its worker is gone; `unread` says whether the worker had started nothing that it had been sent (F2), `lostRunner`
   * that more was lost than the worker (K4).
   */
  lost(hand: InHand, failure: WorkerPoolError, unread: Unread, lostRunner?: LostRunner): void {
    if (this.isOver) return
    this.isOver = true
    this.spans?.end(Exit.fail(failure))
    this.slot = undefined
    this.call.chunkLost(this, hand, failure, unread, lostRunner)
    this.dropItems()
  }

  /** Drops the items, so that stale references to a finished chunk do not keep them in memory. */
  private dropItems(): void {
    this.items = []
  }

  isReported(position: number): boolean {
    return this.hasOutcome === undefined ? position < this.reported : this.hasOutcome[position] === 1
  }

  /** The positions of items without an outcome. */
  unreportedPositions(): Array<number> {
    const positions: Array<number> = []
    if (this.open === 0) return positions
    for (let position = 0; position < this.kept; position++) if (!this.isReported(position)) positions.push(position)
    return positions
  }

  /** The indices, as errors tell them, of items without an outcome. */
  unreportedIndices(): Array<number> {
    return this.unreportedPositions().map((position) => this.index(position))
  }

  private report(position: number, items: number): void {
    if (this.hasOutcome === undefined && position !== this.reported) {
      this.hasOutcome = new Uint8Array(this.items.length).fill(1, 0, this.reported)
    }
    this.hasOutcome?.fill(1, position, position + items)
    this.reported += items
    this.open -= items
  }

  // ---------------------------------------------------------------------------
  // Taking back
  // ---------------------------------------------------------------------------

  /** About how many of its items have not started, and may be taken back. */
  get waiting(): number {
    if (this.slot === undefined || this.alone) return 0
    const started = this.slot.isQueued(this) ? 0 : this.reported + 1
    return Math.max(0, this.kept - started)
  }

  /** How many of its items certainly have not started, where a worker is granted what it may start (K13); else any number. */
  get ungranted(): number {
    const granted = this.slot?.granted(this)
    return granted === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.kept - granted)
  }

  /** Whether the item at a position has started, and none after it will. */
  hasStartedLast(position: number): boolean {
    const started = this.slot?.started(this)
    return started !== undefined && position === started - 1 && this.kept <= started
  }

  /**
   * Takes back those items from position `limit` on that have not started; they go back to the call (C1, F2). Returns
   * how many these are.
   */
  takeBack(limit: number): number {
    if (this.isOver || this.slot === undefined || limit >= this.kept) return 0
    const { kept: before, open } = this
    const kept = this.slot.limitTo(this, limit)
    if (kept >= before) return 0
    this.kept = kept
    if (kept === 0) this.isUnstarted = true
    this.spans?.takenBack(kept, before)
    // an item may have an outcome without having started: its input could not be sent
    for (let position = kept; position < before; position++) if (!this.isReported(position)) this.open--
    this.slot.takenBack(open - this.open)
    this.call.takenBack(this, kept, before)
    return open - this.open
  }
}
