/**
 * Workers as fibers in this thread: the runtime of `WorkerRuntime.layerFibers` and of `FiberPool`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, Code, Hook, InitFailure, StartOptions, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { withWorker } from "../common/withWorker.ts"
import * as portable from "../task/portable.ts"
import type { Importer } from "../task/resolver.ts"
import { isEffect, isLayer } from "../task/shapes.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import * as crossing from "../wire/crossing.ts"
import { FiberHooks } from "./fiberHooks.ts"
import { FiberItems } from "./fiberItems.ts"
import { invalid } from "./fiberOptions.ts"
import { LocalCode } from "./localCode.ts"
import { LocalModules } from "./localModules.ts"
import { Patience } from "./patience.ts"
import { onlyReferences } from "./references.ts"
import { toEffect } from "./toEffect.ts"

/** What `layerFibers` is told. */
interface RuntimeOptions {
  /** Whether inputs, results and failures are cloned, as for a thread. */
  readonly clone?: boolean | undefined
  /** The modules that are loaded beforehand. */
  readonly modules?: ReadonlyArray<object | string> | undefined
  readonly load?: Importer | undefined
}

/** The runtime of `layerFibers`. */
export const runtime = (options: RuntimeOptions = {}): Effect.Effect<WorkerRuntime["Service"]> => {
  const wrong = invalid(options)
  // the calls fail, since the layer cannot
  if (wrong !== undefined) return Effect.succeed({ name: "fibers", start: () => Effect.fail(wrong) })
  const { clone = true, load, modules = [] } = options
  const local = new LocalModules(load)
  const service: WorkerRuntime["Service"] = {
    name: "fibers",
    start: (options) => start(options, { clone, ambient: false, modules: local })
  }
  return Effect.as(local.loadAll(modules.map(portable.urlOf)), service)
}

const noModules = new LocalModules()

/** The runtime of `FiberPool`: nothing is cloned, and hooks and tasks see all of their context. */
export const ambientRuntime: WorkerRuntime["Service"] = {
  name: "fibers",
  start: (options) => start(options, { clone: false, ambient: true, modules: noModules })
}

interface Mode {
  /** Whether inputs, results and failures are cloned. */
  readonly clone: boolean
  /** Whether hooks and tasks see all of the context of their pool or call, instead of Effect's References only. */
  readonly ambient: boolean
  readonly modules: LocalModules
}

const start = Effect.fnUntraced(function* (options: StartOptions, mode: Mode) {
  const worker: Worker = new FiberWorker(options, mode, yield* Effect.context<never>())
  yield* Effect.addFinalizer(() => worker.kill)
  return worker
})

class FiberWorker implements Worker {
  private readonly options: StartOptions
  private readonly mode: Mode
  private readonly scope = Scope.makeUnsafe()
  private readonly code: LocalCode
  private readonly patience: Patience
  private readonly hooks: FiberHooks
  private readonly items: FiberItems
  private readonly context: Context.Context<never>
  private provided: Context.Context<never> = Context.empty()
  /** The contexts of items, by those of their callers: most chunks of a call have the same one. */
  private readonly contexts = new WeakMap<Context.Context<never>, Context.Context<never>>()
  private state: unknown = undefined
  /** Whether it has been killed, by the pool or for a hook that did not yield. */
  private isGone = false

  constructor(options: StartOptions, mode: Mode, context: Context.Context<never>) {
    this.options = options
    this.mode = mode
    this.context = this.contextOf(context)
    this.code = new LocalCode(options, mode.clone, mode.modules)
    this.patience = new Patience(options, this.context)
    this.hooks = new FiberHooks(this.context, this.patience, (cause) => this.killStuck(cause))
    this.items = new FiberItems(options, this.code, mode.clone, this.context)
  }

  run(chunk: Chunk): void {
    const { context } = chunk
    let own = this.contexts.get(context)
    if (own === undefined) this.contexts.set(context, (own = this.contextOfItems(context)))
    this.items.run(chunk, own, this.state)
  }

  private contextOfItems(context: Context.Context<never>): Context.Context<never> {
    const own = this.mode.ambient ? context : Context.merge(onlyReferences(context), this.provided)
    return withWorker(own, this.options.worker.id)
  }

