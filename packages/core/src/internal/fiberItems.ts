/**
 * Runs a fiber worker's items: lanes, as many as it may run at once, take the items of a chunk one after another. An item
 * costs no fiber of its own.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk } from "../WorkerRuntime.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import { Loading, type LocalCode, NotFound } from "./localCode.ts"
import * as portable from "./portable.ts"
import * as resolver from "./resolver.ts"
import { isPromiseLike } from "./shapes.ts"
import { toEffect } from "./toEffect.ts"
import { WorkerContextImpl } from "./workerContext.ts"

/** What the items need of their worker. */
export interface ItemsHost {
  readonly worker: WorkerIdentity
  readonly clone: boolean
  /** How many items it runs at once. */
  readonly lanes: number
  readonly code: LocalCode
  readonly state: () => unknown
  /** The context that a chunk's Effects run in. */
  readonly contextFor: (chunk: Chunk) => Context.Context<never>
}

type Task = (item: unknown, worker: WorkerContextImpl) => unknown

/** A chunk in progress. */
class Running {
  readonly chunk: Chunk
  readonly fibers = new Set<Fiber.Fiber<void>>()
  readonly contexts = new Set<WorkerContextImpl>()
  task: Task = () => undefined
  codecs: codec.TaskCodecs = crossing.noCodecs
  /** While its task is being loaded. */
  loading: Fiber.Fiber<void> | undefined = undefined
  next = 0
  /** Items from this position on do not start. */
  limit: number
  interrupted = false
  private readonly clock: Clock.Clock
  /** How many items have ended whose time has not been told yet. */
  private untold = 0
  /** Since when the time counts, in nanoseconds by the Clock. */
  private since = 0n

  constructor(chunk: Chunk) {
    this.chunk = chunk
    this.limit = chunk.items.length
    this.clock = Context.get(chunk.context, Clock.Clock)
  }

  get isSpent(): boolean {
    return this.interrupted || this.next >= this.limit
  }

  /** Its first item is about to begin. */
  begins(): void {
    this.since = this.clock.currentTimeNanosUnsafe()
  }

  /** An item has ended. The time is told now and then, because asking the Clock costs more than a small item. */
  itemEnded(): void {
    this.untold++
    if (this.untold === 64) this.tellTime()
  }

  tellTime(): void {
    // what an interruption took says nothing of what items take
    if (this.untold === 0 || this.interrupted) return
    const now = this.clock.currentTimeNanosUnsafe()
    this.chunk.onTime(this.untold, Number(now - this.since) / 1_000_000)
    this.untold = 0
    this.since = now
  }
}

export class FiberItems {
  private readonly host: ItemsHost
  private readonly permits: Semaphore.Semaphore
  private readonly running = new Map<Chunk, Running>()

  constructor(host: ItemsHost) {
    this.host = host
    this.permits = Semaphore.makeUnsafe(host.lanes)
  }

  /** Starts a chunk. */
  run(chunk: Chunk): void {
    const running = new Running(chunk)
    this.running.set(chunk, running)
    const task = this.host.code.find(chunk.task)
    if (task instanceof Loading) {
      const started = Effect.match(task.effect, {
        onSuccess: (task) => this.start(running, task),
        onFailure: (error) => this.end(running, error)
      })
      running.loading = Effect.runForkWith(this.host.contextFor(chunk))(started)
    } else {
      this.start(running, task)
    }
  }

  /** Interrupts a chunk's running items and forgets those that have not started. */
  interrupt(chunk: Chunk): void {
    const running = this.running.get(chunk)
    if (running === undefined || running.interrupted) return
    running.interrupted = true
    for (const context of running.contexts) context.abort()
    for (const fiber of running.fibers) fiber.interruptUnsafe()
    if (running.loading === undefined) return
    running.loading.interruptUnsafe()
    this.end(running, undefined)
  }

  /** Lets no more than the first so many items of a chunk start; returns how many have started or still may. */
  keep(chunk: Chunk, items: number): number {
    const running = this.running.get(chunk)
    if (running === undefined) return chunk.items.length
    running.limit = running.interrupted ? running.next : Math.min(running.limit, Math.max(items, running.next))
    return running.limit
  }

  /** Interrupts all chunks, and waits for their items to end. */
  readonly interruptAll: Effect.Effect<void> = Effect.suspend(() => {
    const fibers: Array<Fiber.Fiber<void>> = []
    for (const running of this.running.values()) {
      fibers.push(...running.fibers)
      this.interrupt(running.chunk)
    }
    return Fiber.interruptAll(fibers)
  })

