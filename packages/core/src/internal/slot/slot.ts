/**
 * A slot: the life of one worker after another (L1 – L3, L8). Knows nothing of the order of results.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Loss } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { CallChunk, ChunkSlot } from "../call/callChunk.ts"
import { InFlight } from "./inFlight.ts"
import type { Hooks } from "./hooks.ts"
import * as errors from "../common/errors.ts"
import type { Release, Releases } from "../common/releases.ts"
import { type FailuresHost, SlotFailures } from "./slotFailures.ts"
import { Tenant, type TenantHost } from "./tenant.ts"

/** What a slot asks of its pool. */
export interface SlotHost extends TenantHost, FailuresHost {
  /** The hooks that are current. */
  readonly hooks: () => Hooks
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  /** Whether a worker is given its next chunk before it needs it. */
  readonly isRemote: boolean
  /** A count that only grows. */
  readonly tick: () => number
  /** By the Clock, in milliseconds. */
  readonly now: () => number
  /** A worker has nothing to do. */
  readonly idle: () => void
  /** Something may be dispatched that could not be before. */
  readonly pump: () => void
  /** Whether no worker is to be acquired any more. */
  readonly isClosed: boolean
  readonly exitResult: (value: unknown) => void
  /** A release that no call, and nothing else that waits, has caused. */
  readonly releaseFailed: (error: WorkerPoolError.WorkerPoolError) => void
  readonly lost: () => void
  readonly killed: () => void
}

/** Why and how a worker is to be released once its items in flight have ended. */
interface Retirement {
  readonly releases: Releases | undefined
  /** The hooks to release it with; by default those that are current then. */
  readonly hooks: Hooks | undefined
}

export class Slot implements ChunkSlot {
  readonly id: number
  lastUsed = 0
  /** When its worker fell idle, by the Clock, in milliseconds. */
  idleSince = 0
  private readonly host: SlotHost
  private status: "empty" | "starting" | "live" | "releasing" = "empty"
  private generation = 0
  private tenant: Tenant | undefined = undefined
  private retirement: Retirement | undefined = undefined
  private release_: Release | undefined = undefined
  /** Done when the worker that is being acquired is live. */
  private acquiring: Deferred.Deferred<void, WorkerPoolError.WorkerPoolError> | undefined = undefined
  private readonly chunks: InFlight
  private readonly failures: SlotFailures
  /** Whether the pool has shrunk below this slot. */
  private withdrawn = false

  constructor(id: number, host: SlotHost) {
    this.id = id
    this.host = host
    this.chunks = new InFlight(host.tasksPerWorker)
    this.failures = new SlotFailures(host)
  }

  // ---------------------------------------------------------------------------
  // What it looks like
  // ---------------------------------------------------------------------------

  get availability(): "live" | "busy" | "empty" | "unavailable" {
    if (this.withdrawn || this.retirement !== undefined) return "unavailable"
    if (this.status === "empty") return this.failures.refusal === undefined ? "empty" : "unavailable"
    // what is sent alone stays alone, beside a chunk that has yet to end, but whose items all have;
    // and with nothing left of its lifespan it could take a call's turn, but no chunk
    if (this.status !== "live" || this.chunks.isReserved || this.limit <= 0) return "unavailable"
    if (this.load < this.host.tasksPerWorker) return "live"
    return this.host.isRemote && this.chunks.size === 1 && this.host.tasksPerWorker === 1 ? "busy" : "unavailable"
  }

  get load(): number {
    return this.chunks.load
  }

