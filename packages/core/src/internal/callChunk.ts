/**
 * Some of a call's items, on their way through a slot.
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type { WorkerIdentity, WorkerPoolError } from "../WorkerPoolError.ts"
import type { Chunk, Code, InHand } from "../WorkerRuntime.ts"
import type { Call } from "./call.ts"

/** What a chunk tells of its slot: that the chunk has ended, before its call hears of it. */
export interface ChunkSlot {
  readonly ended: (chunk: CallChunk) => void
  readonly progressed: () => void
  readonly interrupt: (chunk: CallChunk) => void
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
  readonly items: ReadonlyArray<unknown>
  readonly indices: ReadonlyArray<number>
  readonly alone: boolean
  /** How many items have an outcome. */
  reported = 0
  worker: WorkerIdentity = notSent
  private slot: ChunkSlot | undefined = undefined
  private isOver = false
  private readonly hasOutcome: Array<boolean>

  constructor(call: Call, { alone, first, items }: ChunkItems) {
    this.call = call
    this.items = items
    this.indices = typeof first === "number" ? items.map((_, position) => first + position) : first
    this.alone = alone
    this.hasOutcome = items.map(() => false)
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

  get reportEach(): boolean {
    const { outcome, timeout } = this.call.options
    return timeout !== undefined || outcome !== undefined
  }

  get context(): Context.Context<never> {
    return this.call.options.context
  }

  /** Says which slot has it. */
  sentTo(slot: ChunkSlot): void {
    this.slot = slot
  }

  interrupt(): void {
    this.slot?.interrupt(this)
  }

  onSuccess(position: number, value: unknown): void {
    // nothing is heard of a chunk that has been sent again
    if (this.isOver) return
    this.report(position)
    this.call.succeeded(this.indices[position]!, value)
    this.slot?.progressed()
  }

  onFailure(position: number, cause: Cause.Cause<unknown>): void {
    if (this.isOver) return
    this.fail(position, cause)
    this.slot?.progressed()
  }

  /** An item has failed, or its worker is gone with it. */
  fail(position: number, cause: Cause.Cause<unknown>): void {
    this.report(position)
    this.call.failed(this.indices[position]!, cause, this.worker)
  }

  /** The call's planning will use it. */
  onTime(_items: number, _millis: number): void {}

  onEnd(failure: WorkerPoolError | undefined): void {
    if (this.isOver) return
    this.isOver = true
    // the slot first: what it releases because of this chunk, the call waits for
    this.slot?.ended(this)
    this.call.chunkEnded(this, failure)
  }

  /** Its worker is gone. */
  lost(hand: InHand, failure: WorkerPoolError): void {
    if (this.isOver) return
    this.isOver = true
    this.slot = undefined
    this.call.chunkLost(this, hand, failure)
  }

  isReported(position: number): boolean {
    return this.hasOutcome[position]!
  }

  /** The positions of items without an outcome. */
  unreportedPositions(): Array<number> {
    return this.reported === this.items.length
      ? []
      : [...this.items.keys()].filter((position) => !this.isReported(position))
  }

  /** The items without an outcome, by their place in the input. */
  unreported(): Array<number> {
    return this.unreportedPositions().map((position) => this.indices[position]!)
  }

  private report(position: number): void {
    this.reported++
    this.hasOutcome[position] = true
  }
}
