/**
 * A call in progress: turns items into chunks, and keeps count of what is on its way (C3, C9). Knows nothing of
 * workers; what becomes of outcomes is for its policy to decide.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, InHand } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import type { Describe } from "../common/printed.ts"
import { Releases } from "../common/releases.ts"
import type { TracedCall } from "../common/tracing.ts"
import { guarded, reportUncaught, type Turn } from "../common/turn.ts"
import type { Events } from "../events/events.ts"
import { Tally } from "../events/tally.ts"
import type { LongestItems } from "../insights/longestItems.ts"
import * as crossing from "../wire/crossing.ts"
import { CallChunk } from "./callChunk.ts"
import type { Chunking } from "./chunking.ts"
import type { ItemCounter } from "./itemCounter.ts"
import type { ItemTime } from "./itemTimes.ts"
import type { CallPolicy } from "./policy.ts"
import type { Isolation, LostRunner } from "./isolation.ts"
import { Resends, type Retries, type Unread } from "./resends.ts"
import type { Sink } from "./sink.ts"
import type { Source } from "./source.ts"

/** The length of a call's turn at a worker when another call waits, in milliseconds of work (C1). */
const turnTime = 2

/** How long to wait for a chunk to fill, in milliseconds, where the iterable is slow: the pool hears of nothing meanwhile (C9). */
const longestPull = 10

/** Items that take less than this together, in milliseconds, are not worth taking back. */
const worthTakingBack = 1

/** For how much work, in milliseconds, a worker is given chunks that is `lag` milliseconds away and back. */
export const chunksInTime = (lag: number): number => 2 * lag

/** What a call asks of the dispatcher of its pool. */
export interface CallDispatcher {
  /** How many items a worker runs at once. */
  readonly tasksPerWorker: number
  /** Of the suspects of the pool's calls. */
  readonly isolation: Isolation
  /** The call may have a chunk to give, or its turn may have come. */
  readonly ready: (call: Call) => void
  /** The call has no chunk to give for now. */
  readonly withdraw: (call: Call) => void
  /** The call has ended. */
  readonly over: (call: Call) => void
  /** A chunk has ended, so its slot may be free. */
  readonly dispatch: () => void
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
  /** The least time between two reports of outcomes, in milliseconds; with 0, each is reported by itself. */
  readonly reportInterval: number
  /** Whether it has to be known of each item whether it had started when its worker is lost. */
  readonly exactStarts?: boolean | undefined
  /** How long a chunk may take, in milliseconds. Default: as `chunking` has it. */
  readonly chunkTime?: number | undefined
  /** How long the task's items take. */
  readonly itemTime: ItemTime
  /** The items of the pool that took longest. */
  readonly longest: LongestItems
  /** Whom it tells of items that fail. */
  readonly events: Events
  /** How items are shown to people. */
  readonly describe: Describe | undefined
  /** Counts its items for who shows its progress. */
  readonly counter?: ItemCounter | undefined
  /** Whether the call has set the lengths of chunks. */
  readonly isFixed: boolean
  readonly retries: Retries
  readonly dispatch: "available" | "ordered"
  readonly context: Context.Context<never>
  /** The call's span, where it has one. */
  readonly traced: TracedCall | undefined
  /** Whether items have spans of their own, where their call has one. */
  readonly traceItems: boolean
  /** Called when there may be something new for the consumer of the results, where it takes them one by one. */
  readonly changed: (() => void) | undefined
}