  /** How many more items its worker, or the next one, may be given: what is left of its lifespan (L8). */
  get limit(): number {
    const { lifespan } = this.host.hooks()
    if (lifespan === undefined) return Number.POSITIVE_INFINITY
    return this.tenant === undefined ? lifespan : lifespan - Ref.getUnsafe(this.tenant.given)
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
  get refusal(): WorkerPoolError.WorkerPoolError | undefined {
    return this.status === "empty" ? this.failures.refusal : undefined
  }

  /** Whether its worker was acquired with such hooks. */
  wasAcquiredWith(hooks: (hooks: Hooks) => boolean): boolean {
    return this.tenant !== undefined && hooks(this.tenant.hooks)
  }

  // ---------------------------------------------------------------------------
  // Chunks
  // ---------------------------------------------------------------------------

  /** Gives its worker a chunk; acquires one first when there is none, and not before (L2). */
  assign(chunk: CallChunk): void {
    chunk.sentTo(this)
    this.chunks.add(chunk)
    this.lastUsed = this.host.tick()
    if (this.status === "live") {
      this.count(chunk.items.length)
      this.send(chunk)
    } else {
      this.acquire(chunk.items.length)
    }
  }

  interrupt(chunk: CallChunk): void {
    // one that went with its worker is told of that
    if (!this.chunks.has(chunk)) return
    if (this.status === "starting") chunk.onEnd(undefined)
    else this.tenant?.worker?.interrupt(chunk)
  }

  limitTo(chunk: CallChunk, items: number): number {
    if (this.status !== "live" || !this.chunks.has(chunk)) return chunk.items.length
    return this.tenant!.worker!.limitTo(chunk, items)
  }

  started(chunk: CallChunk): number | undefined {
    return this.status === "live" && this.chunks.has(chunk) ? this.tenant!.worker!.started(chunk) : undefined
  }

  tookBack(items: number): void {
    this.chunks.items -= items
    this.count(-items)
  }

  isAhead(chunk: CallChunk): boolean {
    return this.chunks.isAhead(chunk)
  }

  /** Lets a call have its turn soon; returns whether there would be more to do about it later. */
  makeWay(call: Call, isLate: boolean): boolean {
    return this.chunks.makeWay(call, isLate)
  }

  progressed(items: number): void {
    this.chunks.items -= items
    if (this.tenant !== undefined && !this.tenant.hasStarted) {
      this.tenant.hasStarted = true
      this.failures.succeeded()
    }
    if (this.host.tasksPerWorker > 1) this.host.pump()
  }

  ended(chunk: CallChunk): void {
    if (!this.chunks.delete(chunk)) return
    this.count(-chunk.open)
    if (this.status === "live" && this.chunks.size === 0) this.rest(chunk)
  }

  private send(chunk: CallChunk): void {
    chunk.worker = this.tenant!.identity
    this.tenant!.worker!.run(chunk)
  }

  private count(items: number): void {
    const given = this.tenant?.given
    if (given !== undefined) given.ref.current += items
  }

  /** Its items in flight have ended: the worker goes, or has nothing to do. */
  private rest(last: CallChunk | undefined): void {
    if (this.retirement !== undefined) return this.release(this.retirement)
    // its lifespan is used up (L8)
    if (this.limit <= 0) return this.release({ releases: last?.releases, hooks: undefined })
    this.lastUsed = this.host.tick()
    this.idleSince = this.host.now()
    this.failures.succeeded()
    this.host.idle()
  }

  // ---------------------------------------------------------------------------
  // Acquisition
  // ---------------------------------------------------------------------------

  /** Acquires a worker unless there is one; completes when it is live, or fails as its acquisition did. */
  readonly start: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() => {
    if (this.host.isClosed) return Effect.fail(errors.poolClosed)
    if (this.withdrawn) return Effect.void
    if (this.status === "releasing") return Effect.andThen(Deferred.await(this.release_!), this.start)
    if (this.refusal !== undefined) return Effect.fail(this.refusal)
    // kept, because init may be over before `acquire` returns
    if (this.status === "empty") return Deferred.await(this.acquire(0))
    return this.status === "starting" ? Deferred.await(this.acquiring!) : Effect.void
  })

