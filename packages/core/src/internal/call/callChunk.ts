/**
 * Some of a call's items, on their way through a slot.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type { WorkerIdentity, WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Chunk, Code, InHand } from "../../WorkerRuntime.ts"
import type { Call } from "./call.ts"
import { Releases } from "../common/releases.ts"

/** What a chunk tells of its slot: that the chunk has ended, before its call hears of it. */
export interface ChunkSlot {
  readonly ended: (chunk: CallChunk) => void
  /** So many items have an outcome. */
  readonly progressed: (items: number) => void
  readonly interrupt: (chunk: CallChunk) => void
  /** Lets no more than the first so many items start; returns how many have started or still may. */
  readonly limitTo: (chunk: CallChunk, items: number) => number
  /** So many items have been taken back. */
  readonly tookBack: (items: number) => void
  /** How many of its items have started; `undefined` where nobody knows. */
  readonly started: (chunk: CallChunk) => number | undefined
  /** Whether others are before it. */
  readonly isAhead: (chunk: CallChunk) => boolean
}

/** The items of a chunk. */
export interface ChunkItems {
  readonly items: ReadonlyArray<unknown>
  /** Their places in the input: one after another from the first on, or each by itself. */
  readonly first: number | ReadonlyArray<number>
  /** Whether its worker must run nothing else meanwhile. */
  readonly alone: boolean
}

const notSent: WorkerIdentity = { id: -1, generation: 0 }

export class CallChunk implements Chunk {
  readonly call: Call
  items: ReadonlyArray<unknown>
  readonly alone: boolean
  /** How many items have an outcome. */
  reported = 0
  /** How many have none and have not been taken back. */
  open: number
  /** How many items, the first ones, have not been taken back. */
  kept: number
  worker: WorkerIdentity = notSent
  private readonly first: number | ReadonlyArray<number>
  private ownReleases: Releases | undefined = undefined
  private slot: ChunkSlot | undefined = undefined
  private isOver = false
  private isInterrupted = false
  /** Which items have an outcome, once they have not come in order. */
  private hasOutcome: Uint8Array | undefined = undefined

  constructor(call: Call, { alone, first, items }: ChunkItems) {
    this.call = call
    this.items = items
    this.first = first
    this.alone = alone
    this.kept = items.length
    this.open = items.length
  }

  /** Whether its items stand one after another in the call as they do here. */
  get isContiguous(): boolean {
    return typeof this.first === "number"
  }

  /** An item's place in its call. */
  ordinal(position: number): number {
    return typeof this.first === "number" ? this.first + position : this.first[position]!
  }

  /** The position of the item with that place; -1 when there is none that has not been taken back. */
  positionOf(ordinal: number): number {
    const position = typeof this.first === "number" ? ordinal - this.first : this.first.indexOf(ordinal)
    return position < this.kept ? Math.max(-1, position) : -1
  }

  /** Whether a worker has it. */
  get isSent(): boolean {
    return this.worker !== notSent
  }

  index(position: number): number {
    // each `run` has one item
    return this.call.areRuns ? 0 : this.ordinal(position)
  }

  /** What its end releases: its call waits for that. */
  get releases(): Releases {
    if (!this.call.areRuns) return this.call.releases
    // of the `run`s that share a call, only those wait that had to do with it
    this.ownReleases ??= new Releases()
    return this.ownReleases
  }

  /** The same, if there are any. */
  get caused(): Releases | undefined {
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

  get context(): Context.Context<never> {
    return this.call.options.context
  }

  /** Says which slot has it. */
  sentTo(slot: ChunkSlot): void {
    this.slot = slot
  }

  interrupt(): void {
    if (this.isInterrupted) return
    this.isInterrupted = true
    this.slot?.interrupt(this)
  }

  onSuccess(position: number, value: unknown): void {
    // nothing is heard of a chunk that has been sent again
    if (this.isOver) return
    this.report(position, 1)
    this.call.succeeded(this, position, value)
    this.slot?.progressed(1)
  }

  onSuccesses(position: number, values: ReadonlyArray<unknown>): void {
    if (this.isOver) return
    if (!this.call.takesAll) {
      for (let n = 0; n < values.length; n++) this.onSuccess(position + n, values[n])
      return
    }
    this.report(position, values.length)
    this.call.allSucceeded(this, position, values)
    this.slot?.progressed(values.length)
  }

  onFailure(position: number, cause: Cause.Cause<unknown>): void {
    if (this.isOver) return
    this.fail(position, cause)
    this.slot?.progressed(1)
  }

  /** An item has failed, or its worker is gone with it. */
  fail(position: number, cause: Cause.Cause<unknown>): void {
    this.report(position, 1)
    this.call.failed(this, position, cause)
  }

  onTime(items: number, millis: number): void {
    this.call.options.itemTime.note(items, millis)
  }

  onEnd(failure: WorkerPoolError | undefined): void {
    if (this.isOver) return
    this.isOver = true
    // the slot first: what it releases because of this chunk, the call waits for
    this.slot?.ended(this)
    this.call.chunkEnded(this, failure)
    this.forget()
  }

  /** Its worker is gone. */
  lost(hand: InHand, failure: WorkerPoolError): void {
    if (this.isOver) return
    this.isOver = true
    this.slot = undefined
    this.call.chunkLost(this, hand, failure)
    this.forget()
  }

  /** About how many of its items have not started: those that may be taken back. */
  get waiting(): number {
    if (this.slot === undefined || this.alone) return 0
    const started = this.slot.isAhead(this) ? 0 : this.reported + 1
    return Math.max(0, this.kept - started)
  }

  /** Whether the item at a position is the last one that starts, and has started. */
  hasStartedLast(position: number): boolean {
    const started = this.slot?.started(this)
    return started !== undefined && position === started - 1 && this.kept <= started
  }

  /** Lets no more than the first so many items start; its call has the others again, how many is returned. */
  takeBack(items: number): number {
    if (this.isOver || this.slot === undefined || items >= this.kept) return 0
    const { kept: before, open } = this
    const kept = this.slot.limitTo(this, items)
    // it had not started, and has ended by that
    if (this.isOver) return open
    if (kept >= before) return 0
    this.kept = kept
    // some may have an outcome already: an input that cannot be sent never starts
    for (let position = kept; position < before; position++) if (!this.isReported(position)) this.open--
    this.slot.tookBack(open - this.open)
    this.call.tookBack(this, kept, before)
    return open - this.open
  }

  /** Whatever still leads here, though it is of no use any more, is not to keep the items for the garbage collector's leisure. */
  private forget(): void {
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

  /** The items without an outcome, by their place in the input. */
  unreported(): Array<number> {
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
}