export class Call<Policy extends CallPolicy = CallPolicy> {
  readonly options: CallOptions
  readonly policy: Policy
  /** Its number in its pool, since it began or went on after its rest. */
  number = 0
  /** What has become of its items since then. */
  readonly tally = new Tally()
  /** How long its items took, as far as they have been reported. */
  readonly work = { millis: 0 }
  /** Done when nothing of the call is in progress any more. */
  readonly ended: Deferred.Deferred<void> = Deferred.makeUnsafe()
  /** Its chunks that slots have. */
  readonly chunks = new Set<CallChunk>()
  /** The one that is over and not in the tally yet: that an item of it was lost may be what fails the call. */
  private ending: CallChunk | undefined = undefined
  readonly resends: Resends
  /** How many chunks it has given: with `dispatch: "ordered"`, this decides which slot gets the next one. */
  chunksGiven = 0
  /** What its pool noted at its admission, and is for the pool to read: the hooks that it keeps (L10). */
  admittedWith: object | undefined = undefined
  /** Whether any of its items has been given to a worker (L6). */
  wasGiven = false
  /** What it fails with, once it does. */
  failure: Cause.Cause<unknown> | undefined = undefined
  readonly turn: Turn
  private readonly dispatcher: CallDispatcher
  private endings: Set<() => void> | undefined = undefined
  // made when they are asked for, which for calls that `run`s share they never are
  private causedFirst: Releases | undefined = undefined
  private caused: Releases | undefined = undefined
  private conclusion: Deferred.Deferred<void> | undefined = undefined
  /** How many items have been pulled from the source, and how many results the consumer has. */
  private pulled = 0
  private deliveries = 0
  /** While it is `resting`, nothing of it is in progress, and more may come; a call that may rest begins at rest. */
  private status: "running" | "resting" | "failing" | "ended"
  /** Whether anybody is to be told when results are delivered: asked for each of them. */
  private readonly isWatched: boolean
  /** How far away its workers are, there and back, in milliseconds. */
  private lag = 0
  /** The longest chunk that has been planned. */
  private longest = 1
  /** Whether it gave no chunk in its last turn because the chunk did not fit into `maxActive`. */
  private lacksRoom = false
  /** Whether the module of its task has been excused, and no item of it has ended since. */
  private hasExcused = false

  constructor(options: CallOptions, dispatcher: CallDispatcher, turn: Turn, policyOf: (call: Call<Policy>) => Policy) {
    this.options = options
    this.dispatcher = dispatcher
    this.turn = turn
    this.resends = new Resends(options.retries, dispatcher.isolation)
    this.isWatched = options.changed !== undefined || options.source.poke !== undefined
    this.policy = policyOf(this)
    this.status = this.policy.rested === undefined ? "running" : "resting"
  }

  /** The releases that its start caused; its first chunk waits for them. */
  get firstReleases(): Releases {
    this.causedFirst ??= new Releases(this.options.traced?.span)
    return this.causedFirst
  }

  /** The other releases that it caused; it waits for them before it returns. */
  get releases(): Releases {
    this.caused ??= new Releases(this.options.traced?.span)
    return this.caused
  }

  /** Done when its pool has done all that its end asks for, or its rest. */
  get concluded(): Deferred.Deferred<void> {
    this.conclusion ??= Deferred.makeUnsafe()
    return this.conclusion
  }

  /** What is called at its end: its runtime drops what it keeps for the call. */
  get atEnd(): Set<() => void> {
    this.endings ??= new Set()
    return this.endings
  }

  /** Tells those who wait for it that it is concluded. */
  conclude(): void {
    const { conclusion } = this
    this.conclusion = undefined
    if (conclusion !== undefined) this.turn.complete(conclusion, Exit.void)
  }

  // ---------------------------------------------------------------------------
  // Its turns
  // ---------------------------------------------------------------------------

  /** Whether its next chunk must have a worker to itself. */
  get alone(): boolean {
    return this.resends.nextIsAlone
  }

  get isOver(): boolean {
    return this.status === "ended"
  }

  /** Whether it may be given items, now or after its rest. */
  get isOpen(): boolean {
    return this.status === "running" || this.status === "resting"
  }

  get isResting(): boolean {
    return this.status === "resting"
  }

  /** Whether its chunks have spans: that of the call, or of one of the `run`s that share it. */
  get isTraced(): boolean {
    return this.options.traced !== undefined || this.policy.tracedOf !== undefined
  }

  get isServed(): boolean {
    return this.policy.isServed
  }

  /** Whether a worker that is busy, and `lag` milliseconds away and back, may be given its next chunk already. */
  mayPrefetch(lag: number): boolean {
    const { mean } = this.options.itemTime
    if (this.chunks.size === 0 || mean === undefined) return false
    return mean <= Math.max(this.policy.longestPrefetched, lag * this.policy.lagsPrefetched)
  }

  /** How many items a worker gets done for it in its turn when others wait. */
  get turnLength(): number {
    return this.options.itemTime.within(turnTime)
  }

