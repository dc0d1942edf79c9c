/**
 * Looks 10 times a second at the calls in progress, and shows them to whoever has asked for that (O4). While there is no
 * such call it sleeps.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import type { CallProgress, Progress } from "./callProgress.ts"

/** The time between two looks, in milliseconds. */
const interval = 100

/** How long the last look may take, in milliseconds. */
const patience = 1000

/** Is shown all calls in progress, and each that has ended since once more. */
export type Show<R> = (calls: ReadonlyArray<CallProgress>) => Effect.Effect<void, never, R>

interface Followed {
  readonly read: () => CallProgress
}

class Sampler {
  private readonly show: Show<never>
  private readonly context: Context.Context<Scope.Scope>
  private readonly clock: Clock.Clock
  /** In the order in which they began. Those that have ended stay until they have been shown so. */
  private readonly followed = new Set<Followed>()
  private readonly isWanted = Latch.makeUnsafe()
  private isShowing = false
  /** Set once `show` has died: it is not asked again. */
  private isBroken = false
  private lastEnd = Number.NEGATIVE_INFINITY

  constructor(show: Show<never>, context: Context.Context<Scope.Scope>) {
    this.show = show
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
  }

  readonly progress: Progress = {
    follow: (read) => {
      const followed = { read }
      this.followed.add(followed)
      this.isWanted.openUnsafe()
      return Effect.sync(() => this.ended())
    }
  }

  /**
   * Shows the end of a call at once, before its caller goes on, unless another one was shown just before: there may be
   * thousands of them. The caller does not wait for who is shown it.
   */
  private ended(): void {
    const now = this.clock.currentTimeMillisUnsafe()
    if (Math.abs(now - this.lastEnd) < interval) return
    this.lastEnd = now
    Fiber.runIn(Effect.runForkWith(this.context)(this.look), Context.get(this.context, Scope.Scope))
  }

  /** Shows the calls; does nothing while it is showing them. */
  readonly look: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isShowing || this.isBroken || this.followed.size === 0) return Effect.void
    this.isShowing = true
    const calls: Array<CallProgress> = []
    for (const followed of this.followed) {
      const call = followed.read()
      calls.push(call)
      if (call.state !== "running") this.followed.delete(followed)
    }
    return Effect.suspend(() => this.show(calls)).pipe(
      Effect.onExit((exit) => {
        this.isShowing = false
        return Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? this.broken(exit.cause) : Effect.void
      }),
      Effect.exit,
      Effect.asVoid
    )
  })

  /** A display that fails must not fail calls, nor be noisy (F8). */
  private broken(cause: Cause.Cause<never>): Effect.Effect<void> {
    this.isBroken = true
    return Effect.logError("Progress is not shown any more", cause)
  }

  readonly run: Effect.Effect<never> = Effect.suspend(() => {
    if (this.followed.size === 0) this.isWanted.closeUnsafe()
    return Effect.andThen(this.isWanted.await, Effect.andThen(this.look, Effect.sleep(interval)))
  }).pipe(Effect.forever)
}

/** The service that shows calls by `show`, until the Scope closes. */
export const make = <R>(show: Show<R>): Effect.Effect<Progress, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R | Scope.Scope>()
    const sampler = new Sampler((calls) => Effect.provideContext(show(calls), context), context)
    // added first, so that it is run when the fiber is not any more: the last calls may have ended since its last look
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(sampler.look), patience))
    yield* Effect.forkScoped(sampler.run)
    return sampler.progress
  })
