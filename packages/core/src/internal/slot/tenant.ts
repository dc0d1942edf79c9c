/**
 * A worker in its slot: one life, from acquisition to release, or to a violent end (L3).
 */
import * as Deferred from "effect/Deferred"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as MutableRef from "effect/MutableRef"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, InitFailure, Loss, StartOptions, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import type { CallChunk } from "../call/callChunk.ts"
import type { LostRunner } from "../call/isolation.ts"
import type { Fork } from "../common/fork.ts"
import type { Release } from "../common/releases.ts"
import { inLateRootSpan, inRootSpan, type LateSpan } from "../common/tracing.ts"
import type { Turn } from "../common/turn.ts"
import type * as portable from "../task/portable.ts"
import type { Hooks } from "./hooks.ts"

/** What all workers of a pool have in common. */
export interface WorkerOptions {
  readonly runtime: WorkerRuntime["Service"]
  readonly tasksPerWorker: number
  readonly services: Code | undefined
  /** In milliseconds. */
  readonly startTimeout: number | undefined
  /** In milliseconds. */
  readonly killAfter: number | undefined
}

/** What a worker tells its slot. */
export type TenantEvents = Pick<StartOptions, "onCondemned" | "onLost" | "onPlaced" | "onSettled" | "onUnwanted"> & {
  /** The runtime has started it; services and `init` come next. */
  readonly onStarted: () => void
}

/** Why a worker was not acquired, and whose failure that is (L10). */
export interface AcquisitionFailure {
  readonly error: WorkerPoolError.WorkerPoolError
  /** `start`: every worker of the slot would have it. `init`: only workers that run the same `init` would. */
  readonly of: "start" | "init"
  /** Set when the runtime has only no place for a worker now (K7). */
  readonly unavailable?: WorkerPoolError.Unavailable | undefined
}

/** An acquisition or a release in progress. */
interface Stage {
  /** Done when it is over, whatever came of it. */
  readonly over: Deferred.Deferred<void>
  readonly isAcquisition: boolean
  /** Whether nobody has asked yet that it end. */
  isWanted: boolean
  fiber: Fiber.Fiber<void> | undefined
}

/** How many have been given a place, in all pools. */
let places = 0

export class Tenant {
  /**
   * Its number among all of them, once it has a place; 0 before that. Not from when it was first wanted: a runner that had stalled
   * may be lost meanwhile, and answer then (K4).
   */
  private number = 0
  readonly identity: WorkerPoolError.WorkerIdentity
  /** The hooks that were current when it was acquired. */
  readonly hooks: Hooks
  /** How many items it has been given, less those taken back (L8). */
  readonly given: MutableRef.MutableRef<number>
  /** Done when it is gone, with what its release failed with, if it did. */
  readonly released: Release = Deferred.makeUnsafe()
  /** Set when it has vanished, or the runtime has killed it. */
  loss: Loss | undefined = undefined
  /** Where the task of the last chunk is that it was given; only the address, which keeps no bound value in memory. */
  ranLast: portable.Address | undefined = undefined
  /** Whether it has had items that are not to be shown: what it fails with or is ended by may quote them, also later. */
  hidesItems = false
  /** How many runners had been lost when the newest chunk was sent of those that it has answered (K4). */
  private answeredAfter = -1
  /** Whether the runtime has given it up, because something in it does not yield. */
  isCondemned = false
  /** Whether its beginning has been told, which it is not while it may turn out that there is no place for it. */
  isBegun = false
  /** Whether `Slot.kill` has marked it as killed. */
  isKilled = false
  private readonly turn: Turn
  private readonly fork: Fork
  private readonly scope = Scope.makeUnsafe()
  private worker: Worker | undefined = undefined
  /** Its acquisition or release, while that is in progress. */
  private stage: Stage | undefined = undefined

  constructor(identity: WorkerPoolError.WorkerIdentity, hooks: Hooks, items: number, turn: Turn, fork: Fork) {
    this.identity = identity
    this.hooks = hooks
    this.given = MutableRef.make(items)
    this.turn = turn
    this.fork = fork
  }

  /** What was lost with it, if its loss says that this was more than the worker (K4). */
  get lostRunner(): LostRunner | undefined {
    const { answeredAfter, loss, number } = this
    if (loss?.closed.external !== true) return undefined
    const { cause } = loss.closed
    const runner = cause instanceof WorkerPoolError.RunnerLost ? cause.runner : undefined
    return { runner, worker: number, workers: places, answered: answeredAfter }
  }

  /** A chunk is over, or its worker is: if any of its items has an outcome, the worker was there after it was sent. */
  answered({ lossesBefore, reported }: CallChunk): void {
    if (reported > 0) this.answeredAfter = Math.max(this.answeredAfter, lossesBefore)
  }

