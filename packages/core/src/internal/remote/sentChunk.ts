/**
 * A chunk that has been sent to a remote worker, with what is needed to hand its outcomes on.
 */
import type * as Context from "effect/Context"
import type { Chunk } from "../../WorkerRuntime.ts"
import * as realTime from "../task/realTime.ts"
import type * as codec from "../wire/codec.ts"
import type { Cell } from "../wire/control.ts"
import type * as protocol from "../wire/protocol.ts"
import type { Callers } from "./callers.ts"
import type { Watched } from "./chunkWatch.ts"
import type { Stuck } from "./stuck.ts"

/** A message that runs items of a chunk. */
export type MessageOf = (items: ReadonlyArray<unknown>, errors: ReadonlyArray<number>, parts?: number) => protocol.Run

/** What is known of a chunk before its items have been encoded. */
export type Unsent = Pick<SentChunk, "cell" | "cellNumber" | "chunk" | "codecs" | "id" | "messageOf"> & {
  readonly callers: Callers
}

export class SentChunk implements Watched {
  readonly id: number
  readonly chunk: Chunk
  readonly cell: Cell
  /** The number of its cell; -1 when none was free. */
  readonly cellNumber: number
  readonly codecs: codec.TaskCodecs
  readonly messageOf: MessageOf
  /** How many items were sent. */
  readonly count: number
  /** The positions in the chunk of the items that were sent; `undefined` when all were. */
  readonly positions: ReadonlyArray<number> | undefined
  /** Whether memory of its items was moved to the worker: then they can be neither taken back nor resent (S2). */
  readonly moved: boolean
  /** The number of the message that it was sent with. */
  number: protocol.MessageNumber
  /** When it was sent, by `realTime.now()`. */
  readonly sentAt = realTime.now()
  stuck: Stuck | undefined = undefined
  interruptedAt: number | undefined = undefined
  readonly runningSince: Map<number, number> | undefined
  seenStarted = 0
  /** How long those of its items took whose outcomes have arrived, in milliseconds. */
  millis = 0
  private readonly callers: Callers
  /** How many items have an outcome. */
  private reported = 0
  /** Which items have an outcome, by position; made when an outcome comes out of order. */
  private hasOutcome: Uint8Array | undefined = undefined

  constructor(
    { callers, cell, cellNumber, chunk, codecs, id, messageOf }: Unsent,
    number: protocol.MessageNumber,
    positions: ReadonlyArray<number> | undefined,
    moved: boolean
  ) {
    this.id = id
    this.chunk = chunk
    this.cell = cell
    this.cellNumber = cellNumber
    this.codecs = codecs
    this.messageOf = messageOf
    this.number = number
    this.count = positions?.length ?? chunk.items.length
    this.positions = positions
    this.moved = moved
    this.callers = callers
    this.runningSince = chunk.timeout === undefined ? undefined : new Map<number, number>()
  }

  /** How long ago it was sent, in milliseconds. */
  get age(): number {
    return realTime.now() - this.sentAt
  }

  /** Outcomes of `count` items have arrived, from position `from` on. Throws when it cannot be so (F6). */
  noteOutcomes(from: number, count: number): void {
    if (from + count > this.count) throw new Error(`It reported item ${from + count - 1} of ${this.count}`)
    if (from !== this.reported || this.hasOutcome !== undefined) this.noteOutOfOrder(from, count)
    this.reported += count
  }

  private noteOutOfOrder(from: number, count: number): void {
    if (count === 0) return
    this.hasOutcome ??= new Uint8Array(this.count).fill(1, 0, this.reported)
    const again = this.hasOutcome.subarray(from, from + count).indexOf(1)
    if (again >= 0) throw new Error(`It reported item ${from + again} twice`)
    this.hasOutcome.fill(1, from, from + count)
  }

  /** The positions of the items that have started, as far as that is known, and have no outcome. */
  running(): ReadonlyArray<number> {
    const running: Array<number> = []
    const started = this.cell.started ?? 0
    for (let position = this.hasOutcome === undefined ? this.reported : 0; position < started; position++) {
      if (this.hasOutcome?.[position] !== 1) running.push(position)
    }
    return running
  }

  /** The context of the caller of the item that is at position `sent` among those that were sent. */
  contextOf(sent: number): Context.Context<never> {
    return this.callers.contextOf(this.positionOf(sent))
  }

  /** The position in the chunk of the item that is at position `sent` among those that were sent. */
  positionOf(sent: number): number {
    return this.positions?.[sent] ?? sent
  }

  /** Turns `sent`, how many sent items have started, into how many of the chunk have: with unsent ones before them. */
  firstOf(sent: number): number {
    return sent === 0 ? 0 : this.positionOf(sent - 1) + 1
  }
}
