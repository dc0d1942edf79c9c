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
import type { Chunk, Code } from "../WorkerRuntime.ts"
import * as crossing from "./crossing.ts"
import { Releases } from "./releases.ts"
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
  private status: "running" | "failing" | "ended" = "running"
  private taken = 0
  private delivered = 0
  private longest = 1
  /** Whether its last turn passed because a chunk did not fit. */
  private lacksRoom = false

  constructor(options: CallOptions, host: CallHost) {
    this.options = options
    this.host = host
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
    const chunk = new CallChunk(this, items, this.taken)
    this.taken += items.length
    this.turn++
    this.chunks.add(chunk)
    source.poke()
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
    if (failure !== undefined && this.status === "running") this.chunkFailed(chunk, failure)
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

  /** Of what a chunk can fail with, only a lost worker is an outcome of its items; the rest fails the call. */
  private chunkFailed(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError): void {
    if (failure.reason._tag !== "WorkerLost") return this.fail(Cause.fail(failure))
    const indices = chunk.unreported()
    const lost = WorkerPoolError.make(new WorkerPoolError.WorkerLost({ ...failure.reason, indices }))
    for (const index of indices) this.failed(index, Cause.fail(lost), chunk.worker)
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

/** What a chunk tells of its slot: that the chunk has ended, before its call hears of it. */
export interface ChunkSlot {
  readonly ended: (chunk: CallChunk) => void
  readonly progressed: () => void
  readonly interrupt: (chunk: CallChunk) => void
}

const notSent: WorkerIdentity = { id: -1, generation: 0 }

/** Some of a call's items, on their way through a slot. */
export class CallChunk implements Chunk {
  readonly call: Call
  readonly items: ReadonlyArray<unknown>
  readonly indices: ReadonlyArray<number>
  /** How many items have an outcome. */
  reported = 0
  worker: WorkerIdentity = notSent
  private slot: ChunkSlot | undefined = undefined
  private isOver = false
  private readonly hasOutcome: Array<boolean>

  constructor(call: Call, items: ReadonlyArray<unknown>, first: number) {
    this.call = call
    this.items = items
    this.indices = items.map((_, position) => first + position)
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
    this.report(position)
    this.call.succeeded(this.indices[position]!, value)
    this.slot?.progressed()
  }

  onFailure(position: number, cause: Cause.Cause<unknown>): void {
    this.report(position)
    this.call.failed(this.indices[position]!, cause, this.worker)
    this.slot?.progressed()
  }

  onEnd(failure: WorkerPoolError.WorkerPoolError | undefined): void {
    if (this.isOver) return
    this.isOver = true
    // the slot first: what it releases because of this chunk, the call waits for
    this.slot?.ended(this)
    this.call.chunkEnded(this, failure)
  }

  /** The items without an outcome, by their place in the input. */
  unreported(): Array<number> {
    return this.indices.filter((_, position) => this.hasOutcome[position] !== true)
  }

  private report(position: number): void {
    this.reported++
    this.hasOutcome[position] = true
  }
}
