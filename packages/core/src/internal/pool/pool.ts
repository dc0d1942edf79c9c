/**
 * The pool: admits calls, keeps the session, and concludes calls that have ended (L4 – L9).
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, WorkerRuntime } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import { type ItemTime, ItemTimes } from "../call/itemTimes.ts"
import * as errors from "../common/errors.ts"
import { Releases } from "../common/releases.ts"
import { Dispatcher } from "../dispatcher/dispatcher.ts"
import type { RunRequest } from "../runs/runGroup.ts"
import type { Slot } from "../slot/slot.ts"
import { Slots } from "../slot/slots.ts"
import { CurrentHooks } from "./currentHooks.ts"
import { Emptying } from "./emptying.ts"
import { Gate } from "./gate.ts"
import { IdleReaper } from "./idleReaper.ts"
import { KeepAlive } from "./keepAlive.ts"
import * as options from "./options.ts"
import { Refusals } from "./refusals.ts"
import { RunAdmission } from "./runAdmission.ts"
import { Session } from "./session.ts"
import type { Stats } from "./stats.ts"

export class Pool {
  readonly defaults: options.AnyPoolOptions
  /** Whether messages to workers take time. */
  readonly isRemote: boolean
  readonly dispatcher: Dispatcher
  private readonly context: Context.Context<never>
  private readonly gate = new Gate()
  private readonly session = new Session()
  private readonly itemTimes = new ItemTimes()
  private readonly hooks: CurrentHooks
  private readonly runs: RunAdmission
  private readonly slots: Slots
  private readonly keepAlive: KeepAlive
  private readonly reaper: IdleReaper<Slot>
  private readonly emptying: Emptying
  /** The calls in progress; `run`s that share a call count as one. */
  private readonly calls = new Set<Call>()
  private mapCalls = 0
  /** The fiber that sleeps until the dispatcher's second look. */
  private secondLook: Fiber.Fiber<void> | undefined = undefined
  private lost = 0
  private killed = 0
  private isClosed = false
  /** Whether the last workers were released for their idle time, and no chunk or `start` has needed one since. */
  private idledOut = false

  constructor(
    runtime: WorkerRuntime["Service"],
    defaults: options.AnyPoolOptions,
    size: number,
    context: Context.Context<never>
  ) {
    const clock = Context.get(context, Clock.Clock)
    const now = () => clock.currentTimeMillisUnsafe()
    const fork = (effect: Effect.Effect<void>) => this.fork(effect)
    const active = () => this.slots.active
    const tasksPerWorker = defaults.tasksPerWorker ?? 1
    this.defaults = defaults
    this.context = context
    this.isRemote = runtime.isRemote ?? false
    this.hooks = new CurrentHooks(options.hooks(defaults))
    this.keepAlive = new KeepAlive(defaults.keepAlive)
    this.dispatcher = new Dispatcher({
      tasksPerWorker,
      slots: active,
      assigned: () => {
        this.idledOut = false
      },
      stalled: () => refusals.stalled(),
      later: (millis, f) => {
        this.secondLook = this.fork(Effect.andThen(Effect.sleep(millis), Effect.sync(f)))
      }
    })
    const refusals = new Refusals(this.dispatcher, active)
    this.runs = new RunAdmission({
      gate: this.gate,
      isClosed: () => this.isClosed,
      maxPending: defaults.maxPending,
      dispatcher: this.dispatcher,
      size: () => this.size,
      tasksPerWorker,
      isRemote: this.isRemote,
      itemTime: (task) => this.itemTime(task),
      began: (call) => this.began(call),
      ended: (call) => this.concluded(call),
      logFailures: logReleasesFailed
    })
    this.slots = new Slots(
      {
        worker: {
          runtime,
          tasksPerWorker,
          services: defaults.services as Code | undefined,
          startTimeout: options.startTimeout(defaults.startTimeout),
          killAfter: options.killAfter(defaults.killAfter)
        },
        hooks: () => this.hooks.get(),
        isClosed: () => this.isClosed,
        refusals,
        fork,
        now,
        dispatch: () => this.dispatcher.dispatch(),
        events: {
          idle: () => this.reaper.update(),
          exitResult: (value) => this.session.add(value),
          releaseFailed: (error) => void this.fork(logReleasesFailed([error])),
          lost: () => void this.lost++,
          killed: () => void this.killed++
        }
      },
      size
    )
    this.reaper = new IdleReaper({
      minSize: defaults.minSize ?? 0,
      slots: active,
      idleTime: () => (this.isClosed ? undefined : this.keepAlive.idleTime),
      now,
      fork,
      release: (slot) => this.releaseIdle(slot)
    })
    this.emptying = new Emptying({
      gate: this.gate,
      session: this.session,
      dispatcher: this.dispatcher,
      slots: this.slots
    })
  }

  // ---------------------------------------------------------------------------
  // Calls
  // ---------------------------------------------------------------------------

  /** How many slots there are, and so the most workers that share a call's items. */
  get size(): number {
    return this.slots.size
  }

  itemTime(task: Code): ItemTime {
    return this.itemTimes.of(task)
  }

  /**
   * Admits a call, once the gate is open: the hooks that it has `named` become current (L6), and workers that have
   * reached its lifespan are released (L8). `restore` makes the wait interruptible.
   */
  admit(
    call: Call,
    named: options.AnyCallOptions,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.gate.pass(() => this.enter(call, named), restore)
  }

  private enter(call: Call, named: options.AnyCallOptions): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    if (this.isClosed) return Effect.fail(errors.poolClosed)
    this.began(call)
    const warning = this.hooks.set(named, this.mapCalls === 0, this.slots.active)
    this.mapCalls++
    for (const slot of this.slots.active) {
      // the call's first chunk waits for the release of idle workers only: a busy one must not hold it up (L8)
      if (slot.isLive && slot.remaining <= 0) slot.retire(slot.isIdle ? call.firstReleases : call.releases)
    }
    return warning
  }

  run(input: unknown, request: RunRequest): Effect.Effect<unknown, unknown> {
    return this.runs.run(input, request)
  }

  /** Offers the call's items to the slots, once the workers that its start released are gone. */
  offer(call: Call): Effect.Effect<void> {
    return Effect.map(call.firstReleases.settle, () => call.offer())
  }

  /** Offers the call's items; completes when nothing of it is in progress any more. */
  serve(call: Call): Effect.Effect<void> {
    return Effect.andThen(this.offer(call), Deferred.await(call.ended))
  }

  /**
   * Does what the end of an admitted map-family call asks for: the last one in progress releases the workers, unless
   * they are kept alive (L4, L5). Returns what failed in the releases that the call caused.
   */
  conclude(call: Call): Effect.Effect<ReadonlyArray<WorkerPoolError.WorkerPoolError>> {
    return Effect.suspend(() => {
      this.mapCalls--
      if (this.mapCalls > 0) return Effect.void
      const areReleased = this.keepAlive.callsEnded()
      this.reaper.update()
      return areReleased ? this.empty(call.releases) : Effect.void
    }).pipe(
      Effect.andThen(call.firstReleases.settle),
      Effect.flatMap((first) => Effect.map(call.releases.settle, (others) => [...first, ...others])),
      Effect.ensuring(Effect.sync(() => this.concluded(call)))
    )
  }

  /** A call, or the first of the `run`s that share one, begins. */
  private began(call: Call): void {
    this.calls.add(call)
    this.session.enter()
  }

  /** The call's releases are over: all that its end asks for has been done. */
  private concluded(call: Call): void {
    this.calls.delete(call)
    this.endIdledSession()
    Deferred.doneUnsafe(call.concluded, Exit.void)
  }

  // ---------------------------------------------------------------------------
  // Idle time
  // ---------------------------------------------------------------------------

  private releaseIdle(slot: Slot): void {
    const releases = new Releases()
    slot.retire(releases)
    this.fork(
      Effect.flatMap(releases.settle, (failures) => {
        this.idledOut = this.slots.isEmpty
        this.endIdledSession()
        return logReleasesFailed(failures)
      })
    )
  }

  /** A session ends when idle time has emptied the pool and no call is in progress that could use it. */
  private endIdledSession(): void {
    if (this.idledOut && this.calls.size === 0) this.session.end()
  }

  private fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return Effect.runForkWith(this.context)(effect)
  }

  // ---------------------------------------------------------------------------
  // Controls
  // ---------------------------------------------------------------------------

  readonly start: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() =>
    this.gate.pass(
      () =>
        this.unlessClosed(() => {
          this.session.enter()
          this.idledOut = false
          return Effect.forEach(this.slots.active, (slot) => slot.start, { concurrency: "unbounded", discard: true })
        }),
      identity
    )
  )

  readonly stop: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() =>
    this.unlessClosed(() => {
      this.gate.close()
      const concluded = Effect.forEach([...this.calls], (call) => Deferred.await(call.concluded), { discard: true })
      return Effect.andThen(
        concluded,
        this.releasing((releases) => Effect.uninterruptible(this.empty(releases)))
      ).pipe(Effect.ensuring(Effect.sync(() => this.gate.open())))
    })
  )

  readonly terminate: Effect.Effect<void> = Effect.uninterruptible(
    Effect.suspend(() => {
      if (this.isClosed) return Effect.void
      return this.emptying.kill(() => {
        for (const call of [...this.calls]) call.fail(Cause.fail(errors.terminated))
      })
    })
  )

  readonly restart: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() =>
    this.unlessClosed(() =>
      this.releasing((releases) =>
        Effect.sync(() => {
          for (const slot of this.slots.active) slot.retire(releases)
        })
      )
    )
  )

  setSize(size: number): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() =>
      this.unlessInvalid({ size }, () =>
        this.releasing((releases) =>
          Effect.sync(() => {
            this.slots.resize(size, releases)
            this.dispatcher.dispatch()
          })
        )
      )
    )
  }

  /** Acts at the end of the running map-family call, or of the next one (L5). */
  setKeepAlive(keepAlive: options.AnyPoolOptions["keepAlive"]): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() =>
      this.unlessInvalid({ keepAlive }, () => {
        this.keepAlive.set(keepAlive)
        return Effect.void
      })
    )
  }

  readonly exitResults: Effect.Effect<Array<unknown>> = Effect.sync(() => this.session.newest)

  readonly stats: Effect.Effect<Stats> = Effect.sync(() => {
    const { live, starting } = this.slots
    const idle = live.filter((slot) => slot.isIdle).length
    return {
      size: this.size,
      live: live.length,
      starting,
      idle,
      busy: live.length - idle,
      pending: this.runs.waiting,
      calls: [...this.calls].filter(({ policy }) => !policy.areRuns).length + this.runs.inProgress,
      lost: this.lost,
      killed: this.killed,
      exitResultsDropped: this.session.dropped
    }
  })

  /** What the pool's Scope does when it closes: every call is settled, every worker released (L3, F5). */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.isClosed = true
    this.gate.abolish()
    this.reaper.stop()
    this.secondLook?.interruptUnsafe()
    const calls = [...this.calls]
    for (const call of calls) call.fail(Cause.fail(errors.poolClosed))
    const releases = new Releases()
    return this.empty(releases).pipe(
      Effect.andThen(Effect.forEach(calls, (call) => Deferred.await(call.ended), { discard: true })),
      Effect.andThen(releases.settle),
      Effect.flatMap(logReleasesFailed),
      Effect.andThen(this.slots.settled),
      Effect.andThen(Effect.sync(() => this.slots.dispose()))
    )
  })

  private empty(releases: Releases): Effect.Effect<void> {
    return this.emptying.release(releases, () => this.hooks.get())
  }

  private unlessClosed<A>(
    then: () => Effect.Effect<A, WorkerPoolError.WorkerPoolError>
  ): Effect.Effect<A, WorkerPoolError.WorkerPoolError> {
    // after the scope has closed nothing begins (C10)
    return this.isClosed ? Effect.fail(errors.poolClosed) : then()
  }

  private unlessInvalid<A>(
    changed: options.AnyPoolOptions,
    then: () => Effect.Effect<A, WorkerPoolError.WorkerPoolError>
  ): Effect.Effect<A, WorkerPoolError.WorkerPoolError> {
    const error = options.invalid(changed)
    return error === undefined ? this.unlessClosed(then) : Effect.fail(error)
  }

  /**
   * Runs `cause`, waits for the releases that it causes, and fails with what they fail with. If the caller is
   * interrupted meanwhile, it would not see that, so it is logged (L10).
   */
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

/** Logs what releases failed with that nobody waits for any more (L10). */
export const logReleasesFailed = (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Effect.Effect<void> =>
  Effect.forEach(failures, (error) => Effect.logError("A worker's release failed", Cause.fail(error)), {
    discard: true
  })