  // ---------------------------------------------------------------------------
  // Acquisition
  // ---------------------------------------------------------------------------

  /**
   * Starts it and runs `init`, in a fiber of its own, for what has the span `cause`. `acquired` is called in a turn when it is live; if it does not
   * become that, what `notAcquired` returns is run as the last step.
   */
  acquire(
    options: WorkerOptions,
    events: TenantEvents,
    cause: Tracer.AnySpan | undefined,
    acquired: (worker: Worker) => void,
    notAcquired: (failure: AcquisitionFailure | undefined) => Effect.Effect<void>
  ): void {
    const initialised = inLateRootSpan(
      (span) => this.initialised(options, events, span),
      "pool.worker.acquire",
      { ...WorkerPoolError.inWorker(this.identity) },
      cause,
      (exit) => Exit.mapError(exit, ({ error }) => error),
      (exit) => this.isSeen(exit)
    )
    const life = Effect.flatMap(Effect.exit(initialised), (exit) =>
      Exit.isSuccess(exit)
        ? Effect.sync(() => this.turn.take(() => acquired(exit.value)))
        : notAcquired(this.failureOf(exit, (error) => ({ error, of: "start" })))
    )
    this.run(life, true)
  }

  /** Interrupts its acquisition; what `acquire` was given is called all the same. */
  interruptAcquisition(): void {
    const { stage } = this
    if (stage?.isAcquisition !== true) return
    stage.isWanted = false
    // told, because on fibers users' finalizers run at once
    this.turn.tell(() => {
      if (this.stage !== stage) return
      if (!this.isGone) this.worker?.interruptInit()
      stage.fiber?.interruptUnsafe()
    })
  }

  private initialised(
    { killAfter, runtime, services, startTimeout, tasksPerWorker }: WorkerOptions,
    { onPlaced, onStarted, ...events }: TenantEvents,
    span: LateSpan | undefined
  ): Effect.Effect<Worker, AcquisitionFailure> {
    const { init, initTimeout } = this.hooks
    const placed = () => {
      this.hasPlace()
      span?.begin()
      onPlaced?.()
    }
    const options = { worker: this.identity, tasksPerWorker, services, startTimeout, killAfter, ...events }
    const started = Effect.suspend(() =>
      // it may have been killed before this fiber's beginning
      this.isKilled
        ? Effect.interrupt
        : Effect.interruptible(Scope.provide(runtime.start({ ...options, onPlaced: placed }), this.scope))
    )
    return Effect.mapError(within(started, span?.parent), (error): AcquisitionFailure => {
      if (WorkerPoolError.isWorkerPoolError(error)) return { error, of: "start" }
      return { error: errors.startFailed(this.identity, error.cause), of: "start", unavailable: error }
    }).pipe(
      Effect.flatMap((worker) => {
        this.worker = worker
        // not every runtime tells it before
        this.hasPlace()
        const around = span?.begin()
        onStarted()
        // asked here, because an interruption that comes before `init` runs finds nothing to interrupt, and is missed
        if (this.stage?.isWanted !== true || this.isKilled) return Effect.interrupt
        const initialised = inContext((context) => worker.init({ code: init, timeout: initTimeout, context }))
        return Effect.as(Effect.mapError(within(initialised, around), initFailure), worker)
      }),
      Effect.flatMap((worker) => {
        const { loss } = this
        if (loss === undefined) return Effect.succeed(worker)
        const of = init === undefined ? ("start" as const) : ("init" as const)
        return Effect.fail({ error: errors.workerLost(this.identity, loss.closed), of })
      })
    )
  }

  private hasPlace(): void {
    if (this.number === 0) this.number = ++places
  }

