/**
 * Runs items of a chunk one after another in one fiber. An item costs no fiber of its own, and one whose task returns a
 * plain value or an Exit costs no operation of the fiber either.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as errors from "../common/errors.ts"
import { isExit, isPlain, isPromiseLike } from "../task/shapes.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import * as crossing from "../wire/crossing.ts"
import type { FiberChunk } from "./fiberChunk.ts"
import { toEffect } from "./toEffect.ts"

export class Lane {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly chunk: FiberChunk
  private readonly worker: WorkerIdentity
  private readonly clone: boolean
  /** The position of the item that runs; -1 while none does. */
  private position = -1
  private context: WorkerContextImpl | undefined = undefined
  private effect: Effect.Effect<unknown, unknown> = Effect.void
  private scope: Scope.Closeable | undefined = undefined
  /** The finalizers of the item that runs, when they are all that is left of it. */
  private closing: Effect.Effect<unknown, unknown> | undefined = undefined
  private itemsThisTurn = 0

  /** `fiber` is the one that is to run `run`, uninterruptible; `clone` says whether failures are cloned. */
  constructor(fiber: Fiber.Fiber<unknown, unknown>, chunk: FiberChunk, worker: WorkerIdentity, clone: boolean) {
    this.fiber = fiber
    this.chunk = chunk
    this.worker = worker
    this.clone = clone
  }

  /** Runs items of the chunk until no more are to start. Of what it does, only the items can be interrupted. */
  readonly run: Effect.Effect<void> = Effect.flatMap(
    // lanes begin from the scheduler, so that a pool of tasks that never wait does not starve other fibers
    Effect.yieldNow,
    () => {
      this.chunk.lanesToBegin--
      return Effect.whileLoop({
        while: () => this.closing !== undefined || !this.chunk.isSpent,
        body: () => this.proceed(),
        step: (exit) => this.ended(exit)
      })
    }
  )

  /** Runs `effect`. Made once: making this anew for each item would cost more than running it. */
  private readonly item = Effect.exit(Effect.interruptible(Effect.suspend(() => this.effect)))

  /** Tells the task of the item that runs that nobody waits for its result any more. */
  abort(): void {
    this.context?.abort()
  }

  interrupt(): void {
    this.fiber.interruptUnsafe()
  }

  /** Starts items until the fiber has to run one, and returns that; or else finalizers, a yield, or nothing to do. */
  private proceed(): Effect.Effect<Exit.Exit<unknown, unknown> | void> {
    const { chunk, closing } = this
    if (closing !== undefined) {
      this.closing = undefined
      return Effect.exit(closing)
    }
    while (!chunk.isSpent) {
      const position = chunk.start()
      const item = this.begin(position)
      if (item !== undefined) {
        this.position = position
        return item
      }
      if (++this.itemsThisTurn >= chunk.itemsPerTurn) {
        this.itemsThisTurn = 0
        return Effect.yieldNow
      }
    }
    return Effect.void
  }

  /** What `proceed` returned has ended. */
  private ended(exit: Exit.Exit<unknown, unknown> | void): void {
    const { position, scope } = this
    if (position === -1 || exit === undefined) return
    if (scope !== undefined) {
      this.scope = undefined
      const closing = Scope.closeUnsafe(scope, exit)
      if (closing !== undefined) {
        this.fiber.setContext(this.chunk.context)
        this.closing = Effect.onExit(exit, () => closing)
        return
      }
    }
    this.position = -1
    this.context = undefined
    this.effect = Effect.void
    this.report(position, exit)
  }

  /** Calls the task: returns what the fiber has to run, or reports the outcome when there is nothing to run. */
  private begin(position: number): Effect.Effect<Exit.Exit<unknown, unknown>> | undefined {
    const { chunk, crossing: crosses, state, task } = this.chunk
    const { worker } = this
    let item = chunk.items[position]
    if (crosses !== undefined) {
      try {
        item = crosses.input(item)
      } catch (cause) {
        const error = crossing.notSerializable("input", chunk.index(position), cause)
        return this.fail(position, Cause.fail(error))
      }
    }
    const context = new WorkerContextImpl(worker.id, worker.generation, state)
    let returned: unknown
    try {
      returned = task(item, context)
    } catch (defect) {
      return this.fail(position, Cause.die(defect))
    }
    if (isPlain(returned)) return this.succeed(position, returned)
    const effect = isExit(returned) ? returned : toEffect(returned, context)
    if (isExit(effect)) return this.report(position, effect as Exit.Exit<unknown, unknown>)
    // the task itself may have had its chunk interrupted, before there was an Effect to interrupt
    if (this.chunk.isInterrupted) return Effect.exit(interruptReturned(returned, context))
    this.context = context
    this.effect =
      chunk.timeout === undefined ? this.inScope(effect) : this.within(chunk.timeout, position, effect, context)
    return this.item
  }

  /** The Effect with a Scope of its own, which is closed when the Effect has ended. */
  private inScope(effect: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    // as `Effect.scoped` does, without the operations that this costs an Effect that does not use its Scope
    const scope = Scope.makeUnsafe()
    this.scope = scope
    this.fiber.setContext(Context.add(this.chunk.context, Scope.Scope, scope))
    return effect
  }

  /** Fails when the item's time is over by the Clock (T1, T3), even if the Effect succeeds when interrupted (T2). */
  private within(
    millis: number,
    position: number,
    effect: Effect.Effect<unknown, unknown>,
    context: WorkerContextImpl
  ): Effect.Effect<unknown, unknown> {
    let isOutOfTime = false
    const timer = Effect.map(Effect.sleep(millis), () => {
      isOutOfTime = true
      // before the interruption, which may have to wait for a Promise that settles only when it sees the signal
      context.abort()
    })
    return Effect.flatMap(Effect.exit(Effect.raceFirst(Effect.scoped(effect), timer)), (exit) => {
      if (!isOutOfTime) return exit
      return Effect.fail(errors.taskTimedOut(this.worker, this.chunk.chunk.index(position)))
    })
  }

  private report(position: number, exit: Exit.Exit<unknown, unknown>): undefined {
    if (exit._tag === "Success") return this.succeed(position, exit.value)
    const { chunk, crossing: crosses } = this.chunk
    // a failure that cannot be cloned becomes NotSerializable (F4); a WorkerPoolError is not the task's, and not cloned
    const isCloned = this.clone && !exit.cause.reasons.some(isPoolError)
    const index = chunk.index(position)
    return this.fail(position, isCloned ? crossing.cloneCause(exit.cause, index, crosses?.error) : exit.cause)
  }

  private succeed(position: number, value: unknown): undefined {
    const { chunk, crossing: crosses } = this.chunk
    let result: unknown = undefined
    if (!chunk.discard) {
      result = value
      if (crosses !== undefined) {
        try {
          result = crosses.output(value, chunk.items[position])
        } catch (cause) {
          return this.fail(position, Cause.fail(crossing.notSerializable("output", chunk.index(position), cause)))
        }
      }
    }
    this.chunk.itemEnded()
    chunk.onSuccess(position, result)
  }

  private fail(position: number, cause: Cause.Cause<unknown>): undefined {
    this.chunk.itemEnded()
    this.chunk.chunk.onFailure(position, cause)
  }
}

/** Ends an item whose chunk was interrupted: an Effect is not run; a Promise sees the signal, and is waited for. */
const interruptReturned = (returned: unknown, context: WorkerContextImpl): Effect.Effect<never> => {
  context.abort()
  if (!isPromiseLike(returned)) return Effect.interrupt
  return Effect.callback<never>((resume) => {
    const settled = () => resume(Effect.interrupt)
    returned.then(settled, settled)
  })
}

const isPoolError = (reason: Cause.Reason<unknown>): boolean =>
  reason._tag === "Fail" && WorkerPoolError.isWorkerPoolError(reason.error)
