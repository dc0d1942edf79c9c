/**
 * A remote worker's hooks and services, as the pool asks for them. Free of Effect, which is loaded when there is an Effect
 * to run.
 */
import type * as Layer from "effect/Layer"
import type { Channel } from "../../Channel.ts"
import { HookNumbers, phases } from "../wire/control.ts"
import type { EffectLoader } from "./effectLoader.ts"
import type { EffectRunner, Interrupt } from "./effectRunner.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"
import type { Loaded, ServedCode } from "./servedCode.ts"
import { died, type ExitLike, isEffect, isLayer, isPromiseLike } from "../task/shapes.ts"
import { after, type Timer } from "../wire/timers.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"

/** What hooks need of their worker. */
export interface ServedHooksHost {
  readonly channel: Channel
  readonly code: ServedCode
  readonly effects: EffectLoader
  readonly send: (message: protocol.FromWorker) => void
  /** An error, taken apart so that it can cross. */
  readonly encode: (cause: unknown) => failure.EncodedValue
}

type Reply = "Initialised" | "Exited" | "Closed"

export class ServedHooks {
  id = 0
  generation = 0
  /** What `init` returned. */
  state: unknown = undefined
  private readonly host: ServedHooksHost
  private readonly numbers: HookNumbers
  private cut: (result: protocol.HookResult) => void = () => {}
  /** Interrupts the Effect that a hook is running, if it is running one. */
  private currentInterrupt: Interrupt | undefined = undefined
  /** What to reply when that Effect has ended by an interruption. */
  private afterCut: protocol.HookResult | undefined = undefined

  constructor(host: ServedHooksHost) {
    this.host = host
    this.numbers = new HookNumbers(host.channel.control)
  }

  init(
    services: protocol.Reference | undefined,
    hook: protocol.Reference | undefined,
    timeout: number | undefined
  ): void {
    this.run("Initialised", timeout, async (context, begun) => {
      if (services !== undefined) {
        const { value } = await this.load(services)
        begun()
        if (!isLayer(value)) throw new Error("The services' export is no Layer")
        const provided = await this.runInterruptibly((runner, done) =>
          runner.provide(value as Layer.Layer<any, unknown>, done)
        )
        if (provided._tag === "Failure") return provided
      }
      if (hook === undefined) return nothing
      const exit = await this.hook(hook, context, begun)
      if (exit._tag === "Success") this.state = exit.value
      // the state stays here
      return exit._tag === "Success" ? nothing : exit
    })
  }

  interruptInit(): void {
    this.cut({ _tag: "Interrupted" })
  }

  exit(hook: protocol.Reference, timeout: number | undefined): void {
    this.run("Exited", timeout, (context, begun) => this.hook(hook, context, begun))
  }

  /** Runs the finalizers; only Effects can have registered any. */
  close(): void {
    const { runner } = this.host.effects
    if (runner === undefined) return this.reply("Closed", succeeded(undefined))
    runner.close((exit) => this.reply("Closed", exit._tag === "Success" ? succeeded(undefined) : this.failed(exit)))
  }

  /** Runs a hook and replies once: when it has ended, or without waiting for it when it is timed out or interrupted. */
  private run(
    reply: Reply,
    timeout: number | undefined,
    start: (context: WorkerContextImpl, begun: () => void) => Promise<ExitLike>
  ): void {
    const source = reply === "Initialised" ? this.numbers : uninterrupted
    const context = new WorkerContextImpl(this.id, this.generation, this.state, source)
    let isOver = false
    const end = (result: protocol.HookResult) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      context.end()
      this.cut = () => {}
      this.reply(reply, result)
    }
    this.cut = (result) => {
      context.abort()
      const interrupt = this.currentInterrupt
      // an Effect ends by itself, after its finalizers; nothing else would
      if (interrupt === undefined) return end(result)
      this.afterCut = result
      interrupt()
    }
    let timer: Timer
    // its time does not begin before it has been loaded (T1)
    const begun = () => {
      if (timeout === undefined || timer !== undefined || isOver) return
      context.deadline = performance.now() + timeout
      timer = after(timeout, () => this.cut({ _tag: "TimedOut" }))
    }
    this.afterCut = undefined
    start(context, begun).then(
      (exit) => {
        if (exit._tag === "Failure") return end(this.afterCut ?? this.failed(exit))
        // one that computes keeps its own timer waiting
        return end(performance.now() > context.deadline ? { _tag: "TimedOut" } : succeeded(exit.value))
      },
      (cause) => end({ _tag: "NotLoaded", cause: this.host.encode(cause) })
    )
  }

  private async hook(reference: protocol.Reference, context: WorkerContextImpl, begun: () => void): Promise<ExitLike> {
    const { value } = await this.load(reference)
    // what has not run has not succeeded: for an `init`, `exit` would run
    if (context.interrupted) return performance.now() > context.deadline ? nothing : interrupted
    begun()
    try {
      const result: unknown = typeof value === "function" && !isEffect(value) ? value(context) : value
      if (isEffect(result)) return await this.runInterruptibly((runner, done) => runner.runHook(result, done))
      return { _tag: "Success", value: isPromiseLike(result) ? await result : result }
    } catch (defect) {
      return died(defect)
    }
  }

  private runInterruptibly(
    start: (runner: EffectRunner, done: (exit: ExitLike) => void) => Interrupt
  ): Promise<ExitLike> {
    return new Promise((resolve) => {
      let isDone = false
      const done = (exit: ExitLike) => {
        isDone = true
        this.currentInterrupt = undefined
        resolve(exit)
      }
      const interrupt = this.host.effects.run((runner) => start(runner, done), done)
      if (!isDone) this.currentInterrupt = interrupt
    })
  }

  /** Says that it loads, for as long as that takes: a module can keep the worker from saying anything else. */
  private async load(reference: protocol.Reference): Promise<Loaded> {
    this.numbers.enter(phases.loading)
    try {
      return await this.host.code.load(reference)
    } finally {
      this.numbers.enter(phases.loaded)
    }
  }

  private reply(reply: Reply, result: protocol.HookResult): void {
    try {
      this.host.send({ _tag: reply, result })
    } catch (why) {
      const isResult = result._tag === "Success" || result._tag === "Error"
      const cause = failure.encodeUncloneable(result._tag === "Error" ? failure.decode(result.value) : undefined, why)
      this.host.send({ _tag: reply, result: { _tag: isResult ? "NotSerializable" : "Failure", cause } })
    }
  }

  private failed(exit: Extract<ExitLike, { readonly _tag: "Failure" }>): protocol.HookResult {
    const { reasons } = exit.cause
    const reason = reasons.find((reason) => reason._tag !== "Interrupt")
    if (reason === undefined) return { _tag: "Interrupted" }
    const cause = reason._tag === "Fail" ? reason.error : (reason as { readonly defect: unknown }).defect
    return { _tag: "Failure", cause: this.host.encode(cause) }
  }
}

const uninterrupted = { isInterrupted: false }

const interrupted: ExitLike = { _tag: "Failure", cause: { reasons: [{ _tag: "Interrupt", fiberId: undefined }] } }

const nothing: ExitLike = { _tag: "Success", value: undefined }

/** Made anew, because structured clone would lose what an Exit is. */
const succeeded = (value: unknown): protocol.HookResult =>
  value instanceof Error ? { _tag: "Error", value: failure.encode(value) } : { _tag: "Success", value }
