/**
 * A call in progress: turns items into chunks and outcomes into results (C2 – C4, C9). Knows nothing of workers.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import type { Chunking } from "./chunking.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, InHand } from "../../WorkerRuntime.ts"
import { CallChunk } from "./callChunk.ts"
import * as crossing from "../wire/crossing.ts"
import type { ItemTime } from "./itemTimes.ts"
import * as errors from "../common/errors.ts"
import { Releases } from "../common/releases.ts"
import { Resends } from "./resends.ts"
import type { Sink } from "./sink.ts"
import type { Source } from "./source.ts"

/** A call that gives way still gets so much done by a worker, in milliseconds, before others have their turn (C1). */
const turnTime = 2

/** Items that take longer than that, in milliseconds, are not sent before they are needed: it would save nothing. */
const longestAhead = 50

/** What takes less than that, in milliseconds, is not worth taking back. */
const worthTakingBack = 1

/** What a call asks of its pool. */
export interface CallHost {
  /** How many items a worker runs at once. */
  readonly tasksPerWorker: number
  /** The call may have a chunk, or its turn may have come. */
  readonly ready: (call: Call) => void
  /** The call has no chunks to give for now. */
  readonly withdraw: (call: Call) => void
  /** The call has ended. */
  readonly over: (call: Call) => void
  /** A chunk has ended, and its slot may be free. */
  readonly pump: () => void
}

export interface CallOptions {
  readonly task: Code
  readonly source: Source
  readonly sink: Sink
  readonly chunking: Chunking
  readonly maxActive: number | undefined
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly discard: boolean
  /** Outcomes are reported at least so many milliseconds apart; with 0, each by itself. */
  readonly reportInterval: number
  /** How long the task's items take. */
  readonly itemTime: ItemTime
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
  protected readonly host: CallHost
  protected readonly chunks = new Set<CallChunk>()
  protected readonly resends: Resends
  protected taken = 0
  private status: "running" | "failing" | "ended" = "running"
  private delivered = 0
  private longest = 1
  /** Whether its last turn passed because a chunk did not fit. */
  private lacksRoom = false

  constructor(options: CallOptions, host: CallHost) {
    this.options = options
    this.host = host
    this.resends = new Resends(options.retries)
  }

  /** Whether each of its items is a call of its own, a `run`. */
  get areRuns(): boolean {
    return false
  }

  /** Whether its next chunk must have a worker to itself. */
  get alone(): boolean {
    return this.resends.nextIsAlone
  }

  get isOver(): boolean {
    return this.status === "ended"
  }

  /** Whether it may still be given items. */
  get isOpen(): boolean {
    return this.status === "running"
  }

  /** Whether it has what a call in turn is due. */
  get isServed(): boolean {
    return this.chunks.size > 0
  }

  /** Whether a worker that is busy may be given its next chunk already. */
  get mayRunAhead(): boolean {
    const { mean } = this.options.itemTime
    return this.chunks.size > 0 && mean !== undefined && mean <= this.longestAhead
  }

  /** In milliseconds. */
  protected get longestAhead(): number {
    return longestAhead
  }

  /** Whether its turn goes on with its next chunk. */
  get keepsTurn(): boolean {
    return false
  }

  /** Whether it may have more chunks to give. */
  get mayHaveMore(): boolean {
    return true
  }

  /** How many items it gets done in its turn when others wait. */
  get turnLength(): number {
    return this.options.itemTime.within(turnTime)
  }

  /** How many results a consumer should take at once, so that workers have something to do meanwhile. */
  batch(workers: number): number {
    return Math.ceil(this.maxActive(workers) / 2)
  }

  /** Whether another item may be pulled. */
  hasRoom(workers: number): boolean {
    return this.taken - this.delivered < this.maxActive(workers)
  }

