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
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, Code, Hook, InitFailure, StartOptions, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import * as crossing from "../wire/crossing.ts"
import { FiberItems } from "./fiberItems.ts"
import { LocalCode } from "./localCode.ts"
import { onlyReferences } from "./references.ts"
import { toEffect } from "./toEffect.ts"

/** The runtime of `layerFibers`; `clone` says whether inputs, results and failures are cloned, as for a thread. */
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
  /** Whether inputs, results and failures are cloned. */
  readonly clone: boolean
  /** Whether hooks and tasks see all of the context of their pool or call, instead of Effect's References only. */
  readonly ambient: boolean
}

const start = Effect.fnUntraced(function* (options: StartOptions, mode: Mode) {
  const worker: Worker = new FiberWorker(options, mode, yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => worker.kill)
  return worker
})

class FiberWorker implements Worker {
  private readonly identity: WorkerIdentity
  private readonly services: Code | undefined
  private readonly mode: Mode
  private readonly scope = Scope.makeUnsafe()
  private readonly code: LocalCode
  private readonly items: FiberItems
  private readonly context: Context.Context<never>
  private provided: Context.Context<never> = Context.empty()
  private state: unknown = undefined
  private hookFiber: Fiber.Fiber<unknown, unknown> | undefined = undefined

  constructor(options: StartOptions, mode: Mode, context: Context.Context<never>) {
    this.identity = options.worker
    this.services = options.services
    this.mode = mode
    this.context = mode.ambient ? context : onlyReferences(context)
    this.code = new LocalCode(options, mode.clone)
    this.items = new FiberItems(options, this.code, mode.clone)
  }

  run(chunk: Chunk): void {
    const { context } = chunk
    const own = this.mode.ambient ? context : Context.merge(onlyReferences(context), this.provided)
    this.items.run(chunk, own, this.state)
  }

  limitTo(chunk: Chunk, items: number): number {
    return this.items.limitTo(chunk, items)
  }

  started(chunk: Chunk): number | undefined {
    return this.items.started(chunk)
  }

  interrupt(chunk: Chunk): void {
    this.items.interrupt(chunk)
  }

  init(hook: Hook): Effect.Effect<void, InitFailure> {
    return this.runHook(
      Effect.andThen(this.buildServices, () => this.hook(hook)),
      hook.timeout,
      errors.initErrors(this.identity)
    ).pipe(
      Effect.map((state) => {
        this.state = state
      }),
      Effect.mapError((error) => ({ error, of: "init" as const }))
    )
  }

  interruptInit(): void {
    this.hookFiber?.interruptUnsafe()
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return this.runHook(
      Effect.flatMap(this.hook(hook), (value) => this.crossResult(value)),
      hook.timeout,
      errors.exitErrors(this.identity)
    )
  }

  /** Runs the finalizers, last first (L3). Takes no timeout: in this process they cannot be cut short. */
  close(): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.catchCause(Scope.close(this.scope, Exit.void), (cause) =>
      Effect.fail(errors.exitErrors(this.identity).failed(Cause.squash(cause)))
    )
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    const { hookFiber } = this
    const ended = hookFiber === undefined ? Effect.void : Fiber.interrupt(hookFiber)
    return Effect.all([ended, this.items.interruptAll, Effect.ignore(this.close())], { discard: true })
  })

  /**
   * Runs a hook in a fiber of its own, which can be interrupted; its timeout is by the Clock (T1, T3). Only the hook's
   * Effect is interruptible: a hook that has succeeded stays successful when an interruption comes just after.
   */
  private runHook(
    effect: Effect.Effect<unknown, unknown, Scope.Scope>,
    timeout: number | undefined,
    { failed, timedOut }: errors.HookErrors
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const mapped = Effect.catchCause(effect, (cause) => {
        const error = Cause.squash(cause)
        return Effect.fail(WorkerPoolError.isWorkerPoolError(error) ? error : failed(error))
      })
      const timed =
        timeout === undefined
          ? mapped
          : Effect.timeoutOrElse(mapped, {
              duration: timeout,
              orElse: () => Effect.fail(timedOut())
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
    return Effect.flatMap(this.code.load(this.services), (layer) => {
      if (!Layer.isLayer(layer)) {
        return Effect.fail(errors.startFailed(this.identity, new Error("The services' export is no Layer")))
      }
      const built = Layer.buildWithMemoMap(layer as Layer.Layer<any, unknown>, Layer.makeMemoMapUnsafe(), this.scope)
      return Effect.map(built, (services: Context.Context<never>) => {
        this.provided = services
      })
    })
  })

  private hook(hook: Hook): Effect.Effect<unknown, unknown, Scope.Scope> {
    if (hook.code === undefined) return Effect.void
    const { generation, id } = this.identity
    return Effect.flatMap(this.code.load(hook.code), (value) => {
      const context = new WorkerContextImpl(id, generation, this.state)
      const result: unknown = typeof value === "function" && !Effect.isEffect(value) ? value(context) : value
      return Effect.provideContext(toEffect(result, context), this.provided)
    })
  }

  private crossResult(value: unknown): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    if (!this.mode.clone) return Effect.succeed(value)
    return Effect.try({
      try: () => crossing.clone(value, undefined),
      catch: (cause) => crossing.notSerializable("output", undefined, cause)
    })
  }
}
