/**
 * Workers as fibers in this thread: the runtime of `WorkerRuntime.layerFibers` and of `FiberPool`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Transferable } from "../Channel.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk, Code, Hook, StartOptions, Worker, WorkerRuntime } from "../WorkerRuntime.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import * as failure from "./failure.ts"
import * as portable from "./portable.ts"
import { onlyReferences } from "./references.ts"
import * as resolver from "./resolver.ts"
import { WorkerContextImpl } from "./workerContext.ts"

/** Workers that clone what crosses, as a thread would, or do not. */
export const runtime = (clone: boolean): WorkerRuntime["Service"] => ({
  name: "fibers",
  start: (options) => start(options, { clone, ambient: false })
})

/** The runtime of `FiberPool`: nothing is cloned, and hooks and tasks see all of their context. */
export const ambientRuntime: WorkerRuntime["Service"] = {
  name: "fibers",
  start: (options) => start(options, { clone: false, ambient: true })
}

interface Mode {
  readonly clone: boolean
  readonly ambient: boolean
}

const start = Effect.fnUntraced(function*(options: StartOptions, mode: Mode) {
  const worker = new FiberWorker(options, mode, yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => worker.kill)
  return worker as Worker
})

/** A chunk in progress: lanes take its items one after another. */
class Running {
  readonly chunk: Chunk
  readonly fibers = new Set<Fiber.Fiber<void>>()
  readonly contexts = new Set<WorkerContextImpl>()
  next = 0
  interrupted = false

  constructor(chunk: Chunk) {
    this.chunk = chunk
  }
}

class FiberWorker implements Worker {
  private readonly identity: WorkerIdentity
  private readonly services: Code | undefined
  private readonly mode: Mode
  private readonly lanes: number
  private readonly permits: Semaphore.Semaphore
  private readonly scope = Scope.makeUnsafe()
  private readonly resolved = new WeakMap<portable.Address, unknown>()
  private readonly running = new Map<Chunk, Running>()
  private context: Context.Context<never>
  private provided: Context.Context<never> = Context.empty()
  private state: unknown = undefined
  private hookFiber: Fiber.Fiber<unknown, unknown> | undefined = undefined

  constructor(options: StartOptions, mode: Mode, context: Context.Context<never>) {
    this.identity = options.worker
    this.services = options.services
    this.mode = mode
    this.lanes = options.tasksPerWorker
    this.permits = Semaphore.makeUnsafe(options.tasksPerWorker)
    this.context = mode.ambient ? context : onlyReferences(context)
  }

