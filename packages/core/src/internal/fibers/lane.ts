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
import * as Tracer from "effect/Tracer"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import type { Code } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { type Tracing, within } from "../common/tracing.ts"
import { isExit, isPlain, isPromiseLike } from "../task/shapes.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import type { Codec } from "../wire/codec.ts"
import * as crossing from "../wire/crossing.ts"
import { contain } from "./contained.ts"
import type { FiberChunk } from "./fiberChunk.ts"
import { toEffect } from "./toEffect.ts"

export interface LaneOptions {
  readonly worker: WorkerIdentity
  /** Whether failures are cloned. */
  readonly clone: boolean
  /** Gives the lane up unless the item at this position ends in time; returns how to keep it from doing so. */
  readonly overdue: (lane: Lane, position: number) => () => void
}

export class Lane {
  private readonly chunk: FiberChunk
  private readonly worker: LaneOptions["worker"]
  private readonly clone: boolean
  private readonly overdue: LaneOptions["overdue"]
  private fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  /** The position of the item that runs; -1 while none does. */
  private position = -1
  private context: WorkerContextImpl | undefined = undefined
  private effect: Effect.Effect<unknown, unknown> = Effect.void
  private scope: Scope.Closeable | undefined = undefined
  /** The span of the item that runs, where items have spans. */
  private span: Tracer.Span | undefined = undefined
  /** The finalizers of the item that runs, when they are all that is left of it. */
  private closing: Effect.Effect<unknown, unknown> | undefined = undefined
  /** Whether the time of the item that runs is over. */
  private isOutOfTime = false
  /** Keeps the lane from being given up for the item whose time is over. */
  private yields: () => void = () => {}
  private isGivenUp = false
  private itemsThisTurn = 0
  private isTurnOver = false
  /** When it asked the Clock; -1 when others have run since. */
  private since = -1
  /** How many items have ended since then, and after how many it asks again. */
  private untimed = 0
  private perReading = 1

  constructor(chunk: FiberChunk, options: LaneOptions) {
    this.chunk = chunk
    // fields of its own, because each item reads them
    this.worker = options.worker
    this.clone = options.clone
    this.overdue = options.overdue
  }