  private start(running: Running, task: unknown): void {
    running.loading = undefined
    if (task instanceof NotFound) return this.end(running, this.host.code.startFailed(task.cause))
    if (typeof task !== "function") {
      return this.end(running, this.host.code.startFailed(new Error("The task's export is no function")))
    }
    const { chunk } = running
    const { schemas } = portable.definition(chunk.task)
    running.task = task as Task
    if (this.host.clone) {
      if (schemas !== undefined) running.codecs = codec.fromSchemas(schemas)
      else if (portable.isPortable(task) && portable.definition(task).schemas !== undefined) {
        return this.end(running, this.host.code.startFailed(resolver.schemasOnOneSide()))
      }
    }
    const fork = Effect.runForkWith(this.host.contextFor(chunk))
    const lanes = Math.min(this.host.lanes, chunk.items.length)
    let active = lanes
    for (let lane = 0; lane < lanes; lane++) {
      // lanes start from the scheduler, so that a pool of tasks that never wait does not starve other fibers
      const fiber = fork(Effect.andThen(Effect.yieldNow, this.lane(running)), { uninterruptible: true })
      running.fibers.add(fiber)
      fiber.addObserver(() => {
        active--
        if (active === 0) this.end(running, undefined)
      })
    }
  }

  private end(running: Running, error: WorkerPoolError.WorkerPoolError | undefined): void {
    this.running.delete(running.chunk)
    running.tellTime()
    running.chunk.onEnd(error)
  }

  private lane(running: Running): Effect.Effect<void> {
    if (this.host.lanes === 1) return this.items(running)
    // chunks share the worker's lanes
    const one = Effect.suspend(() => (running.isSpent ? Effect.void : this.item(running)))
    return Effect.whileLoop({
      while: () => !running.isSpent,
      body: () => this.permits.withPermit(one),
      step: () => {}
    })
  }

  private readonly items = Effect.fnUntraced({ self: this }, function* (this: FiberItems, running: Running) {
    while (!running.isSpent) {
      const position = running.next++
      const effect = this.begin(running, position)
      if (Exit.isExit(effect)) {
        // it needs no running; but others must have a turn now and then
        if ((position & 63) === 63) yield* Effect.yieldNow
        this.report(running, position, effect)
      } else {
        this.report(running, position, yield* Effect.exit(effect))
      }
    }
  })

  private item(running: Running): Effect.Effect<void> {
    const position = running.next++
    return Effect.map(Effect.exit(this.begin(running, position)), (exit) => this.report(running, position, exit))
  }

  /** Calls the task: an Exit when that is all there is to it, or else the Effect to run in the item's own Scope. */
  private begin(running: Running, position: number): Effect.Effect<unknown, unknown> {
    const { chunk, codecs, task } = running
    const { worker } = this.host
    const index = chunk.index(position)
    if (position === 0) running.begins()
    let item = chunk.items[position]
    if (this.host.clone) {
      try {
        item = crossing.clone(item, codecs.input)
      } catch (cause) {
        return Exit.fail(crossing.notSerializable("input", index, cause))
      }
    }
    const context = new WorkerContextImpl(worker.id, worker.generation, this.host.state())
    let returned: unknown
    try {
      returned = task(item, context)
    } catch (defect) {
      return Exit.die(defect)
    }
    const result = toEffect(returned, context)
    if (Exit.isExit(result)) return result
    // what the task did when it was called may have interrupted it, before there was anything to interrupt
    if (running.interrupted) return abandon(returned, context)
    running.contexts.add(context)
    let effect = Effect.scoped(result)
    if (chunk.timeout !== undefined) {
      const timedOut = () =>
        WorkerPoolError.make(new WorkerPoolError.TaskTimedOut({ index, ...WorkerPoolError.inWorker(worker) }))
      effect = within(chunk.timeout, effect, context, timedOut)
    }
    return Effect.interruptible(
      Effect.ensuring(
        effect,
        Effect.sync(() => running.contexts.delete(context))
      )
    )
  }

  private report(running: Running, position: number, exit: Exit.Exit<unknown, unknown>): void {
    const { chunk, codecs } = running
    running.itemEnded()
    const index = chunk.index(position)
    if (Exit.isFailure(exit)) {
      // the runtime's own errors do not come from the task, so they do not cross
      const crosses = this.host.clone && !exit.cause.reasons.some(isOwn)
      return chunk.onFailure(position, crosses ? crossing.cloneCause(exit.cause, index, codecs.error) : exit.cause)
    }
    if (chunk.discard) return chunk.onSuccess(position, undefined)
    if (!this.host.clone) return chunk.onSuccess(position, exit.value)
    let value: unknown
    try {
      value = crossing.clone(exit.value, codecs.output)
    } catch (cause) {
      return chunk.onFailure(position, Cause.fail(crossing.notSerializable("output", index, cause)))
    }
    chunk.onSuccess(position, value)
  }
}

/** Fails when the time is over, whatever the Effect makes of its interruption. */
const within = (
  millis: number,
  effect: Effect.Effect<unknown, unknown>,
  context: WorkerContextImpl,
  timedOut: () => WorkerPoolError.WorkerPoolError
): Effect.Effect<unknown, unknown> => {
  let isOver = false
  const timer = Effect.map(Effect.sleep(millis), () => {
    isOver = true
    // told before it is interrupted: that may have to wait for what listens to the signal
    context.abort()
  })
  return Effect.flatMap(Effect.exit(Effect.raceFirst(effect, timer)), (exit) =>
    isOver ? Effect.fail(timedOut()) : exit
  )
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