  init(hook: Hook): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    const worker = this.identity
    return this.runHook(
      Effect.andThen(this.buildServices, () => this.hook(hook)),
      hook.timeout,
      (cause) => new WorkerPoolError.InitFailed({ worker, cause }),
      () => new WorkerPoolError.InitTimedOut({ worker })
    ).pipe(Effect.map((state) => {
      this.state = state
    }))
  }

  interruptInit(): void {
    this.hookFiber?.interruptUnsafe()
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const worker = this.identity
    return this.runHook(
      Effect.flatMap(this.hook(hook), (value) => this.cross(value, "output", undefined, undefined)),
      hook.timeout,
      (cause) => new WorkerPoolError.ExitFailed({ worker, cause }),
      () => new WorkerPoolError.ExitTimedOut({ worker })
    )
  }

  readonly close: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() =>
    Effect.catchCause(
      Scope.close(this.scope, Exit.void),
      (cause) =>
        Effect.fail(
          WorkerPoolError.make(
            new WorkerPoolError.ExitFailed({ worker: this.identity, cause: Cause.squash(cause) })
          )
        )
    )
  )

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
    if (this.hookFiber !== undefined) fibers.push(this.hookFiber)
    for (const running of this.running.values()) {
      fibers.push(...running.fibers)
      this.interrupt(running.chunk)
    }
    return Effect.andThen(Fiber.interruptAll(fibers), Effect.ignore(this.close))
  })

  run(chunk: Chunk): void {
    const running = new Running(chunk)
    this.running.set(chunk, running)
    const task = this.resolve(chunk.task)
    if (task instanceof Promise) {
      task.then(
        (task) => this.startLanes(running, task),
        (cause) => this.end(running, this.startFailed(cause))
      )
    } else {
      this.startLanes(running, task)
    }
  }

  interrupt(chunk: Chunk): void {
    const running = this.running.get(chunk)
    if (running === undefined || running.interrupted) return
    running.interrupted = true
    for (const context of running.contexts) context.abort()
    for (const fiber of running.fibers) fiber.interruptUnsafe()
  }

  // ---------------------------------------------------------------------------
  // Items
  // ---------------------------------------------------------------------------

  private startLanes(running: Running, task: unknown): void {
    if (task instanceof Unresolvable) return this.end(running, this.startFailed(task.cause))
    if (typeof task !== "function") {
      return this.end(running, this.startFailed(new Error("The task's export is no function")))
    }
    const { chunk } = running
    const schemas = portable.definition(chunk.task).schemas
    const codecs = this.mode.clone && schemas !== undefined ? codec.fromSchemas(schemas) : noCodecs
    const context = this.mode.ambient
      ? chunk.context
      : Context.merge(onlyReferences(chunk.context), this.provided)
    const fork = Effect.runForkWith(context)
    const lanes = Math.min(this.lanes, chunk.items.length)
    let active = lanes
    for (let lane = 0; lane < lanes; lane++) {
      // lanes start from the scheduler, so that a pool of tasks that never wait does not starve other fibers
      const fiber = fork(Effect.andThen(Effect.yieldNow, this.lane(running, task as Task, codecs)), {
        uninterruptible: true
      })
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

  private lane(running: Running, task: Task, codecs: codec.TaskCodecs): Effect.Effect<void> {
    return this.items(running, task, codecs, this.lanes === 1 ? undefined : this.permits)
  }

  private readonly items = Effect.fnUntraced({ self: this }, function*(
    this: FiberWorker,
    running: Running,
    task: Task,
    codecs: codec.TaskCodecs,
    permits: Semaphore.Semaphore | undefined
  ) {
    const { chunk } = running
    while (running.next < chunk.items.length) {
      if (permits !== undefined) yield* permits.take(1)
      if (running.interrupted || running.next >= chunk.items.length) {
        if (permits !== undefined) yield* permits.release(1)
        return
      }
      const position = running.next++
      const exit = this.begin(running, task, position, codecs.input)
      // an Exit needs no fiber; but let others in now and then
      if (Exit.isExit(exit)) {
        if ((position & 63) === 63) yield* Effect.yieldNow
        this.report(chunk, position, exit, codecs)
      } else {
        this.report(chunk, position, yield* Effect.exit(Effect.interruptible(exit)), codecs)
      }
      if (permits !== undefined) yield* permits.release(1)
    }
  })

  /** Calls the task: an Exit when that is all there is to it, or else the Effect to run in the item's own Scope. */
  private begin(
    running: Running,
    task: Task,
    position: number,
    input: codec.Codec | undefined
  ): Effect.Effect<unknown, unknown> {
    const { chunk } = running
    const index = chunk.indices[position]!
    let item = chunk.items[position]
    if (this.mode.clone) {
      try {
        item = cloneWith(item, input)
      } catch (cause) {
        return Exit.fail(crossing.notSerializable("input", index, cause))
      }
    }
    const context = new WorkerContextImpl(this.identity.id, this.identity.generation, this.state)
    let result: unknown
    try {
      result = task(item, context)
    } catch (defect) {
      return Exit.die(defect)
    }
    if (!Effect.isEffect(result) && !isPromiseLike(result)) return Exit.succeed(result)
    if (Exit.isExit(result)) return result
    running.contexts.add(context)
    let effect = Effect.scoped(toEffect(result, context)) as Effect.Effect<unknown, unknown>
    if (chunk.timeout !== undefined) {
      effect = Effect.timeoutOrElse(Effect.onInterrupt(effect, () => Effect.sync(() => context.abort())), {
        duration: chunk.timeout,
        orElse: () =>
          Effect.fail(WorkerPoolError.make(new WorkerPoolError.TaskTimedOut({ index, worker: this.identity })))
      })
    }
    return Effect.ensuring(effect, Effect.sync(() => running.contexts.delete(context)))
  }

  private report(chunk: Chunk, position: number, exit: Exit.Exit<unknown, unknown>, codecs: codec.TaskCodecs): void {
    if (Exit.isSuccess(exit)) {
      if (chunk.discard) return chunk.onSuccess(position, undefined)
      if (!this.mode.clone) return chunk.onSuccess(position, exit.value)
      try {
        return chunk.onSuccess(position, cloneWith(exit.value, codecs.output))
      } catch (cause) {
        const error = crossing.notSerializable("output", chunk.indices[position], cause)
        return chunk.onFailure(position, Cause.fail(error))
      }
    }
    chunk.onFailure(position, this.mode.clone ? this.crossCause(chunk, position, exit.cause, codecs.error) : exit.cause)
  }

  private crossCause(
    chunk: Chunk,
    position: number,
    cause: Cause.Cause<unknown>,
    error: codec.Codec | undefined
  ): Cause.Cause<unknown> {
    const index = chunk.indices[position]!
    // this runtime's own errors do not come from the task, so they do not cross
    if (cause.reasons.some((reason) => reason._tag === "Fail" && isOwn(reason.error))) return cause
    try {
      const reasons = structuredClone(failure.encodeCause(
        cause,
        error === undefined
          ? failure.encode
          : (value) => ({ _tag: "Schema", value: error.encode(value, []) })
      ))
      return crossing.decodeCause(reasons, index, error)
    } catch (why) {
      const original = Cause.squash(cause)
      return Cause.fail(
        crossing.notSerializable("error", index, failure.decode(failure.encodeUncloneable(original, why)))
      )
    }
  }

  // ---------------------------------------------------------------------------
  // Hooks and services
  // ---------------------------------------------------------------------------

  /** Runs in a fiber of its own, so that it can be interrupted and killed, and still succeeds when its Effect has. */
  private runHook(
    effect: Effect.Effect<unknown, unknown, Scope.Scope>,
    timeout: number | undefined,
    failed: (cause: unknown) => WorkerPoolError.Reason,
    timedOut: () => WorkerPoolError.Reason
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const mapped = Effect.catchCause(effect, (cause) => {
        const error = Cause.squash(cause)
        return Effect.fail(isOwn(error) ? error : WorkerPoolError.make(failed(error)))
      })
      const timed = timeout === undefined ? mapped : Effect.timeoutOrElse(mapped, {
        duration: timeout,
        orElse: () => Effect.fail(WorkerPoolError.make(timedOut()))
      })
      const context = Context.add(Context.merge(this.context, this.provided), Scope.Scope, this.scope)
      const fiber = Effect.runForkWith(context)(Effect.interruptible(timed), { uninterruptible: true })
      this.hookFiber = fiber
      return Effect.flatMap(Fiber.await(fiber), (exit) => {
        this.hookFiber = undefined
        return exit
      })
    })
  }

  private readonly buildServices: Effect.Effect<void, unknown> = Effect.suspend(() => {
    if (this.services === undefined) return Effect.void
    return Effect.flatMap(this.load(this.services), (layer) => {
      if (!Layer.isLayer(layer)) return Effect.fail(this.startFailed(new Error("The services' export is no Layer")))
      return Layer.buildWithMemoMap(
        layer as Layer.Layer<any, unknown>,
        Layer.makeMemoMapUnsafe(),
        this.scope
      ).pipe(Effect.map((services) => {
        this.provided = services
      }))
    })
  })

  private hook(hook: Hook): Effect.Effect<unknown, unknown, Scope.Scope> {
    if (hook.code === undefined) return Effect.void
    const { id, generation } = this.identity
    return Effect.flatMap(this.load(hook.code), (value) => {
      const context = new WorkerContextImpl(id, generation, this.state)
      return Effect.provideContext(
        toEffect(typeof value === "function" && !Effect.isEffect(value) ? value(context) : value, context),
        this.provided
      ) as Effect.Effect<unknown, unknown, Scope.Scope>
    })
  }

  private cross(
    value: unknown,
    direction: "input" | "output",
    index: number | undefined,
    using: codec.Codec | undefined
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    if (!this.mode.clone) return Effect.succeed(value)
    return Effect.try({
      try: () => cloneWith(value, using),
      catch: (cause) => crossing.notSerializable(direction, index, cause)
    })
  }

  // ---------------------------------------------------------------------------
  // Addresses
  // ---------------------------------------------------------------------------

  private load(code: Code): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const value = this.resolve(code)
      const loaded = value instanceof Promise
        ? Effect.tryPromise({ try: () => value, catch: (cause) => this.startFailed(cause) })
        : Effect.succeed(value)
      return Effect.flatMap(
        loaded,
        (value) => value instanceof Unresolvable ? Effect.fail(this.startFailed(value.cause)) : Effect.succeed(value)
      )
    })
  }

  /** The thing at an address, a Promise of it, or `Unresolvable`. Kept for as long as the address is in use. */
  private resolve(code: Code): unknown {
    return this.resolveAddress(portable.definition(code).address)
  }

  private resolveAddress(address: portable.Address): unknown {
    if (address._tag === "Closure") return address.value
    if (this.resolved.has(address)) return this.resolved.get(address)
    const value = this.resolveRemote(address)
    if (value instanceof Unresolvable) return value
    if (value instanceof Promise) {
      return value.then((value) => {
        this.resolved.set(address, value)
        return value
      })
    }
    this.resolved.set(address, value)
    return value
  }

  private resolveRemote(address: portable.Remote): unknown {
    try {
      switch (address._tag) {
        case "Export":
          return resolver.resolveExport(address)
        case "Inline":
          return resolver.resolveInline(address)
        case "Bound": {
          const value = this.mode.clone ? cloneBound(address.value) : address.value
          const target = this.resolveAddress(address.target)
          return target instanceof Promise
            ? target.then((target) => resolver.bindFirst(target, value))
            : resolver.bindFirst(target, value)
        }
      }
    } catch (cause) {
      return new Unresolvable(cause)
    }
  }

  private startFailed(cause: unknown): WorkerPoolError.WorkerPoolError {
    return isOwn(cause)
      ? cause
      : WorkerPoolError.make(new WorkerPoolError.StartFailed({ worker: this.identity, cause }))
  }
}

