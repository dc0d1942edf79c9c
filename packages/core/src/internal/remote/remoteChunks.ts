/**
 * The chunks that a remote worker has: their items on the way there, their outcomes on the way back.
 */
import * as Cause from "effect/Cause"
import type { Connection, Transferable } from "../../Channel.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, InHand } from "../../WorkerRuntime.ts"
import { ChunkWatch, type Overdue, type Watched, type WatchLimits } from "./chunkWatch.ts"
import type * as codec from "../wire/codec.ts"
import { Cell, phases } from "../wire/control.ts"
import * as crossing from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import type { KnownAddresses } from "./knownAddresses.ts"
import * as errors from "../common/errors.ts"
import * as portable from "../task/portable.ts"
import type * as protocol from "../wire/protocol.ts"
import * as taskCrossing from "../wire/taskCrossing.ts"
import { brief } from "../wire/timers.ts"

/** What the chunks need of their worker. */
export interface ChunksHost extends WatchLimits {
  readonly worker: WorkerIdentity
  readonly addresses: KnownAddresses
  readonly connection: Connection
  /** How many chunks may have cells. */
  readonly cells: number
  /** How many of those it does without while their chunks are over here but not there. */
  readonly spareCells: number
  readonly send: (message: protocol.ToWorker, transfers?: Array<Transferable>) => void
  /** Whether there are chunks may have changed. */
  readonly busyChanged: () => void
  /** Something has been going on for too long: the worker is to be killed. */
  readonly overdue: (overdue: Overdue) => void
}

/** A chunk that the worker has, with what is needed to hand its outcomes on. */
interface Sent extends Watched {
  readonly codecs: codec.TaskCodecs
  /** The positions of the items that were sent, when not all were. */
  readonly positions: ReadonlyArray<number> | undefined
  readonly place: number
  readonly moved: boolean
  /** How long its items took, as far as the worker has said, in milliseconds. */
  millis: number
  /** Whether its call has been told already that it has ended; the worker has yet to say so. */
  isOver: boolean
}

export class RemoteChunks {
  private readonly host: ChunksHost
  private readonly sentChunks = new Map<number, Sent>()
  private readonly ids = new Map<Chunk, number>()
  private readonly freeCells: Array<number>
  private readonly watch: ChunkWatch
  private nextChunk = 0
  /** Whether the last chunk took no longer than to wake a thread: the next may be like it. */
  private areBrief = false
  /** How many chunks are over here but not there. */
  private over = 0

  constructor(host: ChunksHost) {
    this.host = host
    this.freeCells = Array.from({ length: host.cells }, (_, place) => place)
    this.watch = new ChunkWatch(host, () => this.current, host.overdue)
  }

  private get current(): ReadonlyArray<Sent> {
    return [...this.sentChunks.values()].filter(({ isOver }) => !isOver)
  }

  get size(): number {
    return this.sentChunks.size
  }

  run(chunk: Chunk): void {
    const { schemas, slices } = portable.definition(chunk.task)
    const codecs = taskCrossing.codecsOf(chunk.task, this.host.connection.shares ?? false)
    const id = this.nextChunk++
    let task: protocol.Reference
    try {
      task = this.host.addresses.tell(chunk.task)
    } catch (cause) {
      return chunk.onEnd(crossing.notSerializable("input", undefined, cause))
    }
    const { control } = this.host.connection
    const place = this.freeCells.pop() ?? -1
    const cell = new Cell(place < 0 ? undefined : control, place, id)
    const send = (items: ReadonlyArray<unknown>, errors: ReadonlyArray<number>, transfers: Array<Transferable>) => {
      cell.open(items.length)
      this.host.send(
        {
          _tag: "Run",
          chunk: id,
          cell: place,
          task,
          items,
          errors,
          encoded: schemas !== undefined,
          slices,
          timeout: chunk.timeout,
          discard: chunk.discard,
          reportInterval: chunk.reportInterval
        },
        transfers
      )
    }
    this.ids.set(chunk, id)
    if (codecs.input === undefined && !chunk.items.some(isError)) {
      try {
        send(chunk.items, [], [])
        return this.sent(id, { chunk, codecs, cell, place, positions: undefined, moved: false })
      } catch {
        /* some item cannot be cloned: find out which, because only that one fails (F4) */
      }
    }
    const items: Array<unknown> = []
    const errors: Array<number> = []
    const positions: Array<number> = []
    const transfers: Array<Transferable> = []
    chunk.items.forEach((item, position) => {
      try {
        if (codecs.input !== undefined) {
          items.push(codecs.input.encode(item, transfers))
        } else if (isError(item)) {
          items.push(this.checked(failure.encode(item)))
          errors.push(items.length - 1)
        } else {
          items.push(this.checked(item))
        }
        positions.push(position)
      } catch (cause) {
        this.failInput(chunk, position, cause)
      }
    })
    // that an item failed may have ended the call
    if (items.length === 0 || this.isInterrupted(chunk)) return this.notSent(chunk, place)
    try {
      send(items, errors, transfers)
      const moved = transfers.length > 0 && (this.host.connection.moves ?? true)
      this.sent(id, { chunk, codecs, cell, place, positions, moved })
    } catch (cause) {
      for (const position of positions) this.failInput(chunk, position, cause)
      this.notSent(chunk, place)
    }
  }

