/**
 * The pool: admits calls, keeps the session, and concludes calls that have ended (L4 – L9).
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, WorkerRuntime } from "../../WorkerRuntime.ts"
import type { Call } from "../call/call.ts"
import type { LostRunner } from "../call/isolation.ts"
import { type ItemTime, ItemTimes } from "../call/itemTimes.ts"
import * as errors from "../common/errors.ts"
import { nameAt } from "../common/taskNames.ts"
import { Releases } from "../common/releases.ts"
import type { TracedCall } from "../common/tracing.ts"
import { Turn } from "../common/turn.ts"
import { Events } from "../events/events.ts"
import type { ItemSeconds } from "../insights/itemSeconds.ts"
import type { Insights, Numbers } from "../insights/insights.ts"
import { LongestItems } from "../insights/longestItems.ts"
import { sum } from "../insights/slotMeter.ts"
import { ThreadMeter } from "../insights/threadMeter.ts"
import { Dispatcher } from "../dispatcher/dispatcher.ts"
import type { Resume } from "../runs/run.ts"
import type { RunRequest } from "../runs/runGroup.ts"
import * as hooks from "../slot/hooks.ts"
import type { IdleLoss, Slot } from "../slot/slot.ts"
import { Slots } from "../slot/slots.ts"
import * as realTime from "../task/realTime.ts"
import { CurrentHooks } from "./currentHooks.ts"
import { Emptying } from "./emptying.ts"
import { Gate } from "./gate.ts"
import { IdleReaper } from "./idleReaper.ts"
import { KeepAlive } from "./keepAlive.ts"
import { InsightsReader } from "./insightsReader.ts"
import { byClock, byMonotonicClock, inRealTime } from "./later.ts"
import * as options from "./options.ts"
import { Refusals } from "./refusals.ts"
import { RunAdmission } from "./runAdmission.ts"
import { Session } from "./session.ts"
import type { Stats } from "./stats.ts"

export class Pool {
  readonly defaults: options.NamedPoolOptions
  /** Whether messages to workers take time. */
  readonly isRemote: boolean
  /** How long a chunk may take whose items' starts are not told one by one, in milliseconds. */
  readonly chunkTime: number | undefined
  readonly turn = new Turn()
  readonly dispatcher: Dispatcher
  private readonly context: Context.Context<never>
  private readonly gate = new Gate(this.turn)
  private readonly session = new Session()
  private readonly itemTimes = new ItemTimes()
  /** The items that took longest. */
  readonly longest: LongestItems
  /** Whom it tells what happens in it. */
  readonly events: Events
  private readonly insightsReader: InsightsReader
  private readonly hooks: CurrentHooks
  private readonly runs: RunAdmission
  private readonly slots: Slots
  private readonly keepAlive: KeepAlive
  private readonly reaper: IdleReaper<Slot>
  private readonly emptying: Emptying
  /** The calls in progress; `run`s that share a call count as one. */
  private readonly calls = new Set<Call>()
  private mapCalls = 0
  /** How many calls have begun. */
  private begun = 0
  /** That of the last `run` without options: thousands of the same task may follow, which are recognised by it. */
  private lastRequest: RunRequest | undefined = undefined
  /** Keeps the dispatcher's second look from taking place, if it waits for one. */
  private endSecondLook: () => void = () => {}
  private lost = 0
  private killed = 0
  private isClosed = false
  /** Whether somebody has said how many slots it has: else it grows with its platform. */
  isSizeGiven: boolean
  /** Whether the last workers were released for their idle time, and no chunk or `start` has needed one since. */
  private idledOut = false

  constructor(
    runtime: WorkerRuntime["Service"],
    defaults: options.NamedPoolOptions,
    size: number,
    context: Context.Context<never>
  ) {
    const clock = Context.get(context, Clock.Clock)
    const now = () => clock.currentTimeMillisUnsafe()
    const { turn } = this
    const isRemote = runtime.isRemote ?? false
    const fork = (effect: Effect.Effect<void>) => Effect.runForkWith(this.context)(effect)
    const later = isRemote ? inRealTime(turn) : byClock(fork, turn)
    const active = () => this.slots.active
    const tasksPerWorker = defaults.tasksPerWorker ?? 1
    this.defaults = defaults
    this.isSizeGiven = defaults.size !== undefined
    this.context = context
    this.chunkTime = runtime.chunkTime
    this.isRemote = isRemote
    this.longest = new LongestItems(turn)
    this.events = new Events({
      pool: defaults.name,
      turn,
      clock,
      later: byClock(fork, turn),
      calls: () => this.calls
    })
    // a test's Clock stands still while this thread works
    const isReal = isRemote || clock === Context.get(Context.empty(), Clock.Clock)
    const thread = new ThreadMeter(isReal, !isRemote)
    this.hooks = new CurrentHooks(defaults)
    this.keepAlive = new KeepAlive(defaults.keepAlive)
    this.dispatcher = new Dispatcher({
      turn,
      tasksPerWorker,
      slots: active,
      assigned: () => {
        this.idledOut = false
      },
      stalled: () => refusals.stalled(),
      later: (millis, look) => {
        this.endSecondLook = later(millis, look)
      }
    })
    const refusals = new Refusals(this.dispatcher, active)
    this.runs = new RunAdmission({
      gate: this.gate,
      isClosed: () => this.isClosed,
      maxPending: defaults.maxPending,
      pool: defaults.name,
      turn,
      dispatcher: this.dispatcher,
      hooks: () => this.hooks.get(),
      size: () => this.size,
      tasksPerWorker,
      isRemote: this.isRemote,
      itemTime: (task) => this.itemTime(task),
      longest: this.longest,
      events: this.events,
      began: (call) => {
        this.hooks.keep(call)
        this.began(call)
      },
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
        pool: defaults.name,
        hidesItems: defaults.describe === false,
        turn,
        hooks: () => this.hooks.get(),
        keptBy: (call) => this.hooks.keptBy(call),
        isClosed: () => this.isClosed,
        refusals,
        fork,
        later,
        now,
        meter: { tasksPerWorker, now: isRemote ? realTime.now : byMonotonicClock(clock), thread },
        dispatch: () => this.dispatcher.dispatch(),
        told: this.events,
        events: {
          idle: () => this.reaper.update(),
          exitResult: (value) => this.session.add(value),
          releaseFailed: (error) => this.fork(logReleasesFailed([error])),
          lost: (idle) => {
            this.lost++
            if (idle !== undefined) this.fork(logIdleLoss(idle))
          },
          runnerLost: (runner) => this.runnerLost(runner),
          killed: () => void this.killed++
        }
      },
      size
    )
    this.insightsReader = new InsightsReader({
      pool: defaults.name,
      tasksPerWorker,
      slots: this.slots,
      longest: this.longest,
      thread
    })
    this.reaper = new IdleReaper({
      minSize: defaults.minSize ?? 0,
      slots: active,
      idleTime: () => (this.isClosed ? undefined : this.keepAlive.idleTime),
      now,
      fork,
      turn,
      release: (slot) => this.releaseIdle(slot)
    })
    this.emptying = new Emptying({
      turn,
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
   * reached its lifespan are released (L8). `restore` makes the wait interruptible. Returns an Effect that warns if live
   * workers were acquired with other hooks (L7): it runs users' Loggers, so that the call has to end when it fails (F8).
   */
  admit(
    call: Call,
    named: options.AnyCallOptions,
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<Effect.Effect<void>, WorkerPoolError.WorkerPoolError> {
    return this.gate.pass(() => this.enter(call, named), restore)
  }

  private enter(
    call: Call,
    named: options.AnyCallOptions
  ): Effect.Effect<Effect.Effect<void>, WorkerPoolError.WorkerPoolError> {
    if (this.isClosed) return Effect.fail(errors.poolClosed(this.defaults.name))
    // before anything is registered: a value's `Equal` may throw, and then the call has not been here (F8)
    const interned = this.hooks.intern(named, this.hooksInUse)
    this.began(call)
    const isChanged = this.hooks.admit(call, interned, this.mapCalls === 0)
    this.mapCalls++
    this.slots.reconsider()
    for (const slot of this.slots.active) {
      // the call's first chunk waits for the release of idle workers only: a busy one must not hold it up (L8)
      if (slot.isLive && slot.remaining <= 0) slot.retire(slot.isIdle ? call.firstReleases : call.releases)
    }
    return Effect.succeed(isChanged ? this.warning : Effect.void)
  }

  /** The hooks that running calls keep, and those that workers were acquired with. */
  private get hooksInUse(): Array<hooks.Hooks> {
    return [...[...this.calls].map((call) => this.hooks.keptBy(call)), ...this.slots.acquiredWith]
  }

  /** Warns if there are workers that were acquired with other hooks than those that are current now (L7). */
  private get warning(): Effect.Effect<void> {
    const current = this.hooks.get()
    return this.slots.acquiredWith.every((acquiredWith) => hooks.same(acquiredWith, current))
      ? Effect.void
      : hooksChanged
  }

  /** The request of a `run` of a task without options, if the last one was the same. */
  requestOf(task: unknown): RunRequest | undefined {
    const { lastRequest } = this
    return lastRequest !== undefined && lastRequest.task === task ? lastRequest : undefined
  }

  /** Keeps the request of a `run` without options, for `requestOf`. */
  remember(request: RunRequest): void {
    this.lastRequest = request
  }

  run(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    traced?: TracedCall | undefined
  ): Effect.Effect<unknown, unknown> {
    return this.runs.run(input, request, context, traced)
  }

  /** As `run`, for who has registered a callback already. */
  beginRun(
    input: unknown,
    request: RunRequest,
    context: Context.Context<never>,
    resume: Resume
  ): Effect.Effect<void> | undefined {
    return this.runs.begin(input, request, context, undefined, resume)
  }

  /** Offers the call's items to the slots, once the workers that its start released are gone. */
  offer(call: Call): Effect.Effect<void> {
    return Effect.map(call.firstReleases.settle, () => this.turn.take(() => call.offer()))
  }

  /** Offers the call's items; completes when nothing of it is in progress any more. */
  serve(call: Call): Effect.Effect<void> {
    return Effect.andThen(this.offer(call), Deferred.await(call.ended))
  }

  /** Fails a call in progress; completes when nothing of it is in progress any more. */
  fail(call: Call, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.turn.take(() => call.fail(cause))
      return Deferred.await(call.ended)
    })
  }

  /**
   * Does what the end of an admitted map-family call asks for: the last one in progress releases the workers, unless
   * they are kept alive (L4, L5). Returns what failed in the releases that the call caused.
   */
  conclude(call: Call): Effect.Effect<ReadonlyArray<WorkerPoolError.WorkerPoolError>> {
    let failed: ReadonlyArray<WorkerPoolError.WorkerPoolError> = []
    return this.turn
      .enter(() => {
        // its hooks may be why it has failed: they must not stay for others, as no item was run with them (L6)
        if (call.failure !== undefined && !call.wasGiven && this.hooks.withdraw(call)) this.fork(this.warning)
        this.slots.reconsider()
        this.mapCalls--
        if (this.mapCalls > 0) return Effect.void
        const areReleased = this.keepAlive.callsEnded()
        this.reaper.update()
        return areReleased ? this.empty(call.releases) : Effect.void
      })
      .pipe(
        Effect.andThen(call.firstReleases.settle),
        Effect.flatMap((first) => Effect.map(call.releases.settle, (others) => (failed = [...first, ...others]))),
        Effect.ensuring(Effect.sync(() => this.turn.take(() => this.concluded(call, failed))))
      )
  }

  /**
   * A runner was lost, with all its workers. Gives out no chunk until it has been told of what else has been heard by now: the
   * others of these workers, to whom it would only be lost (K4).
   */
  private runnerLost(runner: LostRunner): void {
    this.dispatcher.isolation.lost(runner)
    this.dispatcher.pause()
    realTime.defer(() => this.turn.take(() => this.dispatcher.resume()))
  }

  /** A call, or the first of the `run`s that share one, begins. */
  private began(call: Call): void {
    this.calls.add(call)
    this.session.enter()
    call.number = ++this.begun
    call.tally.clear()
    if (this.events.isWatched) this.events.callStarted(call)
  }

  /** The call's releases are over: all that its end asks for has been done. */
  private concluded(call: Call, failures: ReadonlyArray<WorkerPoolError.WorkerPoolError> = []): void {
    const wasInProgress = this.calls.delete(call)
    if (this.events.isWatched && wasInProgress) this.events.callEnded(call, failures)
    this.endIdledSession()
    call.conclude()
  }

  // ---------------------------------------------------------------------------
  // Idle time
  // ---------------------------------------------------------------------------

  private releaseIdle(slot: Slot): void {
    const releases = new Releases()
    slot.retire(releases)
    this.fork(
      Effect.flatMap(releases.settle, (failures) => {
        this.turn.take(() => {
          this.idledOut = this.slots.isEmpty
          this.endIdledSession()
        })
        return logReleasesFailed(failures)
      })
    )
  }

  /** A session ends when idle time has emptied the pool and no call is in progress that could use it. */
  private endIdledSession(): void {
    if (this.idledOut && this.calls.size === 0) this.session.end()
  }

  /** Runs an Effect beside the pool, at the end of the turn: it may run users' Loggers. */
  private fork(effect: Effect.Effect<void>): void {
    this.turn.tell(() => Effect.runForkWith(this.context)(effect))
  }

  // ---------------------------------------------------------------------------
  // Controls
  // ---------------------------------------------------------------------------

  readonly start: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = this.gate.pass(
    () =>
      this.unlessClosed(() => {
        this.session.enter()
        this.idledOut = false
        return Effect.forEach(this.slots.active, (slot) => slot.start(), { concurrency: "unbounded", discard: true })
      }),
    identity
  )

  readonly stop: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = this.turn.enter(() =>
    this.unlessClosed(() => {
      this.gate.close()
      // asked for now: of a call that has been concluded, nobody can wait for that any more
      const concluded = [...this.calls].map((call) => call.concluded)
      return Effect.andThen(
        Effect.forEach(concluded, Deferred.await, { discard: true }),
        this.releasing((releases) => Effect.uninterruptible(this.turn.enter(() => this.empty(releases))))
      ).pipe(Effect.ensuring(Effect.sync(() => this.turn.take(() => this.gate.open()))))
    })
  )

  readonly terminate: Effect.Effect<void> = Effect.uninterruptible(
    this.turn.enter(() => {
      if (this.isClosed) return Effect.void
      return this.emptying.kill(() => {
        for (const call of [...this.calls]) call.fail(Cause.fail(errors.terminated(this.defaults.name)))
      })
    })
  )

  readonly restart: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = this.releasing((releases) =>
    this.turn.enter(() =>
      this.unlessClosed(() => {
        for (const slot of this.slots.active) slot.retire(releases)
        return Effect.void
      })
    )
  )

  setSize(size: number): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.resize(size, true)
  }

  /** There is place for so many workers now: has as many slots, unless it has been told how many. */
  growTo(size: number): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.resize(size, false)
  }

  private resize(size: number, isGiven: boolean): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.releasing((releases) =>
      this.turn.enter(() =>
        // a size that is refused has not been given
        this.unlessInvalid({ size }, () => {
          if (!isGiven && (this.isSizeGiven || size <= this.size)) return Effect.void
          this.isSizeGiven ||= isGiven
          this.slots.resize(size, releases)
          this.dispatcher.dispatch()
          return Effect.void
        })
      )
    )
  }

  /** Acts at the end of the running map-family call, or of the next one (L5). */
  setKeepAlive(keepAlive: options.AnyPoolOptions["keepAlive"]): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.turn.enter(() =>
      this.unlessInvalid({ keepAlive }, () => {
        this.keepAlive.set(keepAlive)
        return Effect.void
      })
    )
  }

  readonly exitResults: Effect.Effect<Array<unknown>> = Effect.sync(() => this.session.newest)

  readonly stats: Effect.Effect<Stats> = Effect.sync(() => this.currentStats)

  get currentStats(): Stats {
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
  }

  get name(): string {
    return this.defaults.name
  }

  /** How long items take. */
  get itemSeconds(): ItemSeconds {
    return this.itemTimes.seconds
  }

  /** What has been counted of all slots. */
  get numbers(): Numbers {
    return sum(this.slots.everyone.map((slot) => slot.numbers))
  }

  get insights(): Effect.Effect<Insights> {
    return this.insightsReader.insights
  }

  /** What the pool's Scope does when it closes: every call is settled, every worker released (L3, F5). */
  readonly close: Effect.Effect<void> = this.turn.enter(() => {
    this.isClosed = true
    this.gate.abolish()
    this.reaper.stop()
    this.endSecondLook()
    const calls = [...this.calls]
    for (const call of calls) call.fail(Cause.fail(errors.poolClosed(this.defaults.name)))
    const releases = new Releases()
    return this.empty(releases).pipe(
      Effect.andThen(Effect.forEach(calls, (call) => Deferred.await(call.ended), { discard: true })),
      Effect.andThen(releases.settle),
      Effect.flatMap(logReleasesFailed),
      Effect.andThen(this.slots.settled),
      Effect.andThen(Effect.sync(() => this.turn.take(() => this.closed())))
    )
  })

  /** Nothing is left of it: those who listen hear no more, of calls neither whose callers have yet to go on. */
  private closed(): void {
    this.slots.dispose()
    if (this.events.isWatched) for (const call of this.calls) this.events.callEnded(call, [])
    this.events.close()
  }

  /** Empties the pool with the `exit` that is current now: it is read once, first (L6). */
  private empty(releases: Releases): Effect.Effect<void> {
    return this.emptying.release(releases, this.hooks.get())
  }

  private unlessClosed<A>(
    then: () => Effect.Effect<A, WorkerPoolError.WorkerPoolError>
  ): Effect.Effect<A, WorkerPoolError.WorkerPoolError> {
    // after the scope has closed nothing begins (C10)
    return this.isClosed ? Effect.fail(errors.poolClosed(this.defaults.name)) : then()
  }

  private unlessInvalid<A>(
    changed: options.AnyPoolOptions,
    then: () => Effect.Effect<A, WorkerPoolError.WorkerPoolError>
  ): Effect.Effect<A, WorkerPoolError.WorkerPoolError> {
    const error = options.invalid(changed, "pool")
    return error === undefined ? this.unlessClosed(then) : Effect.fail(error)
  }

  /**
   * Runs `cause`, waits for the releases that it causes, and fails with what they fail with. If the caller is
   * interrupted meanwhile, it would not see that, so it is logged (L10).
   */
  private releasing(cause: (releases: Releases) => Effect.Effect<void, WorkerPoolError.WorkerPoolError>) {
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

const hooksChanged = Effect.logWarning(
  "init or exit changed while workers live that were acquired with others: the new init is not run for them, and the new " +
    "exit runs when they are released"
)

/** Says which task may have left behind what has ended an idle worker: no call fails by it. */
const logIdleLoss = ({ error, ranLast }: IdleLoss): Effect.Effect<void> => {
  const task = ranLast && nameAt(ranLast)
  const by = task === undefined ? "" : `; the last task that it ran was ${task}`
  return Effect.logWarning(`A worker ended while it had nothing to do${by}`, Cause.fail(error))
}

/** Fails with all of the failures, unless there are none. */
export const failAll = (
  failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>
): Effect.Effect<void, WorkerPoolError.WorkerPoolError> =>
  failures.length === 0 ? Effect.void : Effect.failCause(Cause.fromReasons(failures.map(Cause.makeFailReason)))

/**
 * Logs what releases failed with that nobody waits for any more (L10). A Logger that throws changes nothing of what
 * follows: a call would not be concluded, or the pool's Scope not be closed (F8).
 */
export const logReleasesFailed = (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Effect.Effect<void> =>
  Effect.forEach(failures, (error) => Effect.logError("A worker's release failed", Cause.fail(error)), {
    discard: true
  }).pipe(Effect.exit, Effect.asVoid)