type Task = (item: unknown, worker: WorkerContextImpl) => unknown

const noCodecs: codec.TaskCodecs = { input: undefined, output: undefined, error: undefined }

/** Why a thing could not be resolved, where an exception could not be told from the thing itself. */
class Unresolvable {
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

const isOwn = WorkerPoolError.isWorkerPoolError

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"

/** A Promise is waited for even when interrupted, after its task has been told: it cannot be cut short. */
const toEffect = (value: unknown, context: WorkerContextImpl): Effect.Effect<unknown, unknown, unknown> => {
  if (Effect.isEffect(value)) return value
  if (!isPromiseLike(value)) return Effect.succeed(value)
  return Effect.callback((resume) => {
    let settled = () => {}
    const ended = Effect.callback<void>((resume) => {
      settled = () => resume(Effect.void)
      context.abort()
    })
    value.then(
      (value) => {
        resume(Effect.succeed(value))
        settled()
      },
      (defect) => {
        resume(Effect.die(defect))
        settled()
      }
    )
    return ended
  })
}

const cloneWith = (value: unknown, using: codec.Codec | undefined): unknown => {
  if (using === undefined) return structuredClone(value)
  const transfers: Array<Transferable> = []
  const encoded = using.encode(value, transfers)
  return using.decode(structuredClone(encoded, { transfer: transfers as Array<ArrayBuffer> }))
}

const cloneBound = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch (cause) {
    throw crossing.notSerializable("input", undefined, cause)
  }
}
