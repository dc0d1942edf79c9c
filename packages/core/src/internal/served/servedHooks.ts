/**
 * A remote worker's hooks and services, as the pool asks for them. Does not import Effect, which is loaded only when
 * there is an Effect to run.
 */
import type * as Layer from "effect/Layer"
import type { Control } from "../../Channel.ts"
import * as realTime from "../task/realTime.ts"
import { died, type ExitLike, isEffect, isLayer, isPromiseLike } from "../task/shapes.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import { HookNumbers, phases } from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import type { Caller } from "../wire/observed.ts"
import type * as protocol from "../wire/protocol.ts"
import type { EffectLoader } from "./effectLoader.ts"
import type { EffectRunner, Interrupt } from "./effectRunner.ts"
import { isPlain, succeeded, uncloneable, unread } from "./hookResults.ts"
import type { Observer } from "./observer.ts"
import type { Sender } from "./sender.ts"
import { type Loaded, LostValue, type ServedCode } from "./servedCode.ts"

/** What tasks and hooks are told of their worker. */
export interface Self {
  id: number
  generation: number
  /** What `init` returned. */
  state: unknown
}

type Reply = "Initialised" | "Exited" | "Closed"

export class ServedHooks {
  private readonly self: Self
  private readonly numbers: HookNumbers
  private readonly code: ServedCode
  private readonly effects: EffectLoader
  private readonly sender: Pick<Sender, "send" | "sendPlain">
  private readonly observer: Pick<Observer, "closing">
  /** Interrupts the hook that runs, or ends it because its time is over: `result` is what is then replied. */
  private cutShort: (result: protocol.HookResult) => void = () => {}
  /** Interrupts the Effect that the hook is running, if it is running one. */
  private interruptEffect: Interrupt | undefined = undefined
  /** What to reply when that Effect has ended by this interruption. */
  private resultIfInterrupted: protocol.HookResult | undefined = undefined
  /** How far `init` has come. */
  private stage: protocol.InitStage = "services"

  constructor(options: {
    /** Its state is set by `init`. */
    readonly self: Self
    readonly control: Control
    readonly code: ServedCode
    readonly effects: EffectLoader
    readonly sender: Pick<Sender, "send" | "sendPlain">
    readonly observer: Pick<Observer, "closing">
  }) {
    this.self = options.self
    this.numbers = new HookNumbers(options.control)
    this.code = options.code
    this.effects = options.effects
    this.sender = options.sender
    this.observer = options.observer
  }

  init(
    services: protocol.Reference | undefined,
    hook: protocol.Reference | undefined,
    timeout: number | undefined,
    caller: Caller | undefined
  ): void {
    this.run("Initialised", timeout, async (context, begun) => {
      this.stage = services === undefined ? "init" : "services"
      if (services !== undefined) {
        const { value } = await this.load(services)
        begun()
        if (!isLayer(value)) throw new Error("The services' export is no Layer")
        const provided = await this.runInterruptibly((runner, done) =>
          runner.provide(value as Layer.Layer<any, unknown>, caller, done)
        )
        if (provided._tag === "Failure") return provided
      }
      if (hook === undefined) return nothing
      this.stage = "init"
      this.numbers.enterHook()
      const exit = await this.hook(hook, caller, context, begun)
      if (exit._tag === "Success") this.self.state = exit.value
      // the state stays in the worker
      return exit._tag === "Success" ? nothing : exit
    })
  }

  interruptInit(): void {
    this.cutShort({ _tag: "Interrupted" })
  }

  exit(hook: protocol.Reference, timeout: number | undefined, caller: Caller | undefined): void {
    this.run("Exited", timeout, (context, begun) => this.hook(hook, caller, context, begun))
  }

  /** Runs the finalizers. Only Effects can have registered any, so without Effect there are none. */
  close(): void {
    const { runner } = this.effects
    if (runner === undefined) return this.reply("Closed", succeeded(undefined))
    runner.close((exit) => this.reply("Closed", exit._tag === "Success" ? succeeded(undefined) : this.failed(exit)))
  }

