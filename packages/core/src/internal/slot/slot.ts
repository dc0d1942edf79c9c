/**
 * A slot: the life of one worker after another (L1 – L3, L8, L10). Knows nothing of the order of results. All of it runs
 * in turns of the pool: nobody who is told something here comes back before the turn has ended (F8).
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import type * as Tracer from "effect/Tracer"
import type { Closed } from "../../Channel.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Loss, Worker } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { CallChunk, ChunkSlot } from "../call/callChunk.ts"
import type { LostRunner } from "../call/isolation.ts"
import * as errors from "../common/errors.ts"
import type { Fork } from "../common/fork.ts"
import { lagOf } from "../common/lag.ts"
import type { Events } from "../events/events.ts"
import type { Later } from "../common/later.ts"
import type { Releases } from "../common/releases.ts"
import { guarded, type Turn } from "../common/turn.ts"
import type { Numbers, WorkerUsage } from "../insights/insights.ts"
import { type MeterOptions, SlotMeter } from "../insights/slotMeter.ts"
import * as portable from "../task/portable.ts"
import { Backoff } from "./backoff.ts"
import * as hooks from "./hooks.ts"
import { InFlight } from "./inFlight.ts"
import { type Refusals, SlotFailures } from "./slotFailures.ts"
import { Room } from "./room.ts"
import { type AcquisitionFailure, Tenant, type WorkerOptions } from "./tenant.ts"

/** What all slots of a pool have in common. */
export interface SlotOptions {
  readonly worker: WorkerOptions
  /** The pool's name. */
  readonly pool: string
  /** Whether the pool's `describe` shows no item. */
  readonly hidesItems: boolean
  readonly turn: Turn
  /** The hooks that are current (L6). */
  readonly hooks: () => hooks.Hooks
  /** The hooks that a call keeps (L10). */
  readonly keptBy: (call: Call) => hooks.Hooks
  /** Whether the pool is closed, so that no worker is to be acquired any more. */
  readonly isClosed: () => boolean
  readonly refusals: Refusals
  readonly fork: Fork
  readonly later: Later
  /** By the Clock, in milliseconds. */
  readonly now: () => number
  readonly meter: MeterOptions
  /** Something may be dispatched that could not be before. */
  readonly dispatch: () => void
  readonly events: SlotEvents
  /** Whom it tells what becomes of workers and chunks, once it has read that somebody listens (O2). */
  readonly told: Events
}

/** A worker has vanished while it had nothing to do, perhaps by what its last task left behind. */
export interface IdleLoss {
  readonly error: WorkerPoolError
  readonly ranLast: portable.Address | undefined
}

/** What a slot tells its pool. */
export interface SlotEvents {
  /** A worker has nothing to do. */
  readonly idle: () => void
  /** An exit hook has returned a value (L9). */
  readonly exitResult: (value: unknown) => void
  /** A release has failed, and no call or control caused it that could fail with it. */
  readonly releaseFailed: (error: WorkerPoolError) => void
  /** A worker has vanished; it is told what nobody else would be: one that had nothing to do. */
  readonly lost: (idle: IdleLoss | undefined) => void
  /** A worker has vanished with its runner; called before what it had is sent again (K4). */
  readonly runnerLost: (runner: LostRunner) => void
  /** A worker has been killed. */
  readonly killed: () => void
}

/** Why and how a worker is to be released once its items in flight have ended. */
interface Retirement {
  readonly releases: Releases | undefined
  /** The hooks to release it with; by default those that are current then. */
  readonly hooks: hooks.Hooks | undefined
}

/** A `start` that waits for an acquisition. */
interface Start {
  /** The hooks that were current when it began. */
  readonly hooks: hooks.Hooks
  /** Whether the acquisition concerned it; if not, it tries again. */
  readonly done: Deferred.Deferred<boolean, WorkerPoolError>
}

/**
 * - `Empty`: a worker can be acquired, unless the slot waits out a back-off
 * - `Acquiring`: chunks or `start`s wait for the worker
 * - `Abandoned`: nobody waits for it any more, but its `init` is the current one, so that a later call will need it
 * - `Interrupted`: an acquisition that nobody needs has been told to end
 * - `Live`: it takes chunks
 * - `Condemned`: something in it does not yield; it is ended, without `exit`, when its items in flight have ended (C4)
 * - `Leaving`: it is being released, or has been lost, killed, or not acquired, and has yet to end (L1)
 */