  /** Acquires a worker for so many items; what it returns is done when the worker is live, or else fails. */
  private acquire(items: number): Deferred.Deferred<void, WorkerPoolError.WorkerPoolError> {
    this.generation++
    const tenant = new Tenant({ id: this.id, generation: this.generation }, this.host.hooks(), items)
    this.tenant = tenant
    this.status = "starting"
    const started = Deferred.makeUnsafe<void, WorkerPoolError.WorkerPoolError>()
    this.acquiring = started
    const onLost = (loss: Loss) => this.onLost(tenant, loss)
    const isWanted = () => this.retirement === undefined || this.chunks.size > 0
    tenant.fiber = this.host.fork(
      Effect.uninterruptible(
        Effect.flatMap(Effect.exit(tenant.acquire(this.host, onLost, isWanted)), (exit) =>
          Exit.isSuccess(exit)
            ? Effect.sync(() => this.acquired(tenant))
            : this.notAcquired(tenant, Exit.failCause(exit.cause))
        )
      )
    )
    return started
  }

  private acquired(tenant: Tenant): void {
    // killed meanwhile
    if (this.tenant !== tenant || this.status !== "starting") return
    this.status = "live"
    const started = this.acquiring!
    if (this.chunks.size === 0) this.rest(undefined)
    else for (const chunk of this.chunks) this.send(chunk)
    // last, because whoever waits for it goes on at once
    Deferred.doneUnsafe(started, Exit.void)
    this.host.pump()
  }

