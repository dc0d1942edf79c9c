/**
 * A worker in its slot: one life, from acquisition to release, or to a violent end (L3).
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Scope from "effect/Scope"
import type { WorkerIdentity, WorkerPoolError } from "../../WorkerPoolError.ts"
import type { Code, Loss, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
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

export class Tenant {
  readonly identity: WorkerIdentity
  /** The hooks that were current when it was acquired. */
  readonly hooks: Hooks
  /** How many items it has been given, less those taken back (L8). */
  readonly given: MutableRef.MutableRef<number>
  worker: Worker | undefined = undefined
  /** The fiber that runs its acquisition or release. */
  fiber: Fiber.Fiber<void> | undefined = undefined
  /** Whether any item has started there, as far as is known. */
  hasStarted = false
  /** Set when it has vanished, or the runtime has killed it. */
  loss: Loss | undefined = undefined
  /** Whether `Slot.kill` has marked it as killed. */
  isKilled = false
  private readonly scope = Scope.makeUnsafe()

  constructor(identity: WorkerIdentity, hooks: Hooks, items: number) {
    this.identity = identity
    this.hooks = hooks
    this.given = MutableRef.make(items)
  }

  /**
   * Starts it and runs `init`; fails when it was lost meanwhile. `isWanted` is asked between the two, because an
   * interruption that comes before `init` runs finds nothing to interrupt, and would be missed.
   */
  acquire(
    { killAfter, runtime, services, startTimeout, tasksPerWorker }: WorkerOptions,
    onLost: (loss: Loss) => void,
    isWanted: () => boolean
  ): Effect.Effect<void, WorkerPoolError> {
    const { init, initTimeout } = this.hooks
    const options = {
      worker: this.identity,
      tasksPerWorker,
      services,
      startTimeout,
      killAfter,
      onLost,
      onCondemned: () => {}
    }
    const started = Effect.interruptible(Scope.provide(runtime.start(options), this.scope))
    const initialised = Effect.flatMap(started, (worker) => {
      this.worker = worker
      return isWanted() && !this.isKilled
        ? Effect.mapError(worker.init({ code: init, timeout: initTimeout }), ({ error }) => error)
        : Effect.interrupt
    })
    return Effect.andThen(
      initialised,
      Effect.suspend(() =>
        this.loss === undefined ? Effect.void : Effect.fail(errors.workerLost(this.identity, this.loss.closed))
      )
    )
  }

  /** Whether it was lost or killed, so that the runtime may not be asked for anything of it any more. */
  get isGone(): boolean {
    return this.isKilled || this.loss !== undefined
  }

  /** Ends a worker whose acquisition failed: the finalizers that `init` registered run, `exit` does not (L3). */
  discard(exit: Exit.Exit<never, WorkerPoolError>): Effect.Effect<void> {
    const { worker } = this
    const finalized = this.isGone || worker === undefined ? Effect.void : worker.close(this.hooks.exitTimeout)
    return Effect.andThen(Effect.ignore(finalized), this.end(exit))
  }

  /** Runs `exit`, then all finalizers, and stops it (L3); returns what failed of that. */
  release(hooks: Hooks, exitResult: (value: unknown) => void): Effect.Effect<WorkerPoolError | undefined> {
    const { worker } = this
    // does not happen: only a live worker is released
    if (worker === undefined) return Effect.as(this.end(Exit.void), undefined)
    return Effect.gen({ self: this }, function* () {
      const exited = yield* Effect.exit(worker.exit({ code: hooks.exit, timeout: hooks.exitTimeout }))
      if (Exit.isSuccess(exited) && hooks.exit !== undefined) exitResult(exited.value)
      const closed = this.isGone ? Exit.void : yield* Effect.exit(worker.close(hooks.exitTimeout))
      yield* this.end(Exit.void)
      return this.failureOf(exited) ?? this.failureOf(closed)
    })
  }

  /** Ends it now, without hooks. */
  readonly kill: Effect.Effect<void> = Effect.suspend(() => this.worker?.kill ?? Effect.void)

  /** Closes its Scope, so that the runtime stops it; completes when it has really ended. */
  end(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.andThen(
      Scope.close(this.scope, exit),
      Effect.suspend(() => this.loss?.ended ?? Effect.void)
    )
  }

  /**
   * What an acquisition or release failed with: its typed error, or `StartFailed` with a defect of the runtime's;
   * `undefined` when it was interrupted, or failed because the worker was killed.
   */
  failureOf(exit: Exit.Exit<unknown, WorkerPoolError>): WorkerPoolError | undefined {
    if (Exit.isSuccess(exit) || this.isKilled) return undefined
    for (const reason of exit.cause.reasons) {
      if (reason._tag === "Fail") return reason.error
      if (reason._tag === "Die") return errors.startFailed(this.identity, reason.defect)
    }
    return undefined
  }
}
