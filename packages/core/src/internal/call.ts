/**
 * A call in progress: turns items into chunks and outcomes into results (C2 – C4, C9). Knows nothing of workers.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { Chunking } from "../Chunking.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Code, InHand } from "../WorkerRuntime.ts"
import { CallChunk } from "./callChunk.ts"
import * as crossing from "./crossing.ts"
import { Releases } from "./releases.ts"
import { Resends } from "./resends.ts"
import type { Sink } from "./sink.ts"
import type { Source } from "./source.ts"

/** What a call asks of its pool. */
export interface CallHost {
  /** How many items a worker runs at once. */
  readonly tasksPerWorker: number
  /** The call may have a chunk, or its turn may have come. */
  readonly ready: (call: Call) => void
  /** The call has no more chunks to give. */
  readonly withdraw: (call: Call) => void
  /** A chunk has ended, and its slot may be free. */
  readonly pump: () => void
}

export interface CallOptions {
  /** Whether this is a `run`. */
  readonly single: boolean
  readonly task: Code
  readonly source: Source
  readonly sink: Sink
  readonly chunking: Chunking
  readonly maxActive: number | undefined
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly discard: boolean
  /** How often an item is sent again whose worker was lost while it ran; -1 when none is that had started. */
  readonly retries: number
  /** How an item's outcome becomes a result, for calls that do not fail fast. */
  readonly outcome: ((index: number, exit: Exit.Exit<unknown, unknown>) => unknown) | undefined
  readonly dispatch: "available" | "ordered"
  readonly context: Context.Context<never>
  /** Called when there may be something new for whoever takes the results. */
  readonly changed: () => void
}

export class Call {
  readonly options: CallOptions
  /** What its start releases before its first chunk. */
  readonly firstReleases = new Releases()
  /** All else that it releases, before it returns. */
  readonly releases = new Releases()
  /** Done when nothing of the call is in progress any more. */
  readonly ended: Deferred.Deferred<void> = Deferred.makeUnsafe()
  /** Done when its pool has done all that the call's end asks for. */
  readonly left: Deferred.Deferred<void> = Deferred.makeUnsafe()
  /** How many chunks it has given: whose turn it is when slots are taken in turn. */
  turn = 0
  /** What it fails with, once it does. */
  failure: Cause.Cause<unknown> | undefined = undefined
  private readonly host: CallHost
  private readonly chunks = new Set<CallChunk>()
  private readonly resends: Resends
  private status: "running" | "failing" | "ended" = "running"
  private taken = 0
  private delivered = 0
  private longest = 1
  /** Whether its last turn passed because a chunk did not fit. */
  private lacksRoom = false

  constructor(options: CallOptions, host: CallHost) {
    this.options = options
    this.host = host
    this.resends = new Resends(options.retries)
  }

  /** Whether its next chunk must have a worker to itself. */
  get alone(): boolean {
    return this.resends.nextIsAlone
  }

  get isOver(): boolean {
    return this.status === "ended"
  }

  /** How many results a consumer should take at once, so that workers have something to do meanwhile. */
  batch(workers: number): number {
    return Math.ceil(this.maxActive(workers) / 2)
  }

  /** Whether another item may be pulled. */
  hasRoom(workers: number): boolean {
    return this.taken - this.delivered < this.maxActive(workers)
  }

  /** The next chunk, of at most `limit` items, for one of `workers`; `undefined` while there is none. */
  next(limit: number, workers: number): CallChunk | undefined {
    if (this.status !== "running") return undefined
    const { source } = this.options
    // they have their room already, and go first: the head of an ordered output may be among them
    if (this.resends.size > 0) return this.add(new CallChunk(this, this.resends.take(Math.min(limit, this.longest))))
    const planned = this.options.chunking({ planned: this.taken, length: source.length, workers })
    this.longest = Math.max(this.longest, planned)
    const most = this.maxActive(workers)
    const left = source.length === undefined ? 0 : source.length - this.taken
    const wanted = Math.min(planned, limit, most, left > 0 ? left : planned, source.available)
    if (this.taken - this.delivered + wanted > most) {
      this.lacksRoom = true
      return undefined
    }
    const items = this.pull(() => source.take(wanted))
    if (items === undefined || items.length === 0) {
      this.settle()
      return undefined
    }
    const first = this.taken
    this.taken += items.length
    const chunk = this.add(new CallChunk(this, { items, first, alone: false }))
    source.poke()
    return chunk
  }

  private add(chunk: CallChunk): CallChunk {
    this.turn++
    this.chunks.add(chunk)
    return chunk
  }

  /** The consumer came back: so many results have been delivered. */
  deliver(count: number): void {
    if (count === 0) return
    this.delivered += count
    this.options.source.poke()
    this.offer()
  }