  /** How many results a consumer should take at once, so that workers have something to do meanwhile. */
  batch(workers: number): number {
    return Math.ceil(this.maxActive(workers) / 2)
  }

  /** Whether another item may be pulled (C3). */
  hasRoom(workers: number): boolean {
    return this.pulled - this.deliveries < this.maxActive(workers)
  }

  /**
   * The next chunk, of at most `remaining` items, for one of `workers` workers; `undefined` while there is none. With
   * `othersWait` it is no longer than a turn. The worker is `lag` milliseconds away and back.
   */
  next(remaining: number, workers: number, othersWait: boolean, lag = 0): CallChunk | undefined {
    if (this.status !== "running") return undefined
    if (lag > this.lag) this.lag = lag
    const { chunkTime, chunking, dispatch, isFixed, itemTime, maxActive, source } = this.options
    const planned = chunking({
      planned: this.pulled,
      length: source.length,
      workers,
      itemTime: itemTime.mean,
      measured: itemTime.measured,
      chunkTime,
      maxActive
    })
    // what is left of the worker's lifespan (L8), and no more than a turn when another call waits (C1)
    const limit = this.policy.cut(remaining)
    const atMost = othersWait ? Math.min(limit, this.turnLength) : limit
    // items that are sent again have their room already, and go first: all results of a stream may wait for one of them
    if (this.resends.hasNext) return this.add(new CallChunk(this, this.resends.take(Math.min(atMost, planned))))
    if (this.resends.size > 0) this.dispatcher.isolation.wait(this)
    this.longest = Math.max(this.longest, planned)
    const most = this.maxActive(workers)
    const unpulled = source.length === undefined ? 0 : source.length - this.pulled
    const wanted = Math.min(planned, atMost, most, unpulled > 0 ? unpulled : planned, source.available)
    // a chunk waits until all of it fits (C3)
    if (this.pulled - this.deliveries + wanted > most) {
      this.lacksRoom = true
      return undefined
    }
    // which items are in a chunk may be up to the caller, or have to be the same each time
    const patience = isFixed || dispatch === "ordered" ? undefined : longestPull
    const items = this.askSource(() => source.take(wanted, patience))
    if (items === undefined || items.length === 0) {
      this.settle()
      return undefined
    }
    const first = this.pulled
    this.pulled += items.length
    const chunk = this.add(new CallChunk(this, { items, first, alone: false }))
    source.poke?.()
    return chunk
  }

  private add(chunk: CallChunk): CallChunk {
    this.chunksGiven++
    this.chunks.add(chunk)
    this.dispatcher.isolation.enter(chunk)
    return chunk
  }

  /** Ends its rest: its source has an item. */
  wake(): void {
    this.status = "running"
  }