  private notAcquired(tenant: Tenant, exit: Exit.Exit<never, WorkerPoolError.WorkerPoolError>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const tell = this.failures.notAcquired(tenant.failureOf(exit), this.acquiring!)
      if (tenant.loss !== undefined) {
        // nobody waits for its real end but the slot (C4, L1)
        this.status = "releasing"
        this.release_ ??= Deferred.makeUnsafe()
        tell(this.chunks.takeAll())
      }
      return Effect.map(tenant.abandon(exit), () => {
        if (this.tenant !== tenant) return
        const chunks = this.chunks.takeAll()
        this.vacate()
        tell(chunks)
        this.host.pump()
      })
    })
  }

  // ---------------------------------------------------------------------------
  // Release
  // ---------------------------------------------------------------------------

  /**
   * Releases its worker: now when it is idle, or else before it gets another chunk. With `hooks`, these are used, or else
   * those that are current then. What it comes to goes to `releases`.
   */
  retire(releases: Releases | undefined, hooks?: Hooks): void {
    // the real end of one that is lost, or was killed, holds up nobody but the pool's Scope (C4)
    if (this.tenant?.loss !== undefined) return
    const retirement = { releases, hooks }
    switch (this.status) {
      case "empty":
        return
      case "releasing":
        return releases?.await(this.release_!)
      case "live":
        if (this.chunks.size === 0) return this.release(retirement)
        return this.await(retirement)
      case "starting": {
        this.await(retirement)
        if (this.chunks.size > 0) return
        // nobody needs it any more; it may be gone before the first of these returns
        const { fiber, worker } = this.tenant!
        worker?.interruptInit()
        fiber?.interruptUnsafe()
      }
    }
  }

  /** Leaves the pool, once its worker has been released. */
  withdraw(releases: Releases): void {
    this.withdrawn = true
    this.retire(releases)
  }

  /** Comes back into the pool. */
  restore(): void {
    this.withdrawn = false
  }

  /** Remembers to release a worker that has something to do; the first cause is told how it went. */
  private await(retirement: Retirement): void {
    if (this.retirement !== undefined) {
      retirement.releases?.await(this.release_!)
      return
    }
    this.release_ = Deferred.makeUnsafe()
    retirement.releases?.cause(this.release_)
    this.retirement = retirement
    // what its worker has not begun is done by others
    this.chunks.takeBackAhead()
  }

  private release(retirement: Retirement): void {
    const tenant = this.tenant!
    // the `exit` that is current now, whatever the worker was acquired with (L6)
    const hooks = retirement.hooks ?? this.host.hooks()
    if (this.retirement === undefined) {
      this.release_ = Deferred.makeUnsafe()
      retirement.releases?.cause(this.release_)
    }
    this.retirement = retirement
    this.status = "releasing"
    const released = tenant.release(hooks, (value) => this.host.exitResult(value))
    tenant.fiber = this.host.fork(
      Effect.uninterruptible(
        Effect.map(released, (failure) => {
          if (this.tenant !== tenant) return
          if (failure === undefined) this.failures.succeeded()
          else if (retirement.releases === undefined) this.host.releaseFailed(failure)
          this.vacate(failure)
          this.host.pump()
        })
      )
    )
  }

  /** Completes when nothing is being released, and no worker that is gone has yet to end. */
  readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    this.release_ === undefined ? Effect.void : Effect.andThen(Deferred.await(this.release_), this.settled)
  )

  /** The worker is gone: only now may the next one be acquired (L1). */
  private vacate(failure?: WorkerPoolError.WorkerPoolError): void {
    const release = this.release_
    this.status = "empty"
    this.tenant = undefined
    this.retirement = undefined
    this.release_ = undefined
    this.acquiring = undefined
    this.chunks.takeAll()
    if (release !== undefined) Deferred.doneUnsafe(release, Exit.succeed(failure))
  }

  // ---------------------------------------------------------------------------
  // Violent ends
  // ---------------------------------------------------------------------------

  /** Marks its worker as killed at once; the Effect ends it, without `exit` (L3), and completes when it has ended. */
  kill(): Effect.Effect<void> {
    const tenant = this.tenant
    if (tenant === undefined) return Effect.void
    if (tenant.isKilled) return Effect.asVoid(Deferred.await(this.release_!))
    const chunks = this.chunks.takeAll()
    const wasGone = tenant.isGone
    const { status } = this
    tenant.isKilled = true
    this.status = "releasing"
    this.release_ ??= Deferred.makeUnsafe()
    if (!wasGone) this.host.killed()
    if (this.acquiring !== undefined) Deferred.doneUnsafe(this.acquiring, Exit.fail(errors.terminated))
    return Effect.gen({ self: this }, function* () {
      if (!wasGone) yield* tenant.kill
      if (status !== "live") {
        // what starts it may be further up the stack, and has its fiber only then
        if (tenant.fiber === undefined) yield* Effect.yieldNow
        if (status === "starting") tenant.fiber!.interruptUnsafe()
        yield* Fiber.await(tenant.fiber!)
      }
      yield* tenant.leave(Exit.void)
      for (const chunk of chunks) chunk.onEnd(undefined)
      if (this.tenant !== tenant) return
      this.vacate()
      this.host.pump()
    }).pipe(Effect.uninterruptible)
  }

  private onLost(tenant: Tenant, loss: Loss): void {
    if (this.tenant !== tenant || tenant.isGone) return
    // only what this worker held is affected (F1)
    tenant.loss = loss
    if (loss.killed) this.host.killed()
    else this.host.lost()
    // what starts or releases it hears of it as well
    if (this.status !== "live") return
    const chunks = this.chunks.takeAll()
    // until it has really ended, the slot has it (L1)
    this.status = "releasing"
    this.release_ ??= Deferred.makeUnsafe()
    tenant.fiber = this.host.fork(
      Effect.uninterruptible(
        // not now: what it took with it is told first
        Effect.map(Effect.andThen(Effect.yieldNow, tenant.leave(Exit.void)), () => {
          if (this.tenant !== tenant) return
          this.vacate()
          this.host.pump()
        })
      )
    )
    this.failures.lost(tenant, loss, chunks)
    this.host.pump()
  }

  /** Nothing comes of it any more: the pool is closed. */
  dispose(): void {
    this.failures.dispose()
  }
}
