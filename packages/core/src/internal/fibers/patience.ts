/**
 * How long a worker in this thread waits for what does not yield. Nothing here can be killed: what goes on for longer is
 * given up, and goes on by itself.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { StartOptions } from "../../WorkerRuntime.ts"
import { sleepInSteps } from "./steps.ts"

export class Patience {
  /** In milliseconds; `undefined`: it waits for ever. */
  readonly killAfter: number | undefined
  private readonly fork: ReturnType<typeof Effect.runForkWith<never>>

  /** `context` has the Clock by which it waits (T3). */
  constructor({ killAfter }: Pick<StartOptions, "killAfter">, context: Context.Context<never>) {
    this.killAfter = killAfter
    this.fork = Effect.runForkWith(context)
  }

  /** Calls `giveUp` after `killAfter`, never before this has returned; returns how to keep it from doing so. */
  start(giveUp: () => void): () => void {
    if (this.killAfter === undefined) return () => {}
    // with a `killAfter` of 0, too, what yields at once is not given up
    const timer = this.fork(Effect.map(Effect.andThen(sleepInSteps(this.killAfter), Effect.yieldNow), giveUp))
    return () => timer.interruptUnsafe()
  }

  /** Waits until a fiber has ended, or `killAfter` is over. */
  await(fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (fiber.pollUnsafe() !== undefined) return resume(Effect.void)
      const stop = this.start(() => resume(Effect.void))
      fiber.addObserver(() => {
        stop()
        resume(Effect.void)
      })
    })
  }
}