type State =
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Acquiring" | "Abandoned"; readonly tenant: Tenant; readonly retirement: Retirement | undefined }
  | { readonly _tag: "Interrupted"; readonly tenant: Tenant; readonly retirement: Retirement }
  | {
      readonly _tag: "Live"
      readonly tenant: Tenant
      readonly worker: Worker
      readonly retirement: Retirement | undefined
    }
  | { readonly _tag: "Condemned"; readonly tenant: Tenant; readonly worker: Worker }
  | { readonly _tag: "Leaving"; readonly tenant: Tenant }

const empty: State = { _tag: "Empty" }

const noRetirement: Retirement = { releases: undefined, hooks: undefined }

/** Grows with each use of a slot: tells which of two slots was used last. */
let uses = 0

export class Slot implements ChunkSlot {
  readonly id: number
  /** When its worker last had something to do, by a count that only grows. */
  lastUsed = 0
  /** When its worker fell idle, by the Clock, in milliseconds. */
  idleSince = 0
  private readonly options: SlotOptions
  private readonly told: Events
  private readonly tasksPerWorker: number
  private state: State = empty
  private generation = 0
  /** What its worker has, or will have when it has been acquired. */
  private readonly chunks: InFlight
  private readonly starts = new Set<Start>()
  private readonly failures: SlotFailures
  private readonly room: Room
  private readonly meter: SlotMeter
  private usage: WorkerUsage | undefined = undefined
  /** Whether the pool has shrunk below this slot. */
  private isWithdrawn = false

  constructor(id: number, options: SlotOptions) {
    const { dispatch, keptBy, later, refusals } = options
    this.id = id
    this.options = options
    this.told = options.told
    this.tasksPerWorker = options.worker.tasksPerWorker
    this.chunks = new InFlight(this.tasksPerWorker)
    this.meter = new SlotMeter(options.meter)
    const makeBackoff = () => new Backoff(later, dispatch)
    this.failures = new SlotFailures({ refusals, keptBy, makeBackoff })
    this.room = new Room(options, dispatch)
  }

  // ---------------------------------------------------------------------------
  // What it looks like
  // ---------------------------------------------------------------------------

  get availability(): "live" | "busy" | "empty" | "unavailable" {
    const { state } = this
    if (this.isWithdrawn) return "unavailable"
    if (state._tag === "Empty") {
      return this.failures.refusalOfAll === undefined && !this.room.isAwaited ? "empty" : "unavailable"
    }
    // A chunk that is to be alone stays alone until it has ended, even when all its items have. And a worker that has
    // used its lifespan up would take a call's turn without taking a chunk.
    if (state._tag !== "Live" || state.retirement !== undefined) return "unavailable"
    if (this.chunks.isReserved || this.remaining <= 0) return "unavailable"
    if (this.load < this.tasksPerWorker) return "live"
    if (this.options.worker.runtime.isRemote !== true) return "unavailable"
    const { lag } = this
    // a worker that runs several items at once takes the next ones as these end, unless it is far away
    const mayPrefetch = this.tasksPerWorker === 1 || lag > 0
    return mayPrefetch && this.chunks.hasRoom(lag) ? "busy" : "unavailable"
  }

  get lag(): number {
    const { state } = this
    if (state._tag !== "Live") return 0
    const { worker } = state
    return worker.lag === undefined ? 0 : lagOf(() => worker.lag?.())
  }

  get isSettled(): boolean {
    return this.state._tag !== "Live" || this.state.worker.isSettled !== false
  }

  get load(): number {
    return this.chunks.load
  }

  /** How many more items its worker, or the next one, may be given (L8). */
  get remaining(): number {
    const { lifespan } = this.options.hooks()
    if (lifespan === undefined) return Number.POSITIVE_INFINITY
    return this.state._tag === "Empty" ? lifespan : lifespan - MutableRef.get(this.state.tenant.given)
  }

  get isEmpty(): boolean {
    return this.state._tag === "Empty"
  }

  get isStarting(): boolean {
    return this.state._tag === "Acquiring" || this.state._tag === "Abandoned"
  }

