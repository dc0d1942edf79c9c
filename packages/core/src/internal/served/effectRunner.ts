/**
 * Runs Effects in a remote worker: loaded only when a task or hook returns one, or the pool has services.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Fiber from "effect/Fiber"
import { died, type ExitLike } from "../task/shapes.ts"
import type { Caller } from "../wire/observed.ts"
import { Observing } from "./observing.ts"
import type { Observer } from "./observer.ts"

/** Interrupts a running Effect; its outcome still follows. */
export type Interrupt = () => void

/** Runs an Effect in the context of its caller. */
export type Fork = ReturnType<typeof Effect.runForkWith<never>>

export class EffectRunner {
  private readonly scope = Scope.makeUnsafe()
  private readonly observing: Observing

  constructor(worker: number, observer: Observer) {
    this.observing = new Observing(worker, observer)
  }

  /**
   * How the Effects of a chunk's items are run that have the same caller; `position` is that of the first of them, and
   * `span` the id of the item's own span, if it has one.
   */
  forItems(chunk: number, position: number, caller: Caller | undefined, span: string | undefined): Fork {
    return Effect.runForkWith(this.observing.contextOf(chunk, position, caller, span))
  }

  /** Runs an item's Effect in a Scope of its own, which is closed before the outcome counts. */
  runItem(effect: unknown, fork: Fork, done: (exit: ExitLike) => void): Interrupt {
    const fiber = fork(Effect.scoped(effect as Effect.Effect<unknown, unknown>))
    observe(fiber, done)
    return () => fiber.interruptUnsafe()
  }

  /** Runs a hook's Effect in the worker's Scope; the pool is its `caller`. */
  runHook(effect: unknown, caller: Caller | undefined, done: (exit: ExitLike) => void): Interrupt {
    const context = Context.add(this.observing.contextOfHook(caller), Scope.Scope, this.scope)
    const fork = Effect.runForkWith(context)
    // only the Effect is interruptible, so that an interruption after it has succeeded cannot make the hook fail
    const fiber = fork(Effect.interruptible(effect as Effect.Effect<unknown, unknown>), {
      uninterruptible: true
    })
    observe(fiber, done)
    return () => fiber.interruptUnsafe()
  }

  /** Builds the services, and provides them to all hooks and tasks that start from then on. */
  provide(layer: Layer.Layer<any, unknown>, caller: Caller | undefined, done: (exit: ExitLike) => void): Interrupt {
    const built = Layer.buildWithMemoMap(layer, Layer.makeMemoMapUnsafe(), this.scope)
    return this.runHook(
      Effect.map(built, (services: Context.Context<never>) => {
        this.observing.provide(services)
      }),
      caller,
      done
    )
  }

  /** Runs the finalizers that hooks registered, last first, then those of the services (L3). */
  close(done: (exit: ExitLike) => void): void {
    Effect.runFork(Scope.close(this.scope, Exit.void)).addObserver(done)
  }
}

/**
 * Calls `done` when the fiber has ended, more than once perhaps. Effect's loop throws, past all observers and into the
 * timer or Promise that the fiber waited for, where a task goes on with what is neither an Effect nor can be printed,
 * such as a revoked Proxy: that would end the worker (F8).
 */
const observe = (fiber: Fiber.Fiber<unknown, unknown>, done: (exit: ExitLike) => void): void => {
  fiber.addObserver(done)
  if (fiber.pollUnsafe() !== undefined) return
  const loop = fiber as unknown as { evaluate: (effect: unknown) => void }
  const { evaluate } = loop
  // a later version of Effect may have another loop, and then does what it does with such a value
  if (typeof evaluate !== "function") return
  loop.evaluate = (effect) => {
    try {
      evaluate.call(fiber, effect)
    } catch (defect) {
      done(died(defect))
    }
  }
}