  interrupt(chunk: Chunk): void {
    const id = this.ids.get(chunk)
    if (id === undefined) return
    const sent = this.sentChunks.get(id)
    if (sent === undefined) {
      // it is about to be sent
      this.ids.delete(chunk)
      return
    }
    // seen between two items, however busy the worker is
    sent.cell.interrupt()
    this.host.send({ _tag: "Interrupt", chunk: id })
    if (!this.endUnstarted(sent)) this.watch.interrupted(sent)
  }

  /** Lets no more than the first so many items of a chunk start; returns how many have started or still may. */
  limitTo(chunk: Chunk, items: number): number {
    const id = this.ids.get(chunk)
    const sent = id === undefined ? undefined : this.sentChunks.get(id)
    // what has been moved to the worker cannot be taken back (S2)
    if (sent === undefined || !sent.cell.isKnown || sent.moved || sent.interruptedAt !== undefined) {
      return chunk.items.length
    }
    const { cell, positions } = sent
    if (positions !== undefined) {
      const wanted = positions.filter((position) => position < items).length
      const kept = cell.limitTo(wanted)
      return kept <= wanted ? items : positions[kept - 1]! + 1
    }
    const kept = cell.limitTo(items)
    if (kept === 0) this.endUnstarted(sent)
    return kept
  }

  /** How many of a chunk's items have started; `undefined` where nobody knows. */
  started(chunk: Chunk): number | undefined {
    const id = this.ids.get(chunk)
    const sent = id === undefined ? undefined : this.sentChunks.get(id)
    const started = sent?.cell.started
    if (sent === undefined || started === undefined) return undefined
    return started === 0 ? 0 : this.place(sent, started - 1) + 1
  }

  /** Nothing of it starts any more, so it need not wait for what keeps the worker, which may be somebody else's item. */
  private endUnstarted(sent: Sent): boolean {
    const { cell, chunk } = sent
    if (cell.started !== 0 || cell.phase === phases.loading || this.over >= this.host.spareCells) return false
    sent.isOver = true
    this.over++
    this.ids.delete(chunk)
    chunk.onEnd(undefined)
    return true
  }

  /** The worker has ended, or will have before it starts another item: what it had of every chunk (F1). */
  lose(overdue?: Overdue): Map<Chunk, InHand> {
    this.watch.stop()
    const sentChunks = this.current
    this.sentChunks.clear()
    this.ids.clear()
    for (const { cell } of sentChunks) cell.interrupt()
    return new Map(sentChunks.map((sent) => [sent.chunk, this.inHand(sent, overdue)]))
  }

  /** The position in its chunk of an item that was sent. */
  private place({ positions }: Sent, position: number): number {
    return positions === undefined ? position : positions[position]!
  }

  private inHand(sent: Sent, overdue: Overdue | undefined): InHand {
    const { cell, chunk, moved } = sent
    const { started = chunk.items.length } = cell
    const place = (position: number) => this.place(sent, position)
    const isOverdue = overdue?.chunk === chunk
    return {
      started: started === 0 ? 0 : place(started - 1) + 1,
      timedOut: isOverdue ? overdue.positions.map(place) : [],
      moved,
      failure: isOverdue && overdue.what === "loading" ? errors.startFailed(this.host.worker, overdue.cause) : undefined
    }
  }

  /** Whether loading a chunk's task is what ended the worker, and which chunk's. */
  get loading(): Chunk | undefined {
    const { current } = this
    const loading = current.find(({ cell }) => cell.phase === phases.loading)
    // an item that ran beside it may have done it; if it was the module after all, it will do it again
    if (current.some((sent) => sent !== loading && sent.cell.started !== 0)) return undefined
    return loading?.chunk
  }

