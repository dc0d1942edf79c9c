/**
 * Runs a fiber worker's items: lanes, as many as it may run at once, take the items of a chunk one after another. An item
 * costs no fiber of its own.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk } from "../WorkerRuntime.ts"
import * as crossing from "./crossing.ts"
import { Loading, type LocalCode, NotFound } from "./localCode.ts"
import * as portable from "./portable.ts"
import * as resolver from "./resolver.ts"
import { isPromiseLike } from "./shapes.ts"
import * as taskCrossing from "./taskCrossing.ts"
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
  /** What is done to items and results; nothing where it is `undefined`. */
  crossing: taskCrossing.Crossing | undefined = undefined
  /** While its task is being loaded. */
  loading: Fiber.Fiber<void> | undefined = undefined
  next = 0
  interrupted = false

  constructor(chunk: Chunk) {
    this.chunk = chunk
  }

  get isSpent(): boolean {
    return this.interrupted || this.next >= this.chunk.items.length
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
    const { schemas, slices } = portable.definition(chunk.task)
    running.task = task as Task
    if (this.host.clone) {
      const found = portable.isPortable(task) ? portable.definition(task).schemas : undefined
      const needed = slices === true ? found?.error : found
      if (schemas === undefined && needed !== undefined) {
        return this.end(running, this.host.code.startFailed(resolver.schemasOnOneSide()))
      }
      running.crossing = taskCrossing.cloning(chunk.task)
    } else {
      running.crossing = taskCrossing.direct(chunk.task)
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
    const { chunk, task } = running
    const { worker } = this.host
    const index = chunk.indices[position]!
    let item = chunk.items[position]
    if (running.crossing !== undefined) {
      try {
        item = running.crossing.input(item)
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

  private report({ chunk, crossing: crosses }: Running, position: number, exit: Exit.Exit<unknown, unknown>): void {
    const index = chunk.indices[position]!
    if (Exit.isFailure(exit)) {
      // the runtime's own errors do not come from the task, so they do not cross
      const isCloned = this.host.clone && !exit.cause.reasons.some(isOwn)
      return chunk.onFailure(position, isCloned ? crossing.cloneCause(exit.cause, index, crosses?.error) : exit.cause)
    }
    if (chunk.discard) return chunk.onSuccess(position, undefined)
    if (crosses === undefined) return chunk.onSuccess(position, exit.value)
    let value: unknown
    try {
      value = crosses.output(exit.value, chunk.items[position])
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