  /** What hooks see of the pool's context. */
  private contextOf(context: Context.Context<never>): Context.Context<never> {
    return withWorker(this.mode.ambient ? context : onlyReferences(context), this.options.worker.id)
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

  // ---------------------------------------------------------------------------
  // Hooks
  // ---------------------------------------------------------------------------

  init(hook: Hook): Effect.Effect<void, InitFailure> {
    return Effect.suspend(() => {
      const { worker } = this.options
      let of: InitFailure["of"] = "services"
      const initErrors = errors.initErrors(worker)
      const initialised = Effect.andThen(this.buildServices(initErrors), () => {
        of = "init"
        return this.hook(hook, initErrors)
      })
      return Effect.mapBoth(this.runHook(initialised, hook, initErrors), {
        onSuccess: (state) => {
          this.state = state
        },
        onFailure: (error) => ({ error, of })
      })
    })
  }

  interruptInit(): void {
    this.hooks.interrupt()
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const exitErrors = errors.exitErrors(this.options.worker)
    const exited = Effect.flatMap(this.hook(hook, exitErrors), (value) => this.crossResult(value, hook.code))
    return this.runHook(exited, hook, exitErrors)
  }

  /** Runs the finalizers, last first (L3): they cannot be cut short, but are given up when their time is over. */
  close(timeout: number | undefined): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    const exitErrors = errors.exitErrors(this.options.worker)
    return Effect.asVoid(this.runHook(ownFailure(this.closeScope, exitErrors), { timeout }, exitErrors))
  }

  private readonly closeScope = Effect.suspend(() => Scope.close(this.scope, Exit.void))

  private runHook(
    effect: Effect.Effect<unknown, WorkerPoolError.WorkerPoolError, Scope.Scope>,
    { context: given, timeout }: Omit<Hook, "code">,
    hookErrors: errors.HookErrors
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const own = given === undefined ? this.context : this.contextOf(given)
    const context = Context.add(Context.merge(own, this.provided), Scope.Scope, this.scope)
    return this.hooks.run(
      effect as Effect.Effect<unknown, WorkerPoolError.WorkerPoolError>,
      timeout,
      hookErrors,
      context
    )
  }

  private buildServices(hookErrors: errors.HookErrors): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    const { services, worker } = this.options
    if (services === undefined) return Effect.void
    return Effect.flatMap(this.code.load(services), (layer) => {
      if (!isLayer(layer)) {
        return Effect.fail(errors.startFailed(worker, new Error("The services' export is no Layer"), services))
      }
      const built = Effect.suspend(() =>
        Layer.buildWithMemoMap(layer as Layer.Layer<any, unknown>, Layer.makeMemoMapUnsafe(), this.scope)
      )
      return Effect.map(ownFailure(built, hookErrors), (services: Context.Context<never>) => {
        this.provided = services
      })
    })
  }

  private hook(
    { code }: Hook,
    hookErrors: errors.HookErrors
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError, Scope.Scope> {
    if (code === undefined) return Effect.void
    const { generation, id } = this.options.worker
    return Effect.flatMap(this.code.load(code), (value) => {
      const result = Effect.suspend(() => {
        const context = new WorkerContextImpl(id, generation, this.state)
        const returned: unknown = typeof value === "function" && !isEffect(value) ? value(context) : value
        return Effect.provideContext(toEffect(returned, context), this.provided)
      })
      return ownFailure(result, hookErrors)
    })
  }

  private crossResult(value: unknown, code: Code | undefined): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    if (!this.mode.clone) return Effect.succeed(value)
    return Effect.try({
      try: () => crossing.clone(value, undefined),
      catch: (cause) => crossing.notSerializable("output", undefined, cause, code)
    })
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /** Interrupts all that runs, then closes its Scope; waits no longer than `killAfter` for either (C4). */
  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.isGone = true
    this.hooks.interrupt()
    const ended = Effect.andThen(this.items.interruptAll(), this.hooks.idle)
    return Effect.andThen(ended, () => this.patience.await(Effect.runForkWith(this.context)(this.closeScope)))
  })

  /** Tells the pool that a hook has been given up: it ends the worker by closing the Scope of `start`. */
  private killStuck(cause: Error): void {
    if (this.isGone) return
    this.isGone = true
    this.options.onLost({ closed: { cause }, killed: true, inHand: new Map(), ended: Effect.void })
  }
}

/**
 * Whatever users' code in a hook or a Layer fails with is a failure of that, even a WorkerPoolError, from another pool:
 * the engine's own errors are known by where they arise.
 */
const ownFailure = <A, R>(
  effect: Effect.Effect<A, unknown, R>,
  { failed }: errors.HookErrors
): Effect.Effect<A, WorkerPoolError.WorkerPoolError, R> =>
  Effect.catchCause(effect, (cause) => Effect.fail(failed(Cause.squash(cause))))