  private isInterrupted(chunk: Chunk): boolean {
    return !this.ids.has(chunk)
  }

  /** Throws when the value cannot be cloned. */
  private checked(value: unknown): unknown {
    const { check = structuredClone } = this.host.connection
    check(value)
    return value
  }

  private failInput(chunk: Chunk, position: number, cause: unknown): void {
    chunk.onFailure(position, Cause.fail(crossing.notSerializable("input", chunk.index(position), cause)))
  }

  private sent(
    id: number,
    sent: Omit<Sent, keyof Watched | "isOver" | "millis"> & Pick<Watched, "chunk" | "cell">
  ): void {
    const { cell, chunk, codecs, moved, place, positions } = sent
    const running = chunk.timeout === undefined ? undefined : new Map<number, number>()
    const seen = { stuckSince: undefined, interruptedAt: undefined, running, seen: 0 }
    const watched: Sent = { chunk, cell, codecs, positions, place, moved, millis: 0, isOver: false, ...seen }
    this.sentChunks.set(id, watched)
    this.watch.begun(watched)
    if (this.areBrief) this.host.connection.stayAwake?.()
    this.host.busyChanged()
  }

  private notSent(chunk: Chunk, place: number): void {
    this.free(place)
    this.ids.delete(chunk)
    chunk.onEnd(undefined)
  }

  private free(place: number): void {
    if (place >= 0) this.freeCells.push(place)
  }

  /** The worker says that a chunk's task could not be loaded (F3). */
  notLoaded(id: number, cause: unknown): void {
    this.ended(id, errors.startFailed(this.host.worker, cause))
  }

  private ended(id: number, error: WorkerPoolError.WorkerPoolError | undefined): void {
    const sent = this.sentChunks.get(id)
    if (sent === undefined) return
    this.sentChunks.delete(id)
    this.areBrief = sent.millis < brief
    this.free(sent.place)
    this.host.busyChanged()
    if (sent.isOver) {
      this.over--
      return
    }
    this.ids.delete(sent.chunk)
    sent.chunk.onEnd(error)
  }

  results(message: protocol.Results): void {
    const sent = this.sentChunks.get(message.chunk)
    if (sent === undefined) return
    const { chunk, codecs, positions } = sent
    const { count, from, others, values } = message
    if (sent.isOver) return message.ended ? this.ended(message.chunk, undefined) : undefined
    if (sent.running !== undefined) this.watch.reported(sent, from, count)
    sent.millis += message.millis
    if (count > 0) chunk.onTime(count, message.millis)
    if (others.length === 0 && positions === undefined && codecs.output === undefined && values.length === count) {
      if (count > 0) chunk.onSuccesses(from, values)
      return message.ended ? this.ended(message.chunk, undefined) : undefined
    }
    let other = 0
    const inOrder = others.length > 1 ? [...others].sort(([left], [right]) => left - right) : others
    for (let offset = 0; offset < count; offset++) {
      const position = positions === undefined ? from + offset : positions[from + offset]!
      if (inOrder[other]?.[0] === offset) this.other(chunk, position, inOrder[other++]![1], codecs)
      else if (codecs.output === undefined || chunk.discard) chunk.onSuccess(position, values[offset])
      else this.decoded(chunk, position, values[offset], codecs.output)
    }
    if (message.ended) this.ended(message.chunk, undefined)
  }

  private decoded(chunk: Chunk, position: number, value: unknown, output: codec.Codec): void {
    let decoded: unknown
    try {
      decoded = output.decode(value)
    } catch (cause) {
      return chunk.onFailure(position, Cause.fail(crossing.notSerializable("output", chunk.index(position), cause)))
    }
    chunk.onSuccess(position, decoded)
  }

  private other(chunk: Chunk, position: number, outcome: protocol.EncodedOutcome, codecs: codec.TaskCodecs): void {
    const index = chunk.index(position)
    switch (outcome._tag) {
      case "Error":
        return chunk.onSuccess(position, failure.decode(outcome.value))
      case "Failure":
        return chunk.onFailure(position, crossing.decodeCause(outcome.reasons, index, codecs.error))
      case "NotSerializable": {
        const cause = failure.decode(outcome.cause)
        return chunk.onFailure(position, Cause.fail(crossing.notSerializable(outcome.direction, index, cause)))
      }
      case "TimedOut":
        return chunk.onFailure(position, Cause.fail(errors.taskTimedOut(this.host.worker, index)))
    }
  }
}

const isError = (value: unknown): boolean => typeof value === "object" && value instanceof Error
