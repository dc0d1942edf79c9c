/**
 * Tells whoever listens what happens in a pool (O2). While nobody does, `isWatched` is all that is ever read of it: the
 * parts of the engine ask that before they have an event made.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Closed } from "../../Channel.ts"
import type { WorkerIdentity, WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import type { Later } from "../common/later.ts"
import { type Describe, described } from "../common/printed.ts"
import { nameOf } from "../common/taskNames.ts"
import { guarded, reportUncaught, type Turn } from "../common/turn.ts"
import { failureText, shortened, shownFailure } from "./failureText.ts"
import { Pace } from "./pace.ts"
import type { CallEnded, PoolEvent } from "./poolEvent.ts"
import { Ring } from "./ring.ts"
import { type CountedChunk, outcomesOf, type Tally } from "./tally.ts"

/** How many events are kept for those who listen. */
const capacity = 2048

/** How many failures of a call's items are told. */
const mostFailures = 100

/** Tells this process from others, whose events may meet this one's in a trace; no secret. */
const here = Math.floor(Math.random() * 36 ** 8).toString(36)

/** How many pools there have been in it. */
let pools = 0

/** What it asks of a call. */
export interface ToldCall {
  /** Its number in its pool. */
  readonly number: number
  readonly tally: Tally
  readonly chunks: Iterable<CountedChunk>
  readonly policy: { readonly areRuns: boolean }
  readonly failure: Cause.Cause<unknown> | undefined
  readonly options: {
    readonly task: Code
    readonly source: { readonly length: number | undefined }
    readonly describe: Describe | undefined
  }
}

/** What it asks of a chunk. */
export interface ToldChunk extends CountedChunk {
  readonly call: ToldCall
  readonly items: ReadonlyArray<unknown>
  readonly worker: WorkerIdentity
  readonly index: (position: number) => number
  /** Its number in its pool, once it has been told. */
  number: number
}

export interface EventsOptions {
  readonly pool: string
  readonly turn: Turn
  readonly clock: Clock.Clock
  /** By the Clock. */
  readonly later: Later
  /** The calls in progress. */
  readonly calls: () => Iterable<ToldCall>
}

/** Somebody who listens. */
interface Listener {
  /** The number of the event that it takes next. */
  next: number
  /** Lets it go on, if it waits. */
  wake: () => void
}

export class Events {
  /** Whether anybody listens. */
  isWatched = false
  private readonly options: EventsOptions
  private readonly ring = new Ring<PoolEvent>(capacity)
  private readonly listeners = new Set<Listener>()
  private readonly pace: Pace<ToldCall>
  /** What has happened in this turn; some of it is made at its end, because that runs users' `describe`. */
  private pending: Array<PoolEvent | (() => PoolEvent)> = []
  private isClosed = false
  private chunks = 0
  /** What to add to the monotonic clock's milliseconds for those since 1970. */
  private epoch = Number.NEGATIVE_INFINITY

  private readonly ofPool: { readonly pool: string; readonly poolId: string }

  constructor(options: EventsOptions) {
    this.options = options
    this.ofPool = { pool: options.pool, poolId: `${here}-${++pools}` }
    this.pace = new Pace({
      later: options.later,
      calls: options.calls,
      progressed: (call, counts) => this.emit({ _tag: "Progressed", ...this.ofCall(call), ...counts })
    })
  }

  // ---------------------------------------------------------------------------
  // Listening
  // ---------------------------------------------------------------------------