  /** Ends the call with a failure, once what it has running is interrupted; does nothing when it is ending already. */
  fail(cause: Cause.Cause<unknown>): void {
    if (this.status !== "running") return
    this.status = "failing"
    this.failure = cause
    this.host.withdraw(this)
    this.pull(() => this.options.source.close())
    for (const chunk of [...this.chunks]) chunk.interrupt()
    this.settle()
  }

  succeeded(index: number, value: unknown): void {
    if (this.status !== "running") return
    const { outcome } = this.options
    this.put(index, outcome === undefined ? value : outcome(index, Exit.succeed(value)))
  }

  failed(index: number, cause: Cause.Cause<unknown>, worker: WorkerIdentity): void {
    if (this.status !== "running") return
    const { outcome } = this.options
    const annotated = crossing.annotateOrigin(cause, index, worker)
    if (outcome === undefined) return this.fail(annotated)
    this.put(index, outcome(index, Exit.failCause(annotated)))
  }

  chunkEnded(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(chunk)
    if (this.status === "running") {
      if (failure !== undefined) this.fail(Cause.fail(lostWith(failure, () => chunk.unreported())))
      else this.resends.giveBack(chunk, chunk.unreportedPositions())
    }
    this.goOn()
  }

  /** A chunk's worker is gone: what had not started is sent again, the rest as `onWorkerLost` says (F2). */
  chunkLost(chunk: CallChunk, hand: InHand, failure: WorkerPoolError.WorkerPoolError): void {
    if (this.status === "running") {
      if (hand.failure !== undefined) this.fail(Cause.fail(hand.failure))
      else this.itemsLost(chunk, hand, failure)
    }
    // last: whoever takes an outcome goes on at once, and must not find nothing in progress before the rest is taken back
    this.chunks.delete(chunk)
    this.goOn()
  }

  private itemsLost(chunk: CallChunk, hand: InHand, failure: WorkerPoolError.WorkerPoolError): void {
    for (const position of hand.timedOut) {
      if (chunk.isReported(position)) continue
      const timedOut = { index: chunk.indices[position]!, ...WorkerPoolError.inWorker(chunk.worker) }
      chunk.fail(position, Cause.fail(WorkerPoolError.make(new WorkerPoolError.TaskTimedOut(timedOut))))
    }
    const lost = this.resends.takeBack(chunk, hand, this.host.tasksPerWorker)
    const indices = lost.map((position) => chunk.indices[position]!)
    const error = lostWith(failure, () => indices)
    for (const position of lost) chunk.fail(position, Cause.fail(error))
  }

  private goOn(): void {
    this.settle()
    if (this.status === "running") this.host.ready(this)
    else this.host.pump()
  }

  /** Offers the call's items, now and whenever a Stream has brought more. */
  offer(): void {
    this.settle()
    if (this.status === "running") this.host.ready(this)
  }

  /** Ends the call when nothing of it is in progress and nothing is to come. */
  private settle(): void {
    if (this.status === "ended" || this.chunks.size > 0) return
    if (this.status === "running") {
      if (this.resends.size > 0) return
      // the answer may need a pull, for which there must be room
      if (this.taken - this.delivered >= this.maxActive(1)) return
      if (this.pull(() => this.options.source.ended()) !== true) return
    }
    this.status = "ended"
    this.host.withdraw(this)
    this.options.changed()
    Deferred.doneUnsafe(this.ended, Exit.void)
  }

  private put(index: number, value: unknown): void {
    const delivered = this.options.sink.put(index, value)
    this.options.changed()
    if (delivered > 0) {
      this.delivered += delivered
      this.options.source.poke()
      if (!this.lacksRoom) return
      // another slot may have waited for it
      this.lacksRoom = false
      this.host.ready(this)
    }
  }

  private maxActive(workers: number): number {
    // chunks may be shorter than what a worker runs at once
    return this.options.maxActive ?? 2 * workers * Math.max(this.longest, this.host.tasksPerWorker)
  }

  /** Asks the source, whose iterable may throw (C7). */
  private pull<A>(ask: () => A): A | undefined {
    try {
      return ask()
    } catch (cause) {
      this.fail(Cause.fail(WorkerPoolError.make(new WorkerPoolError.InputFailed({ cause }))))
      return undefined
    }
  }
}

/** The error, which says which of the call's items were in hand when it is about a lost worker. */
const lostWith = (
  error: WorkerPoolError.WorkerPoolError,
  indices: () => ReadonlyArray<number>
): WorkerPoolError.WorkerPoolError =>
  error.reason._tag === "WorkerLost"
    ? WorkerPoolError.make(
        // an error's cause is no property that a spread would take along
        new WorkerPoolError.WorkerLost({ ...error.reason, cause: error.reason.cause, indices: indices() })
      )
    : error
