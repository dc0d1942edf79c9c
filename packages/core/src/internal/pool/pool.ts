/**
 * The pool: admits calls, keeps the session and the current hooks, and empties the slots when it is time (L4 – L9).
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, WorkerRuntime } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import { Dispatcher, type DispatcherHost } from "../dispatcher/dispatcher.ts"
import { Gate } from "./gate.ts"
import * as hooks from "../slot/hooks.ts"
import { IdleReaper, type ReaperHost } from "./idleReaper.ts"
import { type ItemTime, ItemTimes } from "../call/itemTimes.ts"
import * as options from "./options.ts"
import { Refusals } from "./refusals.ts"
import * as errors from "../common/errors.ts"
import { Releases } from "../common/releases.ts"
import type { RunRequest } from "../runs/runGroup.ts"
import { Runs, type RunsHost } from "../runs/runs.ts"
import { Session } from "./session.ts"
import type { Stats } from "./stats.ts"
import type { Slot, SlotHost } from "../slot/slot.ts"
import { Slots } from "../slot/slots.ts"

export class Pool implements DispatcherHost, SlotHost, ReaperHost<Slot>, RunsHost {
  readonly runtime: WorkerRuntime["Service"]
  readonly tasksPerWorker: number
  readonly services: Code | undefined
  readonly startTimeout: number | undefined
  readonly killAfter: number | undefined
  readonly defaults: options.AnyPoolOptions
  private readonly defaultHooks: hooks.Hooks
  private readonly context: Context.Context<never>
  private readonly clock: Clock.Clock
  private readonly gate = new Gate()
  private readonly session = new Session()
  readonly dispatcher = new Dispatcher(this)
  readonly runs = new Runs(this)
  readonly isRemote: boolean
  private readonly itemTimes = new ItemTimes()
  readonly refusals = new Refusals(this)
  private readonly calls = new Set<Call>()
  private readonly reaper: IdleReaper<Slot>
  private readonly allSlots: Slots
  private current: hooks.Hooks
  private keepAlive: options.KeepAlive
  private nextKeepAlive: options.KeepAlive
  private mapCalls = 0
  /** `run`s that the gate keeps out. */
  private runsAtGate = 0
  private looking: Fiber.Fiber<void> | undefined = undefined
  private lostCount = 0
  private killedCount = 0
  private ticks = 0
  private emptying = 0
  isClosed = false
  /** Whether idle time has emptied the pool while calls ran, and they have not started a worker since. */
  private idledOut = false

  constructor(
    runtime: WorkerRuntime["Service"],
    defaults: options.AnyPoolOptions,
    size: number,
    context: Context.Context<never>
  ) {
    this.runtime = runtime
    this.isRemote = runtime.isRemote ?? false
    this.defaults = defaults
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.tasksPerWorker = defaults.tasksPerWorker ?? 1
    this.services = defaults.services as Code | undefined
    this.startTimeout = options.startTimeout(defaults.startTimeout)
    this.killAfter = options.killAfter(defaults.killAfter)
    this.defaultHooks = options.hooks(defaults)
    this.current = this.defaultHooks
    this.keepAlive = options.keepAlive(defaults.keepAlive)
    this.nextKeepAlive = this.keepAlive
    this.reaper = new IdleReaper(this, defaults.minSize ?? 0)
    this.allSlots = new Slots(this, size)
  }

  // ---------------------------------------------------------------------------
  // Calls
  // ---------------------------------------------------------------------------

  /** How many workers share a call's items. */
  get size(): number {
    return this.allSlots.size
  }

  get slots(): ReadonlyArray<Slot> {
    return this.allSlots.active
  }

  /**
   * Admits a call, once nothing keeps calls out: the hooks that it names become current (L6), and workers that have
   * reached its lifespan are released (L8).
   */
  admit(
    call: Call,
    named: options.AnyCallOptions,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.gate.pass(() => this.enter(call, named), restore)
  }

  /** Does a `run`, once nothing keeps calls out. */
  run(input: unknown, request: RunRequest): Effect.Effect<unknown, unknown> {
    return Effect.callback((resume) => {
      if (this.gate.isOpen && !this.isClosed) return this.runs.begin(input, request, resume)
      resume(this.isClosed ? Effect.fail(errors.poolClosed) : this.runLater(input, request))
      return undefined
    })
  }

  private runLater(input: unknown, request: RunRequest): Effect.Effect<unknown, unknown> {
    const error = this.overloaded(1)
    if (error !== undefined) return Effect.fail(error)
    this.runsAtGate++
    let isAtGate = true
    const leaveGate = () => {
      if (isAtGate) this.runsAtGate--
      isAtGate = false
    }
    const entered = this.gate.pass(() => {
      leaveGate()
      return this.run(input, request)
    }, identity)
    return Effect.ensuring(entered, Effect.sync(leaveGate))
  }

  /** Offers the call's items, once what it released by its start is gone. */
  offer(call: Call): Effect.Effect<void> {
    return Effect.map(call.firstReleases.settle, () => call.offer())
  }

  /** Offers the call's items; completes when nothing of it is in progress any more. */
  serve(call: Call): Effect.Effect<void> {
    return Effect.andThen(this.offer(call), Deferred.await(call.ended))
  }

  /** Ends a call that was admitted; returns what failed in the releases that it caused. */
  leave(call: Call): Effect.Effect<ReadonlyArray<WorkerPoolError.WorkerPoolError>> {
    return Effect.suspend(() => {
      this.mapCalls--
      if (this.mapCalls > 0) return Effect.void
      // the last call of the map family has ended: what `setKeepAlive` asked for holds from now on (L4, L5)
      this.keepAlive = this.nextKeepAlive
      this.reaper.update()
      return this.keepAlive === false ? this.empty(call.releases) : Effect.void
    }).pipe(
      Effect.andThen(call.firstReleases.settle),
      Effect.flatMap((first) => Effect.map(call.releases.settle, (others) => [...first, ...others])),
      Effect.ensuring(Effect.sync(() => this.ended(call)))
    )
  }

  private enter(call: Call, named: options.AnyCallOptions): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    if (this.isClosed) return Effect.fail(errors.poolClosed)
    this.began(call)
    // a call that starts while others run replaces only what it names (L6)
    const warning = this.setHooks(options.hooks(named, this.mapCalls === 0 ? this.defaultHooks : this.current))
    this.mapCalls++
    for (const slot of this.slots) {
      // idle ones that have reached the lifespan go before the first chunk, busy ones after their items (L8)
      if (slot.isLive && slot.limit <= 0) slot.retire(slot.isIdle ? call.firstReleases : call.releases)
    }
    return warning
  }

  private setHooks(next: hooks.Hooks): Effect.Effect<void> {
    const changed = !hooks.same(this.current, next)
    this.current = next
    // the caller is warned when workers live that were acquired with other hooks (L7)
    const isOther = (acquired: hooks.Hooks) => !hooks.same(acquired, next)
    if (!changed || !this.slots.some((slot) => slot.isLive && slot.wasAcquiredWith(isOther))) return Effect.void
    return Effect.logWarning(
      "init or exit changed while workers live that were acquired with others: the new init is not run for them, and " +
        "the new exit runs when they are released"
    )
  }

  /** A call, or `run`s that share one, are in progress from now on. */
  began(call: Call): void {
    this.calls.add(call)
    this.session.enter()
  }

  /** All that the call's end asks for has been done. */
  ended(call: Call): void {
    this.calls.delete(call)
    if (this.idledOut && this.calls.size === 0) this.session.end()
    Deferred.doneUnsafe(call.left, Exit.void)
  }

  itemTime(task: Code): ItemTime {
    return this.itemTimes.of(task)
  }

  private get waitingRuns(): number {
    return this.runsAtGate + this.runs.waiting
  }

  /** Why so many more `run`s may not wait (C10). */
  overloaded(more = 0): WorkerPoolError.WorkerPoolError | undefined {
    const { maxPending } = this.defaults
    if (maxPending === undefined || this.waitingRuns + more <= maxPending) return undefined
    return WorkerPoolError.make(new WorkerPoolError.Overloaded({ maxPending }))
  }

  // ---------------------------------------------------------------------------
  // What slots tell
  // ---------------------------------------------------------------------------

  hooks(): hooks.Hooks {
    return this.current
  }

  pump(): void {
    this.dispatcher.pump()
  }

  dispatched(): void {
    this.idledOut = false
  }

  stalled(): void {
    this.refusals.stalled()
  }

  later(millis: number, f: () => void): void {
    this.looking = this.fork(Effect.andThen(Effect.sleep(millis), Effect.sync(f)))
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return Effect.runForkWith(this.context)(effect)
  }

  tick(): number {
    return this.ticks++
  }

  now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  idle(): void {
    this.reaper.update()
  }

  exitResult(value: unknown): void {
    this.session.add(value)
  }

  lost(): void {
    this.lostCount++
  }

  killed(): void {
    this.killedCount++
  }

  releaseFailed(error: WorkerPoolError.WorkerPoolError): void {
    this.fork(logReleasesFailed([error]))
  }

  releasesFailed(failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Effect.Effect<void> {
    return logReleasesFailed(failures)
  }

  // ---------------------------------------------------------------------------
  // Idle time
  // ---------------------------------------------------------------------------

  idleSlots(): ReadonlyArray<Slot> {
    return this.slots.filter((slot) => slot.isIdle)
  }

  liveWorkers(): number {
    return this.slots.filter((slot) => slot.isLive).length
  }

  idleTime(): number | undefined {
    return typeof this.keepAlive === "number" && !this.isClosed ? this.keepAlive : undefined
  }

  releaseIdle(slot: Slot): void {
    const releases = new Releases()
    slot.retire(releases)
    this.fork(
      Effect.flatMap(releases.settle, (failures) => {
        this.idledOut = this.allSlots.isEmpty
        if (this.idledOut && this.calls.size === 0) this.session.end()
        return logReleasesFailed(failures)
      })
    )
  }

  // ---------------------------------------------------------------------------
  // Controls
  // ---------------------------------------------------------------------------

  readonly start: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() =>
    this.gate.pass(() => {
      if (this.isClosed) return Effect.fail(errors.poolClosed)
      this.session.enter()
      this.idledOut = false
      return Effect.forEach(this.slots, (slot) => slot.start, { concurrency: "unbounded", discard: true })
    }, identity)
  )

  readonly stop: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() => {
    if (this.isClosed) return Effect.fail(errors.poolClosed)
    this.gate.close()
    const left = Effect.forEach([...this.calls], (call) => Deferred.await(call.left), { discard: true })
    return Effect.andThen(
      left,
      this.releasing((releases) => Effect.uninterruptible(this.empty(releases)))
    ).pipe(Effect.ensuring(Effect.sync(() => this.gate.open())))
  })

  readonly terminate: Effect.Effect<void> = Effect.uninterruptible(
    Effect.suspend(() => {
      if (this.isClosed) return Effect.void
      this.beginEmptying()
      // workers are marked first, so that calls that end do not release them, with exit hooks
      const kills = this.allSlots.killAll()
      for (const call of [...this.calls]) call.fail(Cause.fail(errors.terminated))
      return Effect.andThen(
        Effect.forEach(kills, (kill) => kill, { concurrency: "unbounded", discard: true }),
        Effect.sync(() => this.emptied())
      )
    })
  )

  readonly restart: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() => {
    if (this.isClosed) return Effect.fail(errors.poolClosed)
    return this.releasing((releases) =>
      Effect.sync(() => {
        for (const slot of this.slots) slot.retire(releases)
      })
    )
  })

  setSize(size: number): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const error = options.invalid({ size })
      if (error !== undefined) return Effect.fail(error)
      if (this.isClosed) return Effect.fail(errors.poolClosed)
      return this.releasing((releases) =>
        Effect.sync(() => {
          this.allSlots.resize(size, releases)
          this.pump()
        })
      )
    })
  }

  setKeepAlive(keepAlive: options.AnyPoolOptions["keepAlive"]): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const error = options.invalid({ keepAlive })
      if (error !== undefined) return Effect.fail(error)
      if (this.isClosed) return Effect.fail(errors.poolClosed)
      this.nextKeepAlive = options.keepAlive(keepAlive)
      return Effect.void
    })
  }

  readonly exitResults: Effect.Effect<Array<unknown>> = Effect.sync(() => this.session.newest)

  readonly stats: Effect.Effect<Stats> = Effect.sync(() => {
    const { live, starting } = this.allSlots
    const idle = live.filter((slot) => slot.isIdle).length
    return {
      size: this.size,
      live: live.length,
      starting,
      idle,
      busy: live.length - idle,
      pending: this.waitingRuns,
      calls: [...this.calls].filter(({ areRuns }) => !areRuns).length + this.runs.inProgress,
      lost: this.lostCount,
      killed: this.killedCount,
      exitResultsDropped: this.session.dropped
    }
  })

  /** What the pool's Scope does when it closes: every call is settled, every worker released (L3, F5). */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isClosed = true
    this.gate.abolish()
    this.reaper.stop()
    this.looking?.interruptUnsafe()
    const calls = [...this.calls]
    for (const call of calls) call.fail(Cause.fail(errors.poolClosed))
    const releases = new Releases()
    return this.empty(releases).pipe(
      Effect.andThen(Effect.forEach(calls, (call) => Deferred.await(call.ended), { discard: true })),
      Effect.andThen(releases.settle),
      Effect.flatMap(logReleasesFailed),
      Effect.andThen(this.allSlots.settled),
      Effect.andThen(Effect.sync(() => this.allSlots.dispose()))
    )
  })

  // ---------------------------------------------------------------------------
  // Emptying
  // ---------------------------------------------------------------------------

  /** Releases all workers with the hooks that are current now; calls that come meanwhile wait (L6). */
  private empty(releases: Releases): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.beginEmptying()
      this.allSlots.retireAll(releases, this.current)
      return Effect.map(releases.settle, () => this.emptied())
    })
  }

  private beginEmptying(): void {
    this.emptying++
    this.dispatcher.pause()
    this.gate.close()
  }

  private emptied(): void {
    this.emptying--
    if (this.emptying === 0) {
      this.session.end()
      if (this.dispatcher.waiting.length > 0) this.session.goOn()
    }
    this.gate.open()
    this.dispatcher.resume()
  }

  /** Does something that causes releases, waits for them and fails as they do; logs it when interrupted (L10). */
  private releasing(cause: (releases: Releases) => Effect.Effect<void>) {
    return Effect.suspend(() => {
      const releases = new Releases()
      const logged = Effect.flatMap(releases.settle, logReleasesFailed)
      return Effect.andThen(cause(releases), releases.settle).pipe(
        Effect.onInterrupt(() => Effect.sync(() => this.fork(logged))),
        Effect.flatMap(failAll)
      )
    })
  }
}

/** Fails with all of the failures, unless there are none. */
export const failAll = (
  failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>
): Effect.Effect<void, WorkerPoolError.WorkerPoolError> =>
  failures.length === 0 ? Effect.void : Effect.failCause(Cause.fromReasons(failures.map(Cause.makeFailReason)))

/** Releases that failed where nobody waits for them. */
export const logReleasesFailed = (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Effect.Effect<void> =>
  Effect.forEach(failures, (error) => Effect.logError("A worker's release failed", Cause.fail(error)), {
    discard: true
  })