  /** What happens from the moment that somebody runs it, until the pool's Scope closes. */
  readonly stream: Stream.Stream<PoolEvent> = Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => this.listen()),
        (listener) => Effect.sync(() => this.unlisten(listener))
      ),
      (listener) => Stream.fromPull(Effect.succeed(this.pullOf(listener)))
    )
  )

  /** The pool's Scope has closed: listeners are told what there is, and that it was the last. */
  close(): void {
    this.isClosed = true
    this.isWatched = false
    this.pace.stop()
    this.options.turn.tell(() => this.wakeAll())
  }

  private listen(): Listener {
    const listener: Listener = { next: this.ring.written, wake: () => {} }
    if (this.isClosed) return listener
    this.listeners.add(listener)
    if (this.isWatched) return listener
    const { clock } = this.options
    // the wall clock is a little off each time that it is read, and may be set back: times of events go on all the same
    this.epoch = Math.max(this.epoch, clock.currentTimeMillisUnsafe() - this.monotonic)
    this.isWatched = true
    this.pace.start()
    return listener
  }

  private unlisten(listener: Listener): void {
    this.listeners.delete(listener)
    if (this.listeners.size > 0) return
    this.isWatched = false
    this.pace.stop()
    this.ring.clear()
  }

  private pullOf(listener: Listener): Pull.Pull<Arr.NonEmptyReadonlyArray<PoolEvent>> {
    const woken = Effect.callback<void>((resume) => {
      const wake = () => resume(Effect.void)
      // its fiber may have yielded since it found nothing
      if (this.isClosed || this.ring.written > listener.next) wake()
      else listener.wake = wake
    })
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<PoolEvent>> = Effect.suspend(() => {
      const { missed, next, values } = this.ring.read(listener.next)
      listener.next = next
      const [first, ...others] = values
      if (first === undefined) return this.isClosed ? Cause.done() : Effect.andThen(woken, pull)
      if (missed === 0) return Effect.succeed([first, ...others] as const)
      // told at the time of the first one that is there
      const gap: PoolEvent = { _tag: "Missed", ...this.ofPool, time: first.time, count: missed }
      return Effect.succeed([gap, first, ...others] as const)
    })
    return pull
  }

  // ---------------------------------------------------------------------------
  // Telling
  // ---------------------------------------------------------------------------

  private emit(event: PoolEvent | (() => PoolEvent)): void {
    if (this.pending.push(event) === 1) this.options.turn.tell(this.flush)
  }

  private readonly flush = (): void => {
    const { pending } = this
    this.pending = []
    if (this.listeners.size === 0) return
    for (const event of pending) {
      const made = typeof event === "function" ? guarded(event, reportUncaught) : event
      if (made !== undefined) this.ring.write(made)
    }
    this.wakeAll()
  }

  private wakeAll(): void {
    for (const listener of this.listeners) {
      const { wake } = listener
      listener.wake = () => {}
      // an observer of its fiber may throw: the others are told all the same
      guarded(wake, reportUncaught)
    }
  }

  private get monotonic(): number {
    return Number(this.options.clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  private get told() {
    return { ...this.ofPool, time: this.epoch + this.monotonic }
  }

  private inWorker({ generation, id }: WorkerIdentity) {
    return { ...this.told, worker: id, generation }
  }

  private ofCall(call: ToldCall) {
    return { ...this.told, call: call.number }
  }

  private ofChunk(chunk: ToldChunk) {
    return { ...this.inWorker(chunk.worker), call: chunk.call.number, chunk: chunk.number }
  }

  // ---------------------------------------------------------------------------
  // Workers
  // ---------------------------------------------------------------------------

  workerStarting(worker: WorkerIdentity): void {
    this.emit({ _tag: "WorkerStarting", ...this.inWorker(worker) })
  }

  workerInitialised(worker: WorkerIdentity): void {
    this.emit({ _tag: "WorkerInitialised", ...this.inWorker(worker) })
  }

  workerReleased(worker: WorkerIdentity, failure: string | undefined): void {
    const said = failure === undefined ? {} : { failure: shortened(failure) }
    this.emit({ _tag: "WorkerReleased", ...this.inWorker(worker), ...said })
  }

  workerLost(worker: WorkerIdentity, { cause, exitCode, signal }: Closed): void {
    const event = { _tag: "WorkerLost", ...this.inWorker(worker), exitCode, signal } as const
    // printed at the end of the turn, as all that comes from users' code
    this.emit(() => ({ ...event, cause: cause === undefined ? undefined : failureText(cause) }))
  }

  workerKilled(worker: WorkerIdentity): void {
    this.emit({ _tag: "WorkerKilled", ...this.inWorker(worker) })
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  chunkSent(chunk: ToldChunk, queued: boolean): void {
    chunk.number = ++this.chunks
    this.emit({
      _tag: "ChunkSent",
      ...this.ofChunk(chunk),
      index: chunk.index(0),
      items: chunk.items.length,
      queued
    })
  }

  chunkDone(chunk: ToldChunk): void {
    // nobody listened when it was sent
    if (chunk.number === 0) chunk.number = ++this.chunks
    this.emit({ _tag: "ChunkDone", ...this.ofChunk(chunk), ...outcomesOf(chunk) })
  }

  itemFailed(chunk: ToldChunk, position: number, cause: Cause.Cause<unknown>): void {
    const { call } = chunk
    const { describe } = call.options
    if (call.tally.told++ >= mostFailures) return
    const event = {
      _tag: "ItemFailed",
      ...this.inWorker(chunk.worker),
      call: call.number,
      index: chunk.index(position)
    } as const
    if (describe === false) return this.emit(event)
    const item = chunk.items[position]
    this.emit(() => ({ ...event, input: described(item, describe), failure: shownFailure(cause, describe) }))
  }

  // ---------------------------------------------------------------------------
  // Calls
  // ---------------------------------------------------------------------------

  callStarted(call: ToldCall): void {
    const { source, task } = call.options
    const { areRuns } = call.policy
    this.emit({
      _tag: "CallStarted",
      ...this.ofCall(call),
      task: nameOf(task),
      length: areRuns ? undefined : source.length,
      runs: areRuns
    })
    this.pace.start()
  }

  /** `failures` are those of the releases that it waited for. */
  callEnded(call: ToldCall, failures: ReadonlyArray<WorkerPoolError>): void {
    const { options, policy, tally } = call
    const counts = tally.read([])
    const cause = call.failure ?? (failures[0] === undefined ? undefined : Cause.fail(failures[0]))
    const event = {
      _tag: "CallEnded",
      ...this.ofCall(call),
      outcome: policy.areRuns ? outcomeOfRuns(call) : outcomeOf(cause),
      ...counts,
      refused: tally.refused,
      chunks: tally.chunks
    } as const
    this.pace.ended(call)
    if (cause === undefined || policy.areRuns) return this.emit(event)
    this.emit(() => ({ ...event, failure: shownFailure(cause, options.describe) }))
  }
}

const outcomeOf = (cause: Cause.Cause<unknown> | undefined): CallEnded["outcome"] =>
  cause === undefined ? "succeeded" : Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"

const outcomeOfRuns = ({ failure, tally }: ToldCall): CallEnded["outcome"] => {
  const { failed, interrupted } = tally.read([])
  if (failure !== undefined || failed + tally.refused > 0) return "failed"
  return interrupted > 0 ? "interrupted" : "succeeded"
}
