/**
 * Takes the items of a chunk one after another, in one fiber: an item costs no fiber of its own, and one that need not be
 * run costs no operation of it.
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
import * as crossing from "../wire/crossing.ts"
import type { FiberChunk } from "./fiberChunk.ts"
import { isExit, isPlain, isPromiseLike } from "../task/shapes.ts"
import { toEffect } from "./toEffect.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"

/** What a lane needs of its worker. */
export interface LaneHost {
  readonly worker: WorkerIdentity
  readonly clone: boolean
}

/** So many items that are not run may follow one another before others have a turn, and so many when they are slow. */
const turn = { most: 512, slow: 64 }

export class Lane {
  private readonly host: LaneHost
  private readonly chunk: FiberChunk
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  private hasBegun = false
  /** The item that runs; -1 while none does. */
  private position = -1
  private context: WorkerContextImpl | undefined = undefined
  private effect: Effect.Effect<unknown, unknown> = Effect.void
  private scope: Scope.Closeable | undefined = undefined
  /** What is left of the item that runs: its Scope's finalizers. */
  private closing: Effect.Effect<unknown, unknown> | undefined = undefined
  private sinceTurn = 0

  constructor(host: LaneHost, chunk: FiberChunk) {
    this.host = host
    this.chunk = chunk
  }

  /** To be run in an uninterruptible fiber: of what it does, only the items can be interrupted. */
  readonly run: Effect.Effect<void> = Effect.withFiber((fiber) => {
    this.fiber = fiber
    // lanes start from the scheduler, so that a pool of tasks that never wait does not starve other fibers
    return Effect.andThen(
      Effect.yieldNow,
      Effect.whileLoop({
        while: () => this.hasMore(),
        body: () => this.proceed(),
        step: (exit) => this.ended(exit)
      })
    )
  })

  /** The item that runs; made once, because making it anew for each item would cost more than to run it. */
  private readonly item = Effect.exit(Effect.interruptible(Effect.suspend(() => this.effect)))

  /** Tells the item that runs that nobody wants its result any more. */
  abort(): void {
    this.context?.abort()
  }

  interrupt(): void {
    this.fiber?.interruptUnsafe()
  }

  private hasMore(): boolean {
    if (!this.hasBegun) {
      this.hasBegun = true
      this.chunk.waiting--
    }
    return this.closing !== undefined || !this.chunk.isSpent
  }

  /** Takes items until one has to be run; nothing is in hand when what it returns is no item's. */
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
      this.sinceTurn++
      if (this.sinceTurn % turn.slow === 0 && (chunk.isSlow || this.sinceTurn >= turn.most)) {
        this.sinceTurn = 0
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
        this.fiber!.setContext(this.chunk.context)
        this.closing = Effect.onExit(exit, () => closing)
        return
      }
    }
    this.position = -1
    this.context = undefined
    this.effect = Effect.void
    this.report(position, exit)
  }

  /** Calls the task: returns what of it has to be run, or reports its outcome. */
  private begin(position: number): Effect.Effect<Exit.Exit<unknown, unknown>> | undefined {
    const { chunk, crossing: crosses, state, task } = this.chunk
    const { worker } = this.host
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
    // what the task did when it was called may have interrupted it, before there was anything to interrupt
    if (this.chunk.interrupted) return Effect.exit(abandon(returned, context))
    this.context = context
    this.effect =
      chunk.timeout === undefined ? this.inScope(effect) : this.within(chunk.timeout, position, effect, context)
    return this.item
  }

  /** The Effect in a Scope of its own, which is closed when it has ended. */
  private inScope(effect: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    // what `Effect.scoped` does, without the operations that this costs an Effect that asks for no Scope
    const scope = Scope.makeUnsafe()
    this.scope = scope
    this.fiber!.setContext(Context.add(this.chunk.context, Scope.Scope, scope))
    return effect
  }

  /** Fails when the time is over (T1, T2), by the Clock (T3), whatever the Effect makes of its interruption. */
  private within(
    millis: number,
    position: number,
    effect: Effect.Effect<unknown, unknown>,
    context: WorkerContextImpl
  ): Effect.Effect<unknown, unknown> {
    let isOver = false
    const timer = Effect.map(Effect.sleep(millis), () => {
      isOver = true
      // told before it is interrupted: that may have to wait for what listens to the signal
      context.abort()
    })
    return Effect.flatMap(Effect.exit(Effect.raceFirst(Effect.scoped(effect), timer)), (exit) => {
      if (!isOver) return exit
      return Effect.fail(errors.taskTimedOut(this.host.worker, this.chunk.chunk.index(position)))
    })
  }

  private report(position: number, exit: Exit.Exit<unknown, unknown>): undefined {
    if (exit._tag === "Success") return this.succeed(position, exit.value)
    const { chunk, crossing: crosses } = this.chunk
    // the runtime's own errors do not come from the task, so they do not cross
    const isCloned = this.host.clone && !exit.cause.reasons.some(isOwn)
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
          // only this item fails (F4)
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

/** An Effect that nobody wants any more does not begin; a Promise has begun, so it is told, and waited for. */
const abandon = (returned: unknown, context: WorkerContextImpl): Effect.Effect<never> => {
  context.abort()
  if (!isPromiseLike(returned)) return Effect.interrupt
  return Effect.callback<never>((resume) => {
    const settled = () => resume(Effect.interrupt)
    returned.then(settled, settled)
  })
}

const isOwn = (reason: Cause.Reason<unknown>): boolean =>
  reason._tag === "Fail" && WorkerPoolError.isWorkerPoolError(reason.error)
