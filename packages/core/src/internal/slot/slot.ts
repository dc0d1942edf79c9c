/**
 * A slot: the life of one worker after another (L1 – L3, L8). Knows nothing of the order of results.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Loss, Worker } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { CallChunk, ChunkSlot } from "../call/callChunk.ts"
import * as errors from "../common/errors.ts"
import type { Fork } from "../common/fork.ts"
import type { Release, Releases } from "../common/releases.ts"
import { Backoff } from "./backoff.ts"
import type { Hooks } from "./hooks.ts"
import { InFlight } from "./inFlight.ts"
import { type Refusals, SlotFailures } from "./slotFailures.ts"
import { Tenant, type WorkerOptions } from "./tenant.ts"

/** What all slots of a pool have in common. */
export interface SlotOptions {
  readonly worker: WorkerOptions
  /** The hooks that are current (L6). */
  readonly hooks: () => Hooks
  /** Whether the pool is closed, so that no worker is to be acquired any more. */
  readonly isClosed: () => boolean
  readonly refusals: Refusals
  readonly fork: Fork
  /** By the Clock, in milliseconds. */
  readonly now: () => number
  /** Something may be dispatched that could not be before. */
  readonly dispatch: () => void
  readonly events: SlotEvents
}

/** What a slot tells its pool. */
export interface SlotEvents {
  /** A worker has nothing to do. */
  readonly idle: () => void
  /** An exit hook has returned a value (L9). */
  readonly exitResult: (value: unknown) => void
  /** A release has failed, and no call or control caused it that could fail with it. */
  readonly releaseFailed: (error: WorkerPoolError) => void
  /** A worker has vanished. */
  readonly lost: () => void
  /** A worker has been killed. */
  readonly killed: () => void
}

/** Why and how a worker is to be released once its items in flight have ended. */
interface Retirement {
  readonly releases: Releases | undefined
  /** The hooks to release it with; by default those that are current then. */
  readonly hooks: Hooks | undefined
}

type Started = Deferred.Deferred<void, WorkerPoolError>

/** Grows with each use of a slot: tells which of two slots was used last. */
let uses = 0

export class Slot implements ChunkSlot {
  readonly id: number
  /** When its worker last had something to do, by a count that only grows. */
  lastUsed = 0
  /** When its worker fell idle, by the Clock, in milliseconds. */
  idleSince = 0
  private readonly options: SlotOptions
  private readonly tasksPerWorker: number
  private status: "empty" | "starting" | "live" | "releasing" = "empty"
  private generation = 0
  private tenant: Tenant | undefined = undefined
  private retirement: Retirement | undefined = undefined
  /** What `release` returns; made when something has to wait for the worker's release. */
  private awaitedRelease: Release | undefined = undefined
  /** Done when the worker that is being acquired is live. */
  private acquiring: Started | undefined = undefined
  private readonly chunks: InFlight
  private readonly failures: SlotFailures
  /** Whether the pool has shrunk below this slot. */
  private isWithdrawn = false

  constructor(id: number, options: SlotOptions) {
    this.id = id
    this.options = options
    this.tasksPerWorker = options.worker.tasksPerWorker
    this.chunks = new InFlight(this.tasksPerWorker)
    this.failures = new SlotFailures(options.refusals, new Backoff(options.fork, options.dispatch))
  }

  // ---------------------------------------------------------------------------
  // What it looks like
  // ---------------------------------------------------------------------------

  get availability(): "live" | "busy" | "empty" | "unavailable" {
    if (this.isWithdrawn || this.retirement !== undefined) return "unavailable"
    if (this.status === "empty") return this.failures.refusal === undefined ? "empty" : "unavailable"
    // A chunk that is to be alone stays alone until it has ended, even when all its items have. And a worker that has
    // used its lifespan up would take a call's turn without taking a chunk.
    if (this.status !== "live" || this.chunks.isReserved || this.remaining <= 0) return "unavailable"
    if (this.load < this.tasksPerWorker) return "live"
    const mayPrefetch = this.options.worker.runtime.isRemote === true && this.tasksPerWorker === 1
    return mayPrefetch && this.chunks.size === 1 ? "busy" : "unavailable"
  }