  /** Whether its acquisition has a span: an attempt that found no room, or was given up before, is no worker's life (K7). */
  private isSeen(exit: Exit.Exit<Worker, AcquisitionFailure>): boolean {
    if (Exit.isSuccess(exit) || this.isKilled) return true
    const failure = this.failureOf<AcquisitionFailure>(exit, (error) => ({ error, of: "start" }))
    return failure !== undefined && failure.unavailable === undefined
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /** Whether it was lost or killed, so that the runtime may not be asked for anything of it any more. */
  get isGone(): boolean {
    return this.isKilled || this.loss !== undefined
  }

  /** Ends a worker whose acquisition failed: the finalizers that `init` registered run, `exit` does not (L3). */
  readonly discard: Effect.Effect<void> = Effect.suspend(() => {
    const { worker } = this
    const finalized = this.isGone || worker === undefined ? Effect.void : worker.close(this.hooks.exitTimeout)
    return Effect.andThen(Effect.exit(finalized), this.end)
  })

  /** Runs `exit`, then all finalizers, and stops it (L3); `released` gets what failed of that. */
  release(
    hooks: Hooks,
    cause: Tracer.AnySpan | undefined,
    exitResult: (value: unknown) => void,
    released: (failure: WorkerPoolError.WorkerPoolError | undefined) => void
  ): void {
    const exiting = Effect.gen({ self: this }, function* () {
      const { worker } = this
      // it may have been killed or lost between the decision to release it and this fiber's beginning
      if (worker === undefined || this.isGone) {
        yield* this.end
        return undefined
      }
      const exited = yield* Effect.exit(
        inContext((context) => worker.exit({ code: hooks.exit, timeout: hooks.exitTimeout, context }))
      )
      if (Exit.isSuccess(exited) && hooks.exit !== undefined) exitResult(exited.value)
      const closed = this.isGone ? Exit.void : yield* Effect.exit(worker.close(hooks.exitTimeout))
      yield* this.end
      const failure = this.failureOf(exited, identity) ?? this.failureOf(closed, identity)
      return hooks.exit === undefined && this.isOfLostRunner(failure) ? undefined : failure
    })
    const traced = inRootSpan(
      exiting,
      "pool.worker.release",
      { ...WorkerPoolError.inWorker(this.identity) },
      cause,
      (exit) => (Exit.isSuccess(exit) && exit.value !== undefined ? Exit.fail(exit.value) : exit)
    )
    this.run(
      Effect.map(traced, (failure) => this.turn.take(() => released(failure))),
      false
    )
  }

  /**
   * Whether a release failed because more was lost than the worker. Where it had no `exit` to run, that is no failure, as it would be
   * none a moment before, when the worker was idle: or else a call would fail that has all of its results (K4).
   */
  private isOfLostRunner(failure: WorkerPoolError.WorkerPoolError | undefined): boolean {
    return failure?.reason._tag === "WorkerLost" && this.loss?.closed.external === true
  }

  /** Kills it, without hooks, and ends its acquisition if that is in progress; completes when it has really ended. */
  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const { stage, worker } = this
    this.interruptAcquisition()
    const killed = this.loss === undefined && worker !== undefined ? worker.kill : Effect.void
    const over = stage === undefined ? Effect.void : Deferred.await(stage.over)
    return Effect.andThen(Effect.andThen(Effect.exit(killed), over), this.end)
  })

  /** Closes its Scope, so that the runtime stops it; completes when it has really ended. */
  readonly end: Effect.Effect<void> = Effect.suspend(() =>
    // what its finalizers fail with has been told by `close` before
    Effect.andThen(Effect.exit(Scope.close(this.scope, Exit.void)), this.loss?.ended ?? Effect.void)
  )

  /** Runs its acquisition or release in a fiber of its own. */
  private run(effect: Effect.Effect<void>, isAcquisition: boolean): void {
    const stage: Stage = { over: Deferred.makeUnsafe(), isAcquisition, isWanted: true, fiber: undefined }
    this.stage = stage
    const over = Effect.sync(() => {
      if (this.stage === stage) this.stage = undefined
      this.turn.complete(stage.over, Exit.void)
    })
    // told, because on fibers users' hooks run at once
    this.turn.tell(() => {
      stage.fiber = this.fork(Effect.uninterruptible(Effect.ensuring(effect, over)))
    })
  }

  /**
   * What an acquisition or release failed with: its typed error, or what `ofDefect` makes of `StartFailed` with a defect
   * of the runtime's; `undefined` when it was interrupted, or failed because the worker was killed.
   */
  private failureOf<E>(
    exit: Exit.Exit<unknown, E>,
    ofDefect: (error: WorkerPoolError.WorkerPoolError) => E
  ): E | undefined {
    if (Exit.isSuccess(exit) || this.isKilled) return undefined
    for (const reason of exit.cause.reasons) {
      if (reason._tag === "Fail") return reason.error
      if (reason._tag === "Die") return ofDefect(errors.startFailed(this.identity, reason.defect))
    }
    return undefined
  }
}

const within = <A, E>(effect: Effect.Effect<A, E>, span: Tracer.AnySpan | undefined): Effect.Effect<A, E> =>
  span === undefined ? effect : Effect.provideService(effect, Tracer.ParentSpan, span)

const inContext = <A, E>(effect: (context: Context.Context<never>) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber(({ context }) => effect(context))

const initFailure = ({ error, of }: InitFailure): AcquisitionFailure => ({
  error,
  of: of === "services" ? "start" : "init"
})