  get isLive(): boolean {
    return this.state._tag === "Live"
  }

  get isIdle(): boolean {
    return this.state._tag === "Live" && this.chunks.size === 0
  }

  /** Why it acquires no worker for a call for a while, if that is so. */
  refusal(call: Call): WorkerPoolError | undefined {
    if (this.state._tag !== "Empty") return undefined
    return this.failures.refusal(this.hooksFor(this.options.keptBy(call)))
  }

  refuses(call: Call): boolean {
    return this.refusal(call) !== undefined
  }

  /** The hooks that its worker was acquired with, or is being acquired with, unless that worker is about to go. */
  get acquiredWith(): hooks.Hooks | undefined {
    return this.isLive || this.isStarting ? this.tenant?.hooks : undefined
  }

  private get tenant(): Tenant | undefined {
    return this.state._tag === "Empty" ? undefined : this.state.tenant
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  /** Gives its worker a chunk; acquires one first when there is none (L2). */
  assign(chunk: CallChunk): void {
    const { state } = this
    chunk.assignedTo(this)
    this.chunks.add(chunk)
    this.lastUsed = uses++
    if (state._tag === "Live") {
      this.count(chunk.items.length)
      this.send(chunk, state)
    } else if (state._tag === "Empty") {
      this.acquire(this.hooksFor(this.options.keptBy(chunk.call)), chunk.items.length, chunk.span)
    }
  }

  interrupt(chunk: CallChunk): void {
    // a chunk that was lost with its worker is no longer here, and is ended by that loss
    if (!this.chunks.has(chunk)) return
    const worker = this.workerOf(chunk)
    if (worker === undefined) {
      chunk.end(undefined)
      this.reconsider()
    } else {
      // nothing of it starts once it is interrupted
      if (this.started(chunk) === 0) chunk.isUnstarted = true
      // a runtime that throws has not ended the chunk: nobody waits for what it would still report
      guarded(
        () => worker.interrupt(chunk),
        () => chunk.end(undefined)
      )
    }
  }

  limitTo(chunk: CallChunk, items: number): number {
    const worker = this.workerOf(chunk)
    if (worker === undefined) return chunk.items.length
    // a runtime that throws has taken nothing back, and must not stop the dispatcher, which asks this for everybody (F8)
    const limit = guarded(
      () => worker.limitTo(chunk, items),
      () => {}
    )
    return limit ?? chunk.items.length
  }

  started(chunk: CallChunk): number | undefined {
    // a runtime that throws does not know
    return guarded(
      () => this.workerOf(chunk)?.started(chunk),
      () => {}
    )
  }

  granted(chunk: CallChunk): number | undefined {
    return guarded(
      () => this.workerOf(chunk)?.granted?.(chunk),
      () => {}
    )
  }

  /** The worker that has been given a chunk. */
  private workerOf(chunk: CallChunk): Worker | undefined {
    const { state } = this
    return (state._tag === "Live" || state._tag === "Condemned") && this.chunks.has(chunk) ? state.worker : undefined
  }

  /** Items that were taken back do not count for the lifespan (L8). */
  takenBack(items: number): void {
    this.chunks.items -= items
    this.count(-items)
  }

  isQueued(chunk: CallChunk): boolean {
    return this.chunks.isQueued(chunk)
  }

  /** Takes items back so that `call` gets its turn soon (C1); returns whether a second look could take back more. */
  makeWay(call: Call, isLate: boolean): boolean {
    return this.chunks.makeWay(call, isLate)
  }

  progressed(items: number): void {
    this.chunks.items -= items
    if (this.tasksPerWorker > 1) this.options.dispatch()
  }

  timed(chunk: CallChunk, millis: number): void {
    if (this.chunks.has(chunk)) this.meter.reported(chunk, millis)
  }

  ended(chunk: CallChunk): void {
    const wasCut = chunk.isCut && !this.chunks.isQueued(chunk)
    if (!this.chunks.delete(chunk)) return
    if (chunk.hasWorker) this.meter.ended(chunk, wasCut)
    this.count(-chunk.open)
    const { state } = this
    this.tenant?.answered(chunk)
    if (this.chunks.size > 0) return
    if (state._tag === "Live") this.drained(state, chunk)
    else if (state._tag === "Condemned") this.endWorker(state.tenant)
  }

  private send(chunk: CallChunk, { tenant, worker }: { readonly tenant: Tenant; readonly worker: Worker }): void {
    chunk.givenTo(tenant.identity)
    this.meter.sent(chunk)
    const { describe, task } = chunk.call.options
    tenant.ranLast = portable.unbound(task)
    if (describe === false) tenant.hidesItems = true
    if (this.told.isWatched) this.told.chunkSent(chunk, this.chunks.isQueued(chunk))
    guarded(
      () => worker.run(chunk),
      // an exception of the runtime's is this chunk's failure, and nobody else's (F8)
      (defect) => chunk.end(errors.startFailed(tenant.identity, defect))
    )
  }

  /** Counts items as given to the worker, or as not given after all (L8). */
  private count(items: number): void {
    const given = this.tenant?.given
    if (given !== undefined) MutableRef.set(given, MutableRef.get(given) + items)
  }

  /** The last items in flight, those of `last`, have ended: the worker is released if that is due, or else is idle. */
  private drained({ retirement, tenant }: State & { readonly _tag: "Live" }, last: CallChunk | undefined): void {
    if (retirement !== undefined) return this.releaseWorker(tenant, retirement)
    if (this.remaining <= 0) {
      // its lifespan is used up: the call of its last chunk waits for the release (L8)
      last?.releases.cause(tenant.released)
      return this.releaseWorker(tenant, { releases: last?.releases, hooks: undefined })
    }
    this.lastUsed = uses++
    this.idleSince = this.options.now()
    this.options.events.idle()
  }

  // ---------------------------------------------------------------------------
  // Acquisition
  // ---------------------------------------------------------------------------

  /** Acquires a worker unless there is one; completes when it is live, or fails as its acquisition did. */
  start(): Effect.Effect<void, WorkerPoolError> {
    return this.options.turn.enter(() => {
      const { state } = this
      if (this.options.isClosed()) return Effect.fail(errors.poolClosed(this.options.pool))
      if (this.isWithdrawn) return Effect.void
      switch (state._tag) {
        case "Live":
          return Effect.void
        case "Empty": {
          const current = this.options.hooks()
          const refusal = this.failures.refusal(current)
          if (refusal !== undefined) return Effect.fail(refusal)
          if (this.room.isAwaited) {
            // that there is no room is no failure while the pool has a worker (K7)
            if (this.options.refusals.hasLive) return Effect.void
            return Effect.andThen(this.room.awaited, () => this.start())
          }
          this.acquire(current, 0, undefined)
          return this.acquired
        }
        case "Abandoned":
          this.state = { ...state, _tag: "Acquiring" }
          return this.acquired
        case "Acquiring":
          return this.acquired
        default:
          // the old worker's release ends before the next acquisition begins (L1)
          return Effect.andThen(Deferred.await(state.tenant.released), () => this.start())
      }
    })
  }

  /** Completes when the worker that is being acquired is live; fails with a failure that concerns the caller (L10). */
  private get acquired(): Effect.Effect<void, WorkerPoolError> {
    const start: Start = { hooks: this.options.hooks(), done: Deferred.makeUnsafe() }
    this.starts.add(start)
    const givenUp = Effect.sync(() =>
      this.options.turn.take(() => {
        this.starts.delete(start)
        this.reconsider()
      })
    )
    return Effect.flatMap(
      Effect.onInterrupt(Deferred.await(start.done), () => givenUp),
      (isConcerned) => (isConcerned ? Effect.void : this.start())
    )
  }

  /** Tells the `start`s that an acquisition is over; `failure` is why it failed, if it did. */
  private tellStarts(exitOf: (start: Start) => Exit.Exit<boolean, WorkerPoolError>): void {
    for (const start of this.starts) {
      const exit = exitOf(start)
      this.options.turn.complete(start.done, exit)
    }
    this.starts.clear()
  }

  /**
   * The hooks that a worker for a call is acquired with, which keeps `kept`: those that are current at that moment (L6).
   * While the slot has to wait because of the current `init`, which is not the call's, the call gets its own (L10).
   */
  private hooksFor(kept: hooks.Hooks): hooks.Hooks {
    const current = this.options.hooks()
    return this.failures.refusal(current) !== undefined && !hooks.sameInit(current, kept) ? kept : current
  }

  /** Begins to acquire a worker, for what has the span `cause`, and counts `items` items as given to it. */
  private acquire(acquiredWith: hooks.Hooks, items: number, cause: Tracer.AnySpan | undefined): void {
    const { fork, pool, turn, worker } = this.options
    this.generation++
    const identity = { id: this.id, generation: this.generation, pool }
    const tenant = new Tenant(identity, acquiredWith, items, turn, fork)
    tenant.hidesItems = this.options.hidesItems
    this.state = { _tag: "Acquiring", tenant, retirement: undefined }
    this.meter.acquiring()
    const events = {
      onPlaced: () => turn.take(() => this.begun(tenant)),
      onStarted: () => turn.take(() => this.onStarted(tenant)),
      onLost: (loss: Loss) => turn.take(() => this.onLost(tenant, loss)),
      onCondemned: () => turn.take(() => this.onCondemned(tenant)),
      onUnwanted: () => turn.take(() => this.onUnwanted(tenant)),
      onSettled: () => turn.take(() => this.options.dispatch())
    }
    tenant.acquire(
      worker,
      events,
      cause,
      (worker) => this.onAcquired(tenant, worker),
      (failure) => this.onNotAcquired(tenant, failure)
    )
  }

  private onStarted(tenant: Tenant): void {
    if (this.tenant !== tenant) return
    this.begun(tenant)
    this.meter.started()
  }

  /** There is a place for it, or it has ended otherwise: its beginning is told before all else that is told of it (O2). */
  private begun(tenant: Tenant): void {
    if (tenant.isBegun) return
    tenant.isBegun = true
    if (this.told.isWatched) this.told.workerStarting(tenant.identity)
  }

  private onAcquired(tenant: Tenant, worker: Worker): void {
    const { state } = this
    // it may have been killed meanwhile
    if (state._tag === "Empty" || state.tenant !== tenant || state._tag === "Leaving") return
    this.failures.succeeded(tenant.hooks)
    if (this.told.isWatched) this.told.workerInitialised(tenant.identity)
    // `init` succeeded before it could be interrupted, so that `exit` has to run (L3)
    if (state._tag === "Interrupted") return this.releaseWorker(tenant, state.retirement)
    if (state._tag !== "Acquiring" && state._tag !== "Abandoned") return
    const live = { _tag: "Live", tenant, worker, retirement: state.retirement } as const
    this.state = live
    this.meter.acquired()
    this.tellStarts(() => Exit.succeed(true))
    if (this.chunks.size === 0) this.drained(live, undefined)
    else for (const chunk of this.chunks) this.send(chunk, live)
    this.options.dispatch()
  }

  /** Its acquisition has failed, or was interrupted when `failure` is undefined. */
  private onNotAcquired(tenant: Tenant, failure: AcquisitionFailure | undefined): Effect.Effect<void> {
    const { turn } = this.options
    const isHere = () => this.tenant === tenant && !tenant.isKilled
    let isForgiven = false
    return Effect.suspend(() => {
      // of a lost worker the callers are told at once: only the slot waits until it has really ended (C4, L1)
      const isLost = tenant.loss !== undefined
      turn.take(() => {
        if (!isHere()) return
        this.state = { _tag: "Leaving", tenant }
        if (!isLost) this.meter.releasing()
        isForgiven = failure !== undefined && this.failures.isForgiven(failure, tenant.loss)
        if (failure !== undefined && !isForgiven) this.failures.noted(failure, tenant.hooks)
        if (failure?.unavailable !== undefined) {
          // it has never been, and the next one is as new
          this.meter.hadNoRoom()
          this.generation--
        }
        if (isLost) this.tellNotAcquired(tenant, failure, isForgiven)
      })
      return Effect.map(tenant.discard, () =>
        turn.take(() => {
          if (!isHere()) return
          if (!isLost) {
            // an attempt that found no room, or was given up before, is no worker's life (K7)
            if (failure !== undefined && failure.unavailable === undefined) this.begun(tenant)
            if (this.told.isWatched && tenant.isBegun) this.told.workerReleased(tenant.identity, failure?.error.message)
            this.tellNotAcquired(tenant, failure, isForgiven)
          }
          this.vacate(tenant)
        })
      )
    })
  }

  /** Tells what waited for the worker. */
  private tellNotAcquired(tenant: Tenant, failure: AcquisitionFailure | undefined, isForgiven: boolean): void {
    const chunks = this.chunks.takeAll()
    if (failure !== undefined && isForgiven) {
      this.room.lack(failure.unavailable?.again)
      // who began to wait for it waits for another one, unless there is one elsewhere
      this.tellStarts(() => Exit.succeed(false))
      for (const chunk of chunks) chunk.end(undefined)
      return
    }
    if (failure === undefined) {
      this.tellStarts(() => Exit.succeed(true))
      for (const chunk of chunks) chunk.end(undefined)
      return
    }
    this.tellStarts(({ hooks: kept }) =>
      this.failures.isConcerned(failure, tenant.hooks, kept)
        ? Exit.failCause(Cause.fail(failure.error))
        : Exit.succeed(false)
    )
    this.failures.notAcquired(failure, tenant.hooks, chunks)
  }

  /**
   * Looks again at an acquisition, because somebody gave up that waited for it, or because other hooks have become
   * current. It goes on while its `init` is the current one, for later calls, or while somebody waits for it who keeps
   * that `init`. Any other would only keep the slot from those who need it, perhaps for ever (L10).
   */
  reconsider(): void {
    const { state } = this
    if (state._tag !== "Acquiring" && state._tag !== "Abandoned") return
    const { hooks: acquiredWith } = state.tenant
    const isOwn = (kept: hooks.Hooks) => kept.init === acquiredWith.init
    if (isOwn(this.options.hooks())) {
      const isWaitedFor = this.chunks.size > 0 || this.starts.size > 0
      this.state = { ...state, _tag: isWaitedFor ? "Acquiring" : "Abandoned" }
      return
    }
    for (const { call } of this.chunks) if (isOwn(this.options.keptBy(call))) return
    for (const { hooks: kept } of this.starts) if (isOwn(kept)) return
    this.interruptAcquisition(state.tenant, state.retirement ?? noRetirement)
  }

  private interruptAcquisition(tenant: Tenant, retirement: Retirement): void {
    this.state = { _tag: "Interrupted", tenant, retirement }
    this.tellStarts(({ hooks: kept }) => Exit.succeed(hooks.sameInit(kept, tenant.hooks)))
    // their calls do not keep its hooks: they wait for another worker
    for (const chunk of this.chunks.takeAll()) chunk.end(undefined)
    tenant.interruptAcquisition()
  }

  // ---------------------------------------------------------------------------
  // Release
  // ---------------------------------------------------------------------------

  /**
   * Releases its worker: now when it is idle, or else before it gets another chunk. The release runs `hooks`, or by
   * default those that are current then. It is added to `releases`, for what has to wait for it.
   */
  retire(releases: Releases | undefined, hooks?: hooks.Hooks): void {
    const { state } = this
    // the real end of a worker that was lost or killed holds up nobody but the pool's Scope (C4)
    if (state._tag === "Empty" || state.tenant.loss !== undefined) return
    const { tenant } = state
    const isLeaving = state._tag === "Leaving" || state._tag === "Interrupted" || state._tag === "Condemned"
    // what asked first fails if the release does; what asks later only waits
    if (isLeaving || state.retirement !== undefined) return releases?.await(tenant.released)
    releases?.cause(tenant.released)
    const retirement = { releases, hooks }
    if (state._tag === "Live" && this.chunks.size === 0) return this.releaseWorker(tenant, retirement)
    // nobody needs it any more
    if (state._tag !== "Live" && this.chunks.size === 0) return this.interruptAcquisition(tenant, retirement)
    this.state = { ...state, retirement }
    // other workers do the chunks that this one has not begun
    this.chunks.takeBackQueued()
  }

  /** Its runtime wants the place of its worker back. */
  private onUnwanted(tenant: Tenant): void {
    const { state } = this
    if (state._tag === "Empty" || state.tenant !== tenant) return
    if (state._tag === "Acquiring" && state.retirement === undefined) {
      // what waits for a worker still needs one
      this.tellStarts(() => Exit.succeed(false))
      return this.interruptAcquisition(tenant, noRetirement)
    }
    this.retire(undefined)
    this.chunks.takeBackUnstarted()
  }

  /** Takes the slot out of the pool, which has shrunk: it gets no more chunks, and its worker is released. */
  withdraw(releases: Releases): void {
    this.isWithdrawn = true
    this.retire(releases)
  }

  /** Puts the slot back into the pool, which has grown again. */
  restore(): void {
    this.isWithdrawn = false
  }

  /** Releases its worker, with the hooks that are current unless the retirement names others. */
  private releaseWorker(tenant: Tenant, retirement: Retirement): void {
    const { events } = this.options
    this.state = { _tag: "Leaving", tenant }
    this.meter.releasing()
    tenant.release(
      // not the hooks that it was acquired with (L6)
      retirement.hooks ?? this.options.hooks(),
      retirement.releases?.span,
      (value) => events.exitResult(value),
      (failure) => {
        if (this.tenant !== tenant || tenant.isKilled) return
        if (failure !== undefined && retirement.releases === undefined) events.releaseFailed(failure)
        if (this.told.isWatched && !tenant.isGone) this.tellReleased(tenant, failure)
        this.vacate(tenant, failure)
      }
    )
  }

  private tellReleased({ hidesItems, identity }: Tenant, failure: WorkerPoolError | undefined): void {
    // the state of a worker may be made of its items, and what its release fails with may quote them
    this.told.workerReleased(identity, hidesItems ? failure?.reason._tag : failure?.message)
  }

  /** Completes when nothing is being released, and every worker that was lost or killed has really ended. */
  settled(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { state } = this
      if (state._tag === "Empty") return Effect.void
      const isLeaving = !("retirement" in state) || state.retirement !== undefined
      return isLeaving ? Effect.andThen(Deferred.await(state.tenant.released), () => this.settled()) : Effect.void
    })
  }

  /** The worker is gone; `failure` is what its release failed with. */
  private vacate(tenant: Tenant, failure?: WorkerPoolError): void {
    this.state = empty
    this.meter.gone()
    this.options.turn.complete(tenant.released, Exit.succeed(failure))
    this.options.dispatch()
  }

  // ---------------------------------------------------------------------------
  // Violent ends
  // ---------------------------------------------------------------------------

  /** Marks its worker as killed at once; the Effect ends it, without `exit` (L3), and completes when it has ended. */
  kill(): Effect.Effect<void> {
    const { events, turn } = this.options
    const { state } = this
    if (state._tag === "Empty") return Effect.void
    const { tenant } = state
    if (tenant.isKilled) return Effect.asVoid(Deferred.await(tenant.released))
    const { areRunning } = this
    const chunks = this.chunks.takeAll()
    this.meter.endedWith(given(chunks), areRunning)
    this.meter.gone()
    // one that was condemned has been told already
    if (!tenant.isGone && !tenant.isCondemned) {
      events.killed()
      this.begun(tenant)
      if (this.told.isWatched) this.told.workerKilled(tenant.identity)
    }
    tenant.isKilled = true
    this.state = { _tag: "Leaving", tenant }
    this.tellStarts(() => Exit.fail(errors.terminated(this.options.pool)))
    const ended = Effect.sync(() =>
      turn.take(() => {
        for (const chunk of chunks) chunk.end(undefined)
        this.vacate(tenant)
      })
    )
    return Effect.uninterruptible(Effect.andThen(tenant.kill, ended))
  }

  /** Its worker has vanished, or was killed by the runtime (F1, F2). */
  private onLost(tenant: Tenant, loss: Loss): void {
    const { events } = this.options
    const { state } = this
    if (state._tag === "Empty" || state.tenant !== tenant || tenant.isGone) return
    tenant.loss = loss
    for (const chunk of this.chunks) tenant.answered(chunk)
    const { lostRunner } = tenant
    if (lostRunner !== undefined) events.runnerLost(lostRunner)
    // one that was condemned has been told already
    if (!tenant.isCondemned) {
      this.meter.lostOrKilled(loss.killed)
      if (loss.killed) events.killed()
      else events.lost(this.untold(tenant, loss))
      this.begun(tenant)
      if (this.told.isWatched) this.tellGone(tenant, loss)
    }
    // an acquisition or release in progress fails by itself
    if (state._tag !== "Live" && state._tag !== "Condemned") return this.meter.gone()
    const chunks = this.chunks.takeAll()
    // the worker has the slot until it has really ended (L1)
    this.endWorker(tenant)
    this.failures.lost(tenant, loss, chunks)
    // after that, because items that were lost have failed by it
    this.meter.endedWith(given(chunks), hadStarted(loss, chunks))
    this.options.dispatch()
  }

  private tellGone({ hidesItems, identity }: Tenant, { closed, killed }: Loss): void {
    if (killed) return this.told.workerKilled(identity)
    this.told.workerLost(identity, hidesItems ? withoutItems(closed) : closed)
  }

  /** What nobody would be told of: a worker that had nothing to do has ended. */
  private untold({ hidesItems, identity, ranLast }: Tenant, { closed }: Loss): IdleLoss | undefined {
    const isIdle = this.state._tag === "Live" && this.chunks.size === 0
    if (!isIdle) return undefined
    // no task has ended it that was lost with its whole machine (K4)
    const error = errors.workerLost(identity, hidesItems ? withoutItems(closed) : closed)
    return { error, ranLast: closed.external === true ? undefined : ranLast }
  }

  /** Something in its worker does not yield, and the runtime has given it up: the worker is replaced (C4). */
  private onCondemned(tenant: Tenant): void {
    const { state } = this
    if (state._tag !== "Live" || state.tenant !== tenant) return
    this.meter.lostOrKilled(true)
    this.options.events.killed()
    if (this.told.isWatched) this.told.workerKilled(tenant.identity)
    tenant.isCondemned = true
    this.state = { _tag: "Condemned", tenant, worker: state.worker }
    if (this.chunks.size === 0) return this.endWorker(tenant)
    this.chunks.takeBackQueued()
    this.options.dispatch()
  }

  /** Ends its worker without `exit`: it was lost, or is condemned. */
  private endWorker(tenant: Tenant): void {
    const { fork, turn } = this.options
    this.state = { _tag: "Leaving", tenant }
    this.meter.gone()
    const ended = Effect.sync(() =>
      turn.take(() => {
        if (this.tenant === tenant && !tenant.isKilled) this.vacate(tenant)
      })
    )
    turn.tell(() => fork(Effect.uninterruptible(Effect.andThen(tenant.end, ended))))
  }

  // ---------------------------------------------------------------------------
  // Insights
  // ---------------------------------------------------------------------------

  /** What has been counted and timed of its workers (O1). */
  get numbers(): Numbers {
    return this.meter.read(given(this.chunks), this.areRunning)
  }

  /** What its worker used when it was last asked. */
  get lastUsage(): WorkerUsage | undefined {
    return this.usage
  }

  /** Asks what its worker uses; `undefined` where nobody can tell. */
  get askUsage(): Effect.Effect<void> | undefined {
    const { state } = this
    if (state._tag !== "Live" || state.worker.usage === undefined) return undefined
    const { generation } = state.tenant.identity
    return Effect.map(state.worker.usage, (usage) => {
      if (usage === undefined || this.tenant !== state.tenant) return
      const working = this.meter.workingNow(given(this.chunks), this.areRunning)
      this.usage = { ...usage, generation, working, starting: this.meter.starting }
    })
  }

  /** Whether its worker runs items now, as far as that is known. */
  private get areRunning(): boolean {
    for (const chunk of this.chunks) if (chunk.hasWorker && this.started(chunk) !== 0) return true
    return false
  }

  /** The pool is closed. */
  dispose(): void {
    this.room.dispose()
    this.failures.dispose()
  }
}

/** Those of the chunks that their worker has been given. */
const given = (chunks: Iterable<CallChunk>): ReadonlyArray<CallChunk> =>
  [...chunks].filter(({ hasWorker }) => hasWorker)

/** What is known of a lost worker, but for an uncaught error, which may quote an item (O2). That of a lost machine does not. */
const withoutItems = (closed: Closed): Closed => (closed.external === true ? closed : { ...closed, cause: undefined })

/** Whether items of a lost worker had started, as far as that is known. */
const hadStarted = ({ inHand }: Loss, chunks: ReadonlyArray<CallChunk>): boolean =>
  chunks.some((chunk) => inHand.get(chunk)?.started !== 0)
