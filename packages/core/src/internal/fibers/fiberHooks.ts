/**
 * Runs the hooks of a worker in this thread, each in a fiber of its own, and gives up one that does not yield.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type * as errors from "../common/errors.ts"
import { contain } from "./contained.ts"
import type { Patience } from "./patience.ts"

type Failure = WorkerPoolError.WorkerPoolError

/** A hook that is running. */
interface Running {
  readonly ended: Deferred.Deferred<unknown, Failure>
  readonly errors: errors.HookErrors
  fiber: Fiber.Fiber<unknown, Failure> | undefined
  /** Runs out when the hook's time is over. */
  timer: Fiber.Fiber<void> | undefined
  isOutOfTime: boolean
  isInterrupted: boolean
  /** Keeps it from being given up; `undefined` until it has been told to end. */
  yields: (() => void) | undefined
}

export class FiberHooks {
  private readonly context: Context.Context<never>
  private readonly patience: Patience
  private readonly onStuck: (cause: Error) => void
  private running: Running | undefined = undefined

  /** `context` has the Clock by which hooks are timed; `onStuck` is called when one is given up, before it ends. */
  constructor(context: Context.Context<never>, patience: Patience, onStuck: (cause: Error) => void) {
    this.context = context
    this.patience = patience
    this.onStuck = onStuck
  }

  /**
   * Runs a hook in `context`. Its typed errors are the engine's own, and its defects the hook's. Its timeout is by the
   * Clock (T1, T3), and it has timed out even if it succeeds when it is interrupted, as an item has (T2).
   */
  run(
    hook: Effect.Effect<unknown, Failure>,
    timeout: number | undefined,
    hookErrors: errors.HookErrors,
    context: Context.Context<never>
  ): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      const running: Running = {
        ended: Deferred.makeUnsafe(),
        errors: hookErrors,
        fiber: undefined,
        timer: undefined,
        isOutOfTime: false,
        isInterrupted: false,
        yields: undefined
      }
      this.running = running
      this.fork(running, hook, context)
      // the hook first, so that it is in time when it ends at the same time
      if (timeout !== undefined && this.running === running) {
        const timer = Effect.map(Effect.sleep(timeout), () => this.outOfTime(running))
        running.timer = Effect.runForkWith(this.context)(timer)
      }
      return Deferred.await(running.ended)
    })
  }

  /** Interrupts the hook that runs, if one does. */
  interrupt(): void {
    const { running } = this
    if (running === undefined || running.isInterrupted) return
    running.isInterrupted = true
    this.tellToEnd(running, "it was interrupted")
  }

  /** Completes when no hook runs. */
  readonly idle: Effect.Effect<void> = Effect.suspend(() =>
    this.running === undefined ? Effect.void : Effect.asVoid(Effect.exit(Deferred.await(this.running.ended)))
  )

  private fork(running: Running, hook: Effect.Effect<unknown, Failure>, context: Context.Context<never>): void {
    const contained = Effect.withFiber<unknown, Failure>((fiber) => {
      contain(fiber)
      running.fiber = fiber as Fiber.Fiber<unknown, Failure>
      fiber.addObserver((exit) => this.end(running, outcome(running, exit as Exit.Exit<unknown, Failure>)))
      // Only the hook is interruptible: one that has succeeded stays successful when an interruption comes just after.
      return Effect.interruptible(hook)
    })
    try {
      Effect.runForkWith(context)(contained, { uninterruptible: true })
    } catch (defect) {
      // the fiber is contained from its next operation on only
      this.end(running, Exit.fail(running.errors.failed(defect)))
    }
  }

  private outOfTime(running: Running): void {
    if (this.running !== running || running.isInterrupted) return
    running.isOutOfTime = true
    this.tellToEnd(running, "its time was over")
  }

  /** Interrupts the hook, and gives it up if it does not yield: its worker is lost, and it ends as if it had yielded. */
  private tellToEnd(running: Running, why: string): void {
    running.yields ??= this.patience.start(() => {
      if (this.running !== running) return
      this.onStuck(new Error(`A hook did not yield within ${this.patience.killAfter} milliseconds after ${why}`))
      this.end(running, outcome(running, Exit.interrupt()))
    })
    running.fiber?.interruptUnsafe()
  }

  private end(running: Running, exit: Exit.Exit<unknown, Failure>): void {
    if (this.running !== running) return
    this.running = undefined
    running.timer?.interruptUnsafe()
    running.yields?.()
    Deferred.doneUnsafe(running.ended, exit)
  }
}

/** How a hook ends whose fiber has ended with `exit`. */
const outcome = (
  { errors, isInterrupted, isOutOfTime }: Running,
  exit: Exit.Exit<unknown, Failure>
): Exit.Exit<unknown, Failure> => {
  if (isOutOfTime) return Exit.fail(errors.timedOut())
  if (Exit.isSuccess(exit)) return exit
  if (isInterrupted && Cause.hasInterrupts(exit.cause)) return Exit.interrupt()
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  return Exit.fail(fail === undefined ? errors.failed(Cause.squash(exit.cause)) : fail.error)
}