  /**
   * Runs a hook and replies once: when it has ended, or, where it is not an Effect, at once when it is interrupted or
   * its time is over. `start` calls `begun` when all is loaded, which is when the hook's time begins.
   */
  private run(
    reply: Reply,
    timeout: number | undefined,
    start: (context: WorkerContextImpl, begun: () => void) => Promise<ExitLike>
  ): void {
    const source = reply === "Initialised" ? this.numbers : uninterrupted
    const { generation, id, state } = this.self
    const context = new WorkerContextImpl(id, generation, state, source)
    let hasReplied = false
    const end = (result: protocol.HookResult) => {
      if (hasReplied) return
      hasReplied = true
      realTime.cancel(timer)
      context.end()
      this.cutShort = () => {}
      this.reply(reply, result)
    }
    this.cutShort = (result) => {
      context.abort()
      const interrupt = this.interruptEffect
      // only an Effect can be interrupted: it then ends after its finalizers
      if (interrupt === undefined) return end(result)
      this.resultIfInterrupted = result
      interrupt()
    }
    let timer: realTime.Timer
    // a hook's time begins when its module has been loaded (T1)
    const begun = () => {
      if (timeout === undefined || timer !== undefined || hasReplied) return
      context.deadline = realTime.now() + timeout
      timer = realTime.after(timeout, () => this.cutShort({ _tag: "TimedOut" }))
    }
    this.resultIfInterrupted = undefined
    void (async () => {
      let exit: ExitLike
      try {
        exit = await start(context, begun)
      } catch (cause) {
        const isUnread = cause instanceof LostValue
        return end(isUnread ? unread(cause.why) : { _tag: "NotLoaded", cause: failure.encodeOrDescribe(cause) })
      }
      if (exit._tag === "Failure") return end(this.resultIfInterrupted ?? this.failed(exit))
      // the timer cannot fire while the hook computes, so the clock is read as well
      return end(realTime.now() > context.deadline ? { _tag: "TimedOut" } : succeeded(exit.value))
    })()
  }

  private async hook(
    reference: protocol.Reference,
    caller: Caller | undefined,
    context: WorkerContextImpl,
    begun: () => void
  ): Promise<ExitLike> {
    const { value } = await this.load(reference)
    // a hook that was interrupted while it loaded must not run, nor count as a success, after which `exit` would run
    // (`nothing` is no success here: past the deadline, `run` replies that the hook has timed out)
    if (context.interrupted) return realTime.now() > context.deadline ? nothing : interrupted
    begun()
    try {
      const result: unknown = typeof value === "function" && !isEffect(value) ? value(context) : value
      if (isEffect(result)) return await this.runInterruptibly((runner, done) => runner.runHook(result, caller, done))
      return { _tag: "Success", value: isPromiseLike(result) ? await result : result }
    } catch (defect) {
      return died(defect)
    }
  }

  private runInterruptibly(
    start: (runner: EffectRunner, done: (exit: ExitLike) => void) => Interrupt
  ): Promise<ExitLike> {
    return new NativePromise((resolve) => {
      let isDone = false
      const done = (exit: ExitLike) => {
        isDone = true
        this.interruptEffect = undefined
        resolve(exit)
      }
      try {
        const interrupt = this.effects.run((runner) => start(runner, done), done)
        if (!isDone) this.interruptEffect = interrupt
      } catch (defect) {
        done(died(defect))
      }
    })
  }

  /** Loads code. The control block says so meanwhile: a module that blocks the thread holds messages back (T4). */
  private async load(reference: protocol.Reference): Promise<Loaded> {
    this.numbers.enter(phases.loading)
    try {
      return await this.code.load(reference)
    } finally {
      this.numbers.enter(phases.loaded)
    }
  }

  /** Replies, if need be with why the result cannot cross: reading it may be users' code, which throws (F8). */
  private reply(reply: Reply, result: protocol.HookResult): void {
    // what hooks have done is the last of it
    if (reply === "Closed") this.observer.closing()
    if (isPlain(result)) return this.sender.sendPlain(this.message(reply, result))
    try {
      this.sender.send(this.message(reply, result))
    } catch (why) {
      this.sender.send(this.message(reply, uncloneable(result, why)))
    }
  }

  private message(reply: Reply, result: protocol.HookResult): protocol.FromWorker {
    return reply === "Initialised" ? { _tag: reply, result, stage: this.stage } : { _tag: reply, result }
  }

  private failed(exit: Extract<ExitLike, { readonly _tag: "Failure" }>): protocol.HookResult {
    const { reasons } = exit.cause
    const reason = reasons.find((reason) => reason._tag !== "Interrupt")
    if (reason === undefined) return { _tag: "Interrupted" }
    const cause = reason._tag === "Fail" ? reason.error : (reason as { readonly defect: unknown }).defect
    return { _tag: "Failure", cause: failure.encodeOrDescribe(cause) }
  }
}

// a task can replace it
const NativePromise = Promise

const uninterrupted = { isInterrupted: false }

const interrupted: ExitLike = { _tag: "Failure", cause: { reasons: [{ _tag: "Interrupt", fiberId: undefined }] } }

const nothing: ExitLike = { _tag: "Success", value: undefined }