  /** Offers the call's items, now and whenever a Stream has brought more. */
  offer(): void {
    this.settle()
    if (this.status === "running") this.dispatcher.ready(this)
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  succeeded(chunk: CallChunk, position: number, value: unknown): void {
    if (this.status === "running") this.policy.succeeded(chunk, position, value)
  }

  /** The items from `position` on have succeeded, as many as there are `values`. */
  allSucceeded(chunk: CallChunk, position: number, values: ReadonlyArray<unknown>): void {
    if (this.status === "running") this.policy.allSucceeded(chunk, position, values)
  }

  failed(chunk: CallChunk, position: number, cause: Cause.Cause<unknown>): void {
    if (this.status !== "running") return
    this.policy.failed(chunk, position, crossing.annotateOrigin(cause, chunk.index(position), chunk.worker))
  }

  /** The sink has taken results, and `results` results have reached the consumer by that. */
  delivered(results: number): void {
    if (this.isWatched) this.options.changed?.()
    if (results === 0) return
    this.deliveries += results
    if (this.isWatched) this.options.source.poke?.()
    if (!this.lacksRoom) return
    // a slot may be idle because this call lacked room
    this.lacksRoom = false
    this.dispatcher.ready(this)
  }

  /** The consumer of a stream pulls again: it is done with the `results` results that it was handed. */
  consumed(results: number): void {
    if (results === 0) return
    this.deliveries += results
    this.options.source.poke?.()
    this.offer()
  }

  // ---------------------------------------------------------------------------
  // The end of chunks
  // ---------------------------------------------------------------------------

  /**
   * A chunk has ended. Items without an outcome have not started: they are sent again, unless `failure` says why
   * none of them could start.
   */
  chunkEnded(chunk: CallChunk, failure: WorkerPoolError.WorkerPoolError | undefined): void {
    this.chunks.delete(chunk)
    this.ending = chunk
    // its task could be loaded
    if (chunk.reported > 0) this.hasExcused = false
    if (this.status === "running") {
      if (failure === undefined) this.resend(chunk, chunk.unreportedPositions())
      else this.policy.chunkFailed(chunk, failure)
    }
    this.count(chunk)
    this.dispatcher.isolation.leave(chunk)
    this.goOn()
  }

  /**
   * A chunk's worker is gone: what had not started is sent again, the rest as `onWorkerLost` says (F2). `unread` says
   * whether the worker had started nothing at all, so that reading the chunk may be what ended it; `lostRunner`, that more was
   * lost than the worker (K4).
   */
  chunkLost(
    chunk: CallChunk,
    hand: InHand,
    failure: WorkerPoolError.WorkerPoolError,
    unread: Unread,
    lostRunner?: LostRunner
  ): void {
    this.chunks.delete(chunk)
    this.ending = chunk
    if (this.status === "running") {
      if (hand.failure !== undefined) this.policy.chunkFailed(chunk, hand.failure)
      else this.itemsLost(chunk, hand, failure, unread, lostRunner)
    }
    this.count(chunk)
    this.dispatcher.isolation.leave(chunk)
    this.goOn()
  }

  /**
   * Whether the end of a worker is not put down to the task's module, which was being loaded, since the worker had run other tasks
   * before: one of them may have left behind what ended it. Not twice in a row: then it is the module (F3).
   */
  excusesModule(): boolean {
    const isExcused = !this.hasExcused
    this.hasExcused = true
    return isExcused
  }

  /** Counts what a chunk that is over has come to, and tells it (O2): before the call ends, if that was its last one. */
  private count(chunk: CallChunk): void {
    this.ending = undefined
    this.tally.add(chunk)
    const { counter, events } = this.options
    counter?.over(chunk)
    if (events.isWatched && chunk.hasWorker) events.chunkDone(chunk)
  }

  /** The chunks that its tally does not have yet. */
  get untold(): ReadonlyArray<CallChunk> {
    return this.ending === undefined ? [...this.chunks] : [...this.chunks, this.ending]
  }

  private itemsLost(
    chunk: CallChunk,
    hand: InHand,
    failure: WorkerPoolError.WorkerPoolError,
    unread: Unread,
    lostRunner: LostRunner | undefined
  ): void {
    // items that went on for `killAfter` after their timeout have timed out; for the others `onWorkerLost` decides (T2)
    for (const position of hand.timedOut) {
      if (chunk.isReported(position)) continue
      chunk.fail(position, Cause.fail(errors.taskTimedOut(chunk.worker, chunk.index(position), chunk.task)))
    }
    const lost = this.resends.addLost(chunk, hand, this.dispatcher.tasksPerWorker, unread, lostRunner)
    this.policy.resent(chunk)
    const indices = lost.map((position) => chunk.index(position))
    const error = errors.withItems(failure, chunk.task, () => indices)
    for (const position of lost) chunk.fail(position, Cause.fail(error))
  }

  /** The pool has taken back a chunk's items from position `from` up to `to`: they have not started where they were. */
  takenBack(chunk: CallChunk, from: number, to: number): void {
    if (this.status !== "running") return
    const positions: Array<number> = []
    for (let position = from; position < to; position++) if (!chunk.isReported(position)) positions.push(position)
    this.resend(chunk, positions)
    this.dispatcher.ready(this)
  }

  private resend(chunk: CallChunk, positions: ReadonlyArray<number>): void {
    this.resends.add(chunk, this.policy.wanted(chunk, positions))
  }

  private goOn(): void {
    this.policy.chunkEnded()
    this.settle()
    if (this.status === "running") this.dispatcher.ready(this)
    else this.dispatcher.dispatch()
  }

  // ---------------------------------------------------------------------------
  // Rebalancing
  // ---------------------------------------------------------------------------

  /** Whether items of it wait behind others in a worker. */
  get hasWaiting(): boolean {
    // what "ordered" gave to a slot stays there: chunk i runs in slot i modulo size (L2)
    if (this.options.dispatch === "ordered") return false
    for (const chunk of this.chunks) if (chunk.waiting > 0) return true
    return false
  }

  /**
   * Takes items back for an idle worker: half of those that wait behind others, from the chunk where most do. Returns
   * whether there were any. Items that should be over almost at once stay, unless this is the second look (`isLate`).
   */
  rebalance(isLate: boolean): boolean {
    if (this.status !== "running" || !this.hasWaiting) return false
    const { mean = Number.POSITIVE_INFINITY } = this.options.itemTime
    // on the first look, a worker that is far away is not asked for what it has been granted: it is sooner done with that
    const waiting = (chunk: CallChunk) => (isLate ? chunk.waiting : Math.min(chunk.waiting, chunk.ungranted))
    const isWorth = (chunk: CallChunk) => waiting(chunk) > 0 && (isLate || mean * waiting(chunk) >= worthTakingBack)
    const chunks = [...this.chunks].filter(isWorth).sort((left, right) => waiting(right) - waiting(left))
    // several are tried: inputs that were transferred cannot be taken back, nor those of a worker that is starting
    return chunks.some((chunk) => chunk.takeBack(chunk.kept - Math.ceil(waiting(chunk) / 2)) > 0)
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /**
   * Fails the call, once its running items have been interrupted (C4); does nothing when it is ending already.
   */
  fail(cause: Cause.Cause<unknown>): void {
    if (this.status !== "running") return
    this.status = "failing"
    this.failure = cause
    this.options.counter?.callFails(this)
    this.dispatcher.withdraw(this)
    this.askSource(() => this.options.source.close())
    for (const chunk of [...this.chunks]) chunk.interrupt()
    this.settle()
  }

  /** Fails what waits for a worker. */
  refuse(cause: Cause.Cause<unknown>): void {
    this.policy.refuse(cause)
  }

  /** Removes the items that no worker has from the call; returns their ordinals. */
  takeWaiting(): ReadonlyArray<number> {
    this.dispatcher.withdraw(this)
    const { source } = this.options
    const ordinals = this.resends.clear()
    const waiting = source.take(source.available).length
    for (let n = 0; n < waiting; n++) ordinals.push(this.pulled++)
    return ordinals
  }

  /** Ends the call, or lets it rest, when nothing of it is in progress and nothing is to come. */
  settle(): void {
    if (this.status === "resting" || this.status === "ended" || this.chunks.size > 0) return
    if (this.status === "running") {
      if (this.resends.size > 0) return
      // the source may have to pull an item to find out whether it has ended, and there must be room for that
      if (!this.hasRoom(1)) return
      if (this.askSource(() => this.options.source.ended()) !== true) return
    }
    if (this.status === "running" && this.policy.rested !== undefined) return this.rest()
    this.status = "ended"
    for (const ending of this.endings ?? []) guarded(ending, reportUncaught)
    this.endings = undefined
    this.dispatcher.over(this)
    this.options.changed?.()
    this.turn.complete(this.ended, Exit.void)
  }

  private rest(): void {
    this.status = "resting"
    this.dispatcher.over(this)
    // no item is left that was lost with a worker, and no ordinal comes again
    this.resends.forget()
    this.policy.rested?.()
  }

  private maxActive(workers: number): number {
    // chunks may have fewer items than a worker runs at once, but there must be room for these
    const { itemTime, maxActive } = this.options
    if (maxActive !== undefined) return maxActive
    // and what workers do that are far away until they can be sent more
    const onItsWay = this.lag === 0 ? 0 : workers * itemTime.within(chunksInTime(this.lag))
    return 2 * workers * Math.max(this.longest, this.dispatcher.tasksPerWorker) + onItsWay
  }

  /** Asks the source, whose iterable may throw: then the call fails (C7, F8). */
  private askSource<A>(ask: () => A): A | undefined {
    return guarded(ask, (cause) =>
      this.fail(Cause.fail(WorkerPoolError.make(new WorkerPoolError.InputFailed({ cause }))))
    )
  }
}