  get load(): number {
    return this.chunks.load
  }

  /** How many more items its worker, or the next one, may be given (L8). */
  get remaining(): number {
    const { lifespan } = this.options.hooks()
    if (lifespan === undefined) return Number.POSITIVE_INFINITY
    return this.tenant === undefined ? lifespan : lifespan - MutableRef.get(this.tenant.given)
  }

  get isEmpty(): boolean {
    return this.status === "empty"
  }

  get isStarting(): boolean {
    return this.status === "starting"
  }

  get isLive(): boolean {
    return this.status === "live"
  }

  get isIdle(): boolean {
    return this.status === "live" && this.chunks.size === 0
  }

  /** Why it acquires no worker for a while, if that is so. */
  get refusal(): WorkerPoolError | undefined {
    return this.status === "empty" ? this.failures.refusal : undefined
  }

  /** The hooks that its worker was acquired with, if it has one. */
  get acquiredWith(): Hooks | undefined {
    return this.tenant?.hooks
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  /** Gives its worker a chunk; acquires one first when there is none (L2). */
  assign(chunk: CallChunk): void {
    chunk.assignedTo(this)
    this.chunks.add(chunk)
    this.lastUsed = uses++
    if (this.status === "live") {
      this.count(chunk.items.length)
      this.send(chunk)
    } else {
      this.acquire(chunk.items.length)
    }
  }

  interrupt(chunk: CallChunk): void {
    // a chunk that was lost with its worker is no longer here, and is ended by that loss
    if (!this.chunks.has(chunk)) return
    if (this.status === "starting") chunk.onEnd(undefined)
    else this.tenant?.worker?.interrupt(chunk)
  }

  limitTo(chunk: CallChunk, items: number): number {
    return this.workerOf(chunk)?.limitTo(chunk, items) ?? chunk.items.length
  }

  started(chunk: CallChunk): number | undefined {
    return this.workerOf(chunk)?.started(chunk)
  }

  /** The live worker that has a chunk. */
  private workerOf(chunk: CallChunk): Worker | undefined {
    return this.status === "live" && this.chunks.has(chunk) ? this.tenant?.worker : undefined
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
    if (this.tenant !== undefined && !this.tenant.hasStarted) {
      this.tenant.hasStarted = true
      this.failures.succeeded()
    }
    if (this.tasksPerWorker > 1) this.options.dispatch()
  }

  ended(chunk: CallChunk): void {
    if (!this.chunks.delete(chunk)) return
    this.count(-chunk.open)
    if (this.status === "live" && this.chunks.size === 0) this.drained(chunk)
  }

  private send(chunk: CallChunk): void {
    const { identity, worker } = this.tenant!
    chunk.worker = identity
    worker!.run(chunk)
  }

  /** Counts items as given to the worker, or as not given after all (L8). */
  private count(items: number): void {
    const given = this.tenant?.given
    if (given !== undefined) MutableRef.set(given, MutableRef.get(given) + items)
  }

  /** The last items in flight, those of `last`, have ended: the worker is released if that is due, or else is idle. */
  private drained(last: CallChunk | undefined): void {
    if (this.retirement !== undefined) return this.releaseWorker(this.retirement)
    // its lifespan is used up: the call of its last chunk waits for the release (L8)
    if (this.remaining <= 0) return this.releaseWorker({ releases: last?.releases, hooks: undefined })
    this.lastUsed = uses++
    this.idleSince = this.options.now()
    this.failures.succeeded()
    this.options.events.idle()
  }

  // ---------------------------------------------------------------------------
  // Acquisition
  // ---------------------------------------------------------------------------

  /** Acquires a worker unless there is one; completes when it is live, or fails as its acquisition did. */
  readonly start: Effect.Effect<void, WorkerPoolError> = Effect.suspend(() => {
    if (this.options.isClosed()) return Effect.fail(errors.poolClosed)
    if (this.isWithdrawn) return Effect.void
    // the old worker's release ends before the next acquisition begins (L1)
    if (this.status === "releasing") return Effect.andThen(Deferred.await(this.release), this.start)
    if (this.refusal !== undefined) return Effect.fail(this.refusal)
    // not `acquiring`: the acquisition may be over when `acquire` returns, and that field unset
    if (this.status === "empty") return Deferred.await(this.acquire(0))
    return this.acquiring === undefined ? Effect.void : Deferred.await(this.acquiring)
  })

  /**
   * Acquires a worker with the `init` that is current now (L6), and counts `items` items as given to it. Returns a
   * Deferred that is done when the worker is live, or fails as the acquisition does.
   */
  private acquire(items: number): Started {
    const { fork, hooks, worker } = this.options
    this.generation++
    const tenant = new Tenant({ id: this.id, generation: this.generation }, hooks(), items)
    this.tenant = tenant
    this.status = "starting"
    const started: Started = Deferred.makeUnsafe()
    this.acquiring = started
    const onLost = (loss: Loss) => this.onLost(tenant, loss)
    const isWanted = () => this.retirement === undefined || this.chunks.size > 0
    tenant.fiber = fork(
      Effect.uninterruptible(
        Effect.flatMap(Effect.exit(tenant.acquire(worker, onLost, isWanted)), (exit) =>
          Exit.isSuccess(exit)
            ? Effect.sync(() => this.acquired(tenant, started))
            : this.notAcquired(tenant, started, Exit.failCause(exit.cause))
        )
      )
    )
    return started
  }

  private acquired(tenant: Tenant, started: Started): void {
    // it may have been killed meanwhile
    if (this.tenant !== tenant || this.status !== "starting") return
    this.status = "live"
    if (this.chunks.size === 0) this.drained(undefined)
    else for (const chunk of this.chunks) this.send(chunk)
    // last, because a fiber that waits for it goes on at once, before this returns
    Deferred.doneUnsafe(started, Exit.void)
    this.options.dispatch()
  }

  private notAcquired(tenant: Tenant, started: Started, exit: Exit.Exit<never, WorkerPoolError>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const tell = this.failures.notAcquired(tenant.failureOf(exit), started)
      if (tenant.loss !== undefined) {
        // the callers are told now; only the slot waits until the lost worker has really ended (C4, L1)
        this.status = "releasing"
        tell(this.chunks.takeAll())
      }
      return Effect.map(tenant.discard(exit), () => {
        if (this.tenant !== tenant) return
        const chunks = this.chunks.takeAll()
        this.vacate()
        tell(chunks)
        this.options.dispatch()
      })
    })
  }

  // ---------------------------------------------------------------------------
  // Release
  // ---------------------------------------------------------------------------

  /**
   * Releases its worker: now when it is idle, or else before it gets another chunk. The release runs `hooks`, or by
   * default those that are current then. It is added to `releases`, for what has to wait for it.
   */
  retire(releases: Releases | undefined, hooks?: Hooks): void {
    // the real end of a worker that was lost or killed holds up nobody but the pool's Scope (C4)
    if (this.tenant?.loss !== undefined) return
    const retirement = { releases, hooks }
    switch (this.status) {
      case "empty":
        return
      case "releasing":
        return releases?.await(this.release)
      case "live":
        if (this.chunks.size === 0) return this.releaseWorker(retirement)
        return this.retireLater(retirement)
      case "starting": {
        this.retireLater(retirement)
        if (this.chunks.size > 0) return
        // Nobody needs it any more. Both are read first, because interrupting `init` may vacate the slot at once.
        const { fiber, worker } = this.tenant!
        worker?.interruptInit()
        fiber?.interruptUnsafe()
      }
    }
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

  /** Remembers to release a worker later. What asked first fails if the release does; what asks later only waits. */
  private retireLater(retirement: Retirement): void {
    if (this.retirement !== undefined) {
      retirement.releases?.await(this.release)
      return
    }
    retirement.releases?.cause(this.release)
    this.retirement = retirement
    // other workers do the chunks that this one has not begun
    this.chunks.takeBackQueued()
  }

  /** Releases its worker, with the hooks that are current unless the retirement names others. */
  private releaseWorker(retirement: Retirement): void {
    const { events, fork } = this.options
    const tenant = this.tenant!
    // not the hooks that it was acquired with (L6)
    const hooks = retirement.hooks ?? this.options.hooks()
    if (this.retirement === undefined) retirement.releases?.cause(this.release)
    this.retirement = retirement
    this.status = "releasing"
    const released = tenant.release(hooks, (value) => events.exitResult(value))
    tenant.fiber = fork(
      Effect.uninterruptible(
        Effect.map(released, (failure) => {
          if (this.tenant !== tenant) return
          if (failure === undefined) this.failures.succeeded()
          else if (retirement.releases === undefined) events.releaseFailed(failure)
          this.vacate(failure)
          this.options.dispatch()
        })
      )
    )
  }

  /** Done when the worker is gone, with what its release failed with, if it did. */
  private get release(): Release {
    this.awaitedRelease ??= Deferred.makeUnsafe()
    return this.awaitedRelease
  }

  /** Completes when nothing is being released, and every worker that was lost or killed has really ended. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() => {
    const isLeaving = this.status === "releasing" || this.retirement !== undefined
    return isLeaving ? Effect.andThen(Deferred.await(this.release), this.settled) : Effect.void
  })

  /** The worker is gone; `failure` is what its release failed with. */
  private vacate(failure?: WorkerPoolError): void {
    const released = this.awaitedRelease
    this.status = "empty"
    this.tenant = undefined
    this.retirement = undefined
    this.awaitedRelease = undefined
    this.acquiring = undefined
    this.chunks.takeAll()
    if (released !== undefined) Deferred.doneUnsafe(released, Exit.succeed(failure))
  }

  // ---------------------------------------------------------------------------
  // Violent ends
  // ---------------------------------------------------------------------------

  /** Marks its worker as killed at once; the Effect ends it, without `exit` (L3), and completes when it has ended. */
  kill(): Effect.Effect<void> {
    const { dispatch, events } = this.options
    const tenant = this.tenant
    if (tenant === undefined) return Effect.void
    if (tenant.isKilled) return Effect.asVoid(Deferred.await(this.release))
    const chunks = this.chunks.takeAll()
    const wasGone = tenant.isGone
    const { status } = this
    tenant.isKilled = true
    this.status = "releasing"
    if (!wasGone) events.killed()
    if (this.acquiring !== undefined) Deferred.doneUnsafe(this.acquiring, Exit.fail(errors.terminated))
    return Effect.gen({ self: this }, function* () {
      if (!wasGone) yield* tenant.kill
      if (status !== "live") {
        // this may have been called from within the `fork` that makes the fiber: the field is set when that returns
        if (tenant.fiber === undefined) yield* Effect.yieldNow
        if (status === "starting") tenant.fiber!.interruptUnsafe()
        yield* Fiber.await(tenant.fiber!)
      }
      yield* tenant.end(Exit.void)
      for (const chunk of chunks) chunk.onEnd(undefined)
      if (this.tenant !== tenant) return
      this.vacate()
      dispatch()
    }).pipe(Effect.uninterruptible)
  }

  /** Its worker has vanished, or was killed by the runtime (F1, F2). */
  private onLost(tenant: Tenant, loss: Loss): void {
    const { dispatch, events, fork } = this.options
    if (this.tenant !== tenant || tenant.isGone) return
    tenant.loss = loss
    if (loss.killed) events.killed()
    else events.lost()
    // an acquisition or release in progress fails by itself
    if (this.status !== "live") return
    const chunks = this.chunks.takeAll()
    // the worker has the slot until it has really ended (L1)
    this.status = "releasing"
    tenant.fiber = fork(
      Effect.uninterruptible(
        // not at once: the calls are told first, below, of what was lost with it
        Effect.map(Effect.andThen(Effect.yieldNow, tenant.end(Exit.void)), () => {
          if (this.tenant !== tenant) return
          this.vacate()
          dispatch()
        })
      )
    )
    this.failures.lost(tenant, loss, chunks)
    dispatch()
  }

  /** The pool is closed. */
  dispose(): void {
    this.failures.dispose()
  }
}