  /**
   * The next chunk, of at most `limit` items, for one of `workers`; `undefined` while there is none. It is a short one when
   * others wait.
   */
  next(limit: number, workers: number, othersWait: boolean): CallChunk | undefined {
    if (this.status !== "running") return undefined
    const { chunking, itemTime, maxActive, source } = this.options
    const planned = chunking({
      planned: this.taken,
      length: source.length,
      workers,
      itemTime: itemTime.mean,
      measured: itemTime.measured,
      maxActive
    })
    // `limit` is what is left of the worker's lifespan (L8)
    const atMost = othersWait ? Math.min(limit, this.turnLength) : limit
    // they have their room already, and go first: the head of an ordered output may be among them
    if (this.resends.size > 0) return this.add(new CallChunk(this, this.resends.take(Math.min(atMost, planned))))
    this.longest = Math.max(this.longest, planned)
    const most = this.maxActive(workers)
    const left = source.length === undefined ? 0 : source.length - this.taken
    // what a slow source has so far goes out as it is (C9)
    const wanted = Math.min(planned, atMost, most, left > 0 ? left : planned, source.available)
    // a chunk waits until all of it fits (C3)
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

  /** Fails the call, once what it has running is interrupted (C4); does nothing when it is ending already. */
  fail(cause: Cause.Cause<unknown>): void {
    if (this.status !== "running") return
    this.status = "failing"
    this.failure = cause
    this.host.withdraw(this)
    this.pull(() => this.options.source.close())
    for (const chunk of [...this.chunks]) chunk.interrupt()
    this.settle()
  }

  succeeded(chunk: CallChunk, position: number, value: unknown): void {
    if (this.status !== "running") return
    const { outcome } = this.options
    const place = chunk.ordinal(position)
    this.put(chunk, place, outcome === undefined ? value : outcome(place, Exit.succeed(value)))
  }

  /** Whether results that stand one after another can be taken at once. */
  get takesAll(): boolean {
    const { outcome, sink } = this.options
    return outcome === undefined && sink.putAll !== undefined
  }

  /** Items of a chunk that stand one after another, from a position on, have succeeded. */
  allSucceeded(chunk: CallChunk, position: number, values: ReadonlyArray<unknown>): void {
    if (this.status !== "running") return
    if (chunk.isContiguous) return this.delivers(this.options.sink.putAll!(chunk.ordinal(position), values))
    values.forEach((value, n) => this.put(chunk, chunk.ordinal(position + n), value))
  }

  failed(chunk: CallChunk, position: number, cause: Cause.Cause<unknown>): void {
    if (this.status !== "running") return
    const { outcome } = this.options
    const place = chunk.ordinal(position)
    const annotated = crossing.annotateOrigin(cause, chunk.index(position), chunk.worker)
    if (outcome === undefined) return this.fail(annotated)
    this.put(chunk, place, outcome(place, Exit.failCause(annotated)))
  }

  chunkEnded(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(chunk)
    if (this.status === "running") {
      if (failure === undefined) this.giveBack(chunk, chunk.unreportedPositions())
      else this.chunkFailed(chunk, failure)
    }
    this.goOn()
  }

  /** Nothing of the chunk could start. */
  protected chunkFailed(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError): void {
    this.fail(Cause.fail(lostWith(failure, () => chunk.unreported())))
  }

  /** Some of a chunk's items, the last ones, will not start where they are. */
  tookBack(chunk: CallChunk, from: number, to: number): void {
    if (this.status !== "running") return
    const positions: Array<number> = []
    for (let position = from; position < to; position++) if (!chunk.isReported(position)) positions.push(position)
    this.giveBack(chunk, positions)
    this.host.ready(this)
  }

  /** Items that have not started are to be sent again. */
  protected giveBack(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    this.resends.giveBack(chunk, positions)
  }

  /** Whether items of its wait behind others in their chunks. */
  get hasWaiting(): boolean {
    // what has been sent stays where it is, so that chunk i runs in slot i modulo size (L2)
    if (this.options.dispatch === "ordered") return false
    for (const chunk of this.chunks) if (chunk.waiting > 0) return true
    return false
  }

  /**
   * Takes back half of what waits behind other items, where most does, for a worker that has nothing to do; returns
   * whether there was anything. What should be over at once is left alone, unless it `isLate`.
   */
  share(isLate: boolean): boolean {
    if (this.status !== "running" || !this.hasWaiting) return false
    const { mean = Number.POSITIVE_INFINITY } = this.options.itemTime
    const isWorth = ({ waiting }: CallChunk) => waiting > 0 && (isLate || mean * waiting >= worthTakingBack)
    const chunks = [...this.chunks].filter(isWorth).sort((left, right) => right.waiting - left.waiting)
    // nothing comes of those that have moved, or whose worker has yet to start
    return chunks.some((chunk) => chunk.takeBack(chunk.kept - Math.ceil(chunk.waiting / 2)) > 0)
  }

  /** Fails what waits for a worker. */
  refuse(cause: Cause.Cause<unknown>): void {
    this.fail(cause)
  }

  /** A chunk's worker is gone: what had not started is sent again, the rest as `onWorkerLost` says (F2). */
  chunkLost(chunk: CallChunk, hand: InHand, failure: WorkerPoolError.WorkerPoolError): void {
    if (this.status === "running") {
      if (hand.failure !== undefined) this.chunkFailed(chunk, hand.failure)
      else this.itemsLost(chunk, hand, failure)
    }
    // last: whoever takes an outcome goes on at once, and must not find nothing in progress before the rest is taken back
    this.chunks.delete(chunk)
    this.goOn()
  }

  private itemsLost(chunk: CallChunk, hand: InHand, failure: WorkerPoolError.WorkerPoolError): void {
    // the worker was killed because of these: only they are out of time (T2)
    for (const position of hand.timedOut) {
      if (chunk.isReported(position)) continue
      chunk.fail(position, Cause.fail(errors.taskTimedOut(chunk.worker, chunk.index(position))))
    }
    const lost = this.resends.takeBack(chunk, hand, this.host.tasksPerWorker)
    this.tookLost(chunk)
    const indices = lost.map((position) => chunk.index(position))
    const error = lostWith(failure, () => indices)
    for (const position of lost) chunk.fail(position, Cause.fail(error))
  }

  /** What a lost worker had of a chunk is to be sent again, or lost. */
  protected tookLost(_chunk: CallChunk): void {}

  /** A chunk is over. */
  protected goOn(): void {
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
  protected settle(): void {
    if (this.status === "ended" || this.chunks.size > 0) return
    if (this.status === "running") {
      if (this.resends.size > 0) return
      // the answer may need a pull, for which there must be room
      if (this.taken - this.delivered >= this.maxActive(1)) return
      if (this.pull(() => this.options.source.ended()) !== true) return
    }
    this.status = "ended"
    this.host.over(this)
    this.options.changed()
    Deferred.doneUnsafe(this.ended, Exit.void)
  }

  protected put(_chunk: CallChunk, place: number, value: unknown): void {
    this.delivers(this.options.sink.put(place, value))
  }

  /** The sink has taken results; so many are delivered. */
  private delivers(results: number): void {
    this.options.changed()
    if (results === 0) return
    this.delivered += results
    this.options.source.poke()
    if (!this.lacksRoom) return
    // another slot may have waited for it
    this.lacksRoom = false
    this.host.ready(this)
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
export const lostWith = (
  error: WorkerPoolError.WorkerPoolError,
  indices: () => ReadonlyArray<number>
): WorkerPoolError.WorkerPoolError =>
  error.reason._tag === "WorkerLost"
    ? WorkerPoolError.make(
        // an error's cause is no property that a spread would take along
        new WorkerPoolError.WorkerLost({ ...error.reason, cause: error.reason.cause, indices: indices() })
      )
    : error