  /** Runs items of the chunk in `fiber`, uninterruptible, until no more are to start. Only the items can be interrupted. */
  run(fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> {
    this.fiber = fiber
    contain(fiber)
    // lanes begin from the scheduler, so that a pool of tasks that never wait does not starve other fibers
    return Effect.flatMap(Effect.yieldNow, () => {
      this.chunk.lanesToBegin--
      return Effect.whileLoop({
        while: () => this.closing !== undefined || !this.chunk.isSpent,
        body: () => this.proceed(),
        step: (exit) => this.ended(exit)
      })
    })
  }

  /** Runs `effect`. Made once: making this anew for each item would cost more than running it. */
  private readonly item = Effect.exit(Effect.interruptible(Effect.suspend(() => this.effect)))

  /** Whether it has an item in hand. */
  get isBusy(): boolean {
    return this.position !== -1
  }

  isAt(position: number): boolean {
    return this.position === position
  }

  /** Tells the task of the item that runs that nobody waits for its result any more. */
  abort(): void {
    this.context?.abort()
  }

  interrupt(): void {
    this.fiber?.interruptUnsafe()
  }

  /**
   * Its fiber has died, past the item that it had in hand: that item fails as the fiber did. Returns whether the item
   * has finalizers left, which another fiber is to `run`.
   */
  died(exit: Exit.Exit<unknown, unknown>): boolean {
    // it may be its last item
    this.perReading = 1
    this.ended(exit)
    return this.closing !== undefined
  }

  /** Gives up the item that runs, which does not yield: what becomes of it is not told any more. */
  giveUp(): void {
    this.isGivenUp = true
    this.endSpan(this.isOutOfTime ? Exit.failCause(this.timedOut(this.position)) : Exit.interrupt())
  }

  /** Tells that the item that was given up has taken too long, if that is why. */
  tellOutOfTime(): void {
    if (!this.isOutOfTime) return
    this.fail(this.position, this.timedOut(this.position))
  }

  // ---------------------------------------------------------------------------
  // Items
  // ---------------------------------------------------------------------------

  /** Starts items until the fiber has to run one, and returns that; or else finalizers, a yield, or nothing to do. */
  private proceed(): Effect.Effect<Exit.Exit<unknown, unknown> | void> {
    const { chunk, closing } = this
    if (closing !== undefined) {
      this.closing = undefined
      return Effect.exit(closing)
    }
    if (this.since === -1) this.since = chunk.resume()
    let position = -1
    while (!chunk.isSpent) {
      position = chunk.start()
      const item = this.attempt(position, undefined)
      if (item !== undefined) {
        this.position = position
        // what other lanes start meanwhile comes between this item and the next one
        if (chunk.isShared) this.perReading = 1
        return item
      }
      if (this.isTurnOver) {
        this.isTurnOver = false
        this.itemsThisTurn = 0
        // others run now, whose time is not the items'
        this.since = -1
        return Effect.yieldNow
      }
    }
    if (this.untimed > 0) this.look(position)
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
        this.fiber?.setContext(this.chunk.context)
        this.closing = Effect.onExit(exit, () => closing)
        return
      }
    }
    this.position = -1
    this.context = undefined
    this.effect = Effect.void
    if (this.isGivenUp) return
    if (this.isOutOfTime) {
      this.isOutOfTime = false
      this.yields()
      // known by where it arises, not by what it is: a task may fail with a WorkerPoolError of its own, which is cloned
      this.fail(position, this.timedOut(position))
    } else {
      this.attempt(position, exit)
    }
    if (this.untimed > 0 && this.chunk.isSpent) this.look(position)
  }

  private succeed(position: number, value: unknown): undefined {
    if (this.span !== undefined) this.endSpan(Exit.void)
    this.timed(position)
    this.chunk.chunk.onSuccess(position, value)
  }

  private fail(position: number, cause: Cause.Cause<unknown>): undefined {
    if (this.span !== undefined) this.endSpan(Exit.failCause(cause))
    if (this.chunk.isInterrupted && Cause.hasInterruptsOnly(cause)) this.cut()
    else this.timed(position)
    this.chunk.chunk.onFailure(position, cause)
  }

  private startSpan(position: number, tracing: Tracing): void {
    const { chunk } = this.chunk
    this.span = tracing.start({
      name: "pool.item",
      parent: Context.getOrUndefined(chunk.context, Tracer.ParentSpan),
      attributes: { index: chunk.index(position) }
    })
  }

  private endSpan(exit: Exit.Exit<unknown, unknown>): void {
    const { span } = this
    this.span = undefined
    if (span !== undefined) this.chunk.tracing?.end(span, exit)
  }

  private timed(position: number): void {
    if (++this.untimed >= this.perReading) this.look(position)
  }

  /** Its item was interrupted with its chunk. */
  private cut(): void {
    const { chunk, untimed } = this
    const now = chunk.now()
    this.since = now
    this.untimed = 0
    chunk.cut(untimed, now)
  }

  /** Asks the Clock how long the items took that have ended since it did before; the last of them is at `position`. */
  private look(position: number): void {
    const { chunk, since, untimed } = this
    const now = chunk.now()
    this.since = now
    this.untimed = 0
    this.perReading = chunk.took(position - untimed + 1, untimed, now - since, now)
    this.itemsThisTurn += untimed
    if (this.itemsThisTurn >= chunk.itemsPerTurn) this.isTurnOver = true
  }

  private timedOut(position: number): Cause.Cause<unknown> {
    return Cause.fail(errors.taskTimedOut(this.worker, this.chunk.chunk.index(position), this.chunk.chunk.task))
  }

  // ---------------------------------------------------------------------------
  // Users' code
  // ---------------------------------------------------------------------------

  /**
   * The one place where a lane calls users' code outside an Effect (F8): it clones or decodes an item, calls the task,
   * looks at what that returned, and clones or encodes the result. Whatever throws there is the item's outcome, and
   * nobody else's: a defect, or NotSerializable where something cannot cross (F4). `exit` is how the item's Effect has
   * ended; with `undefined` the item starts. Returns what the fiber has to run, or tells the outcome.
   */
  private attempt(
    position: number,
    exit: Exit.Exit<unknown, unknown> | undefined
  ): Effect.Effect<Exit.Exit<unknown, unknown>> | undefined {
    const { chunk, crossing: crosses, state, task, tracing } = this.chunk
    const { worker } = this
    if (tracing !== undefined && exit === undefined) this.startSpan(position, tracing)
    let step: "input" | "task" | "output" = "input"
    let failure: Cause.Cause<unknown> | undefined = undefined
    // told after the `try`, which is for users' code alone
    let result: unknown = undefined
    try {
      let ended = exit
      if (ended === undefined) {
        const item = crosses === undefined ? chunk.items[position] : crosses.input(chunk.items[position])
        step = "task"
        const context = new WorkerContextImpl(worker.id, worker.generation, state)
        const returned = task(item, context)
        if (isPlain(returned)) {
          result = returned
        } else {
          const effect = isExit(returned) ? returned : toEffect(returned, context)
          if (!isExit(effect)) return this.prepare(position, returned, effect, context)
          ended = effect as Exit.Exit<unknown, unknown>
        }
      }
      step = "task"
      if (ended === undefined || ended._tag === "Success") {
        if (ended !== undefined) result = ended.value
        if (chunk.discard) {
          result = undefined
        } else if (crosses !== undefined) {
          step = "output"
          result = crosses.output(result, chunk.items[position])
        }
      } else {
        failure = valid(ended.cause)
      }
    } catch (thrown) {
      if (step !== "task") {
        const error = crossing.notSerializable(step, chunk.index(position), readable(thrown), chunk.task)
        return this.fail(position, Cause.fail(error))
      }
      failure = Cause.die(thrown)
    }
    if (failure === undefined) return this.succeed(position, result)
    return this.fail(
      position,
      this.clone ? cloned(failure, chunk.index(position), crosses?.error, chunk.task) : failure
    )
  }

  /** What the fiber has to run for a task that has returned an Effect or a Promise. */
  private prepare(
    position: number,
    returned: unknown,
    effect: Effect.Effect<unknown, unknown>,
    context: WorkerContextImpl
  ): Effect.Effect<Exit.Exit<unknown, unknown>> {
    // the task itself may have had its chunk interrupted, before there was an Effect to interrupt
    if (this.chunk.isInterrupted) return Effect.exit(interruptReturned(returned, context))
    const { timeout } = this.chunk.chunk
    this.context = context
    this.effect = timeout === undefined ? this.inScope(effect) : this.within(timeout, position, effect, context)
    return this.item
  }

  /** The Effect with a Scope of its own, which is closed when the Effect has ended. */
  private inScope(effect: Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    // as `Effect.scoped` does, without the operations that this costs an Effect that does not use its Scope
    const scope = Scope.makeUnsafe()
    this.scope = scope
    const { context } = this.chunk
    this.fiber?.setContext(
      Context.add(this.span === undefined ? context : within(context, this.span), Scope.Scope, scope)
    )
    return effect
  }

  /**
   * Interrupts the Effect when the item's time is over by the Clock (T1, T3): the item has then timed out, even if the
   * Effect succeeds when it is interrupted (T2). The lane is given up if it does not yield.
   */
  private within(
    millis: number,
    position: number,
    effect: Effect.Effect<unknown, unknown>,
    context: WorkerContextImpl
  ): Effect.Effect<unknown, unknown> {
    const timer = Effect.map(Effect.sleep(millis), () => {
      if (!this.isAt(position) || this.isGivenUp) return
      this.isOutOfTime = true
      this.yields = this.overdue(this, position)
      // before the interruption, which may have to wait for a Promise that settles only when it sees the signal
      context.abort()
    })
    const contained = Effect.withFiber((fiber) => {
      contain(fiber)
      return effect
    })
    const scoped = Effect.scoped(contained)
    const { span } = this
    const traced = span === undefined ? scoped : Effect.provideService(scoped, Tracer.ParentSpan, span)
    return Effect.raceFirst(traced, timer)
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

/** The Cause itself; throws when it is none: an Exit that a task returns may hold anything. */
const valid = (cause: Cause.Cause<unknown>): Cause.Cause<unknown> => {
  if (Cause.isCause(cause) && cause.reasons.every(Cause.isReason)) return cause
  throw new TypeError("The task returned a failed Exit without a Cause")
}

/** Clones a failure. One that cannot be cloned, or not even be read to say so, becomes NotSerializable (F4). */
const cloned = (
  cause: Cause.Cause<unknown>,
  index: number,
  codec: Codec | undefined,
  task: Code
): Cause.Cause<unknown> => {
  try {
    return crossing.cloneCause(cause, index, codec, task)
  } catch (thrown) {
    return Cause.fail(crossing.notSerializable("error", index, readable(thrown), task))
  }
}

/** What was thrown, unless its message cannot be read: errors that have it as their cause show it in their own. */
const readable = (thrown: unknown): unknown => {
  try {
    if (!isPlain(thrown)) String((thrown as { readonly message?: unknown }).message)
    return thrown
  } catch {
    return new Error("What was thrown cannot be read")
  }
}
