/**
 * The chunks that a worker has, in the order in which it begins them, and which of their items may be taken back (C1).
 */
import { type Call, chunksInTime } from "../call/call.ts"
import type { CallChunk } from "../call/callChunk.ts"
import { mostAhead } from "../common/mostAhead.ts"

export class InFlight implements Iterable<CallChunk> {
  /** How many of their items have no outcome and have not been taken back. */
  items = 0
  private readonly tasksPerWorker: number
  private readonly chunks = new Set<CallChunk>()
  /** How many of the chunks must have the worker to themselves. */
  private aloneChunks = 0

  constructor(tasksPerWorker: number) {
    this.tasksPerWorker = tasksPerWorker
  }

  get size(): number {
    return this.chunks.size
  }

  /** Whether the worker may be given nothing beside what it has. */
  get isReserved(): boolean {
    return this.aloneChunks > 0
  }

  /** How much the worker has to do: 0 when it is idle, below `tasksPerWorker` when it can begin another chunk. */
  get load(): number {
    // with one task per worker, a chunk occupies it until the chunk has ended, whatever items are left
    return this.tasksPerWorker === 1 ? this.chunks.size : this.items
  }

  /**
   * Whether a worker that is busy may be given another chunk: a second one, so that it does not idle between messages, and as
   * many more as fill the time for which messages are on their way, where it is `lag` milliseconds away and back.
   */
  hasRoom(lag: number): boolean {
    if (lag === 0) return this.chunks.size === 1
    if (this.chunks.size >= mostAhead) return false
    let work = 0
    let first = true
    for (const { call, open } of this.chunks) {
      // how long the first has been running nobody knows
      if (!first) work += open * (call.options.itemTime.mean ?? Number.POSITIVE_INFINITY)
      first = false
    }
    return work < chunksInTime(lag)
  }

  /** Iterates over a copy, because chunks may end meanwhile. */
  [Symbol.iterator](): Iterator<CallChunk> {
    return [...this.chunks][Symbol.iterator]()
  }

  has(chunk: CallChunk): boolean {
    return this.chunks.has(chunk)
  }

  add(chunk: CallChunk): void {
    this.chunks.add(chunk)
    this.items += chunk.items.length
    if (chunk.alone) this.aloneChunks++
  }

  /** Removes a chunk that has ended; returns whether it was there. */
  delete(chunk: CallChunk): boolean {
    if (!this.chunks.delete(chunk)) return false
    this.items -= chunk.open
    if (chunk.alone) this.aloneChunks--
    return true
  }

  takeAll(): ReadonlyArray<CallChunk> {
    const chunks = [...this.chunks]
    this.chunks.clear()
    this.items = 0
    this.aloneChunks = 0
    return chunks
  }

  /** Whether the worker has another chunk to do first, so that no item of this one can have started. */
  isQueued(chunk: CallChunk): boolean {
    if (this.tasksPerWorker > 1) return false
    for (const first of this.chunks) return first !== chunk
    return false
  }

  /** Takes back all that the worker has not begun, but what must run there. */
  takeBackUnstarted(): void {
    for (const chunk of this) if (!chunk.isOrdered) chunk.takeBack(0)
  }

  /** Takes back the chunks that the worker has not begun, for other workers. */
  takeBackQueued(): void {
    for (const chunk of this) if (this.isQueued(chunk)) chunk.takeBack(0)
  }

  /**
   * Takes items back from other calls' chunks, so that `call` gets its turn here soon: each of these calls keeps the
   * items of one turn, or, on a second look (`isLate`), only those that may have started. Returns whether a second look
   * could take back more.
   */
  makeWay(call: Call, isLate: boolean): boolean {
    let isMore = false
    for (const chunk of this) {
      const { options, turnLength } = chunk.call
      // what "ordered" gave to a slot stays there (L2)
      if (chunk.call === call || chunk.alone || options.dispatch === "ordered") continue
      // items that may have started stay, and as a rule what its call gets done in a turn; the rest is taken back (C1)
      const least = this.isQueued(chunk) ? 0 : this.tasksPerWorker
      chunk.takeBack(least === 0 || isLate ? least : Math.max(turnLength, least))
      isMore ||= !isLate && chunk.waiting > 0
    }
    return isMore
  }
}
