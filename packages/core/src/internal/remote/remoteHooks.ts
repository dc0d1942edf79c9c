/**
 * Asks a remote worker to run a hook, and waits for the reply for as long as the hook may take.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, Hook, InitFailure, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { callerOf } from "../wire/caller.ts"
import { HookNumbers } from "../wire/control.ts"
import * as crossing from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import type { Caller } from "../wire/observed.ts"
import type * as protocol from "../wire/protocol.ts"
import type { KnownAddresses } from "./knownAddresses.ts"
import type { Line } from "./line.ts"
import { interval, Watch } from "./watch.ts"

type Failure = WorkerPoolError.WorkerPoolError

/** A message that asks for a hook, and how to read its reply. */
interface Question extends errors.HookErrors {
  readonly message: () => protocol.ToWorker
  /** The hook that it is about, if it is about one; services, where they have no hook. */
  readonly code: Code | undefined
  /** The services that are built before the hook runs. */
  readonly services?: Code | undefined
  /** How long the hook may take, in milliseconds. */
  readonly timeout: number | undefined
}

/** A question that has not been replied to. */
interface Asked extends Question {
  readonly reply: Deferred.Deferred<protocol.HookResult, Failure>
  /** Whether the worker was loading a module when last looked at, and since when. Times are by `Watch.now()`. */
  seen: { readonly isLoading: boolean; readonly since: number } | undefined
  interruptedAt: number | undefined
}

export class RemoteHooks {
  private readonly options: StartOptions
  private readonly line: Pick<Line, "lag" | "sendPlain">
  private readonly addresses: KnownAddresses
  private readonly onBusyChange: () => void
  private readonly onStuck: (cause: Error) => void
  private readonly numbers: HookNumbers
  private readonly watch: Watch
  /** How far `init` had come when it failed, where that has been told. */
  private stage: protocol.InitStage | undefined = undefined
  private asked: Asked | undefined = undefined
  /** Whether a hook has ever been asked for, so that there may be finalizers. */
  private hasAsked = false
  /** Why the worker is gone, once it is. */
  private lost: Failure | undefined = undefined

  constructor(
    options: StartOptions,
    line: Pick<Line, "control" | "lag" | "sendPlain">,
    addresses: KnownAddresses,
    on: {
      /** `isAsking` may have changed. */
      readonly busyChange: () => void
      /** A hook does not yield, so that the worker is to be killed. */
      readonly stuck: (cause: Error) => void
    }
  ) {
    this.options = options
    this.line = line
    this.addresses = addresses
    this.onBusyChange = on.busyChange
    this.onStuck = on.stuck
    this.numbers = new HookNumbers(line.control)
    this.watch = new Watch(() => this.look())
  }

  get isAsking(): boolean {
    return this.asked !== undefined
  }

  init(hook: Hook): Effect.Effect<void, InitFailure> {
    const { addresses } = this
    const { services, worker } = this.options
    const { code, context, timeout } = hook
    if (services === undefined && code === undefined) return Effect.void
    const initialised = this.ask({
      message: () => {
        this.stage = "services"
        const builds = services && addresses.referenceOf(services)
        this.stage = "init"
        const runs = code && addresses.referenceOf(code)
        this.stage = undefined
        return { _tag: "Init", services: builds, hook: runs, timeout, ...callerIn(context) }
      },
      code: code ?? services,
      services,
      timeout,
      ...errors.initErrors(worker)
    })
    return Effect.mapBoth(initialised, {
      onSuccess: () => {},
      onFailure: (error) => ({ error, of: this.stage ?? this.lastStage(code !== undefined) })
    })
  }

  /** How far `init` has come as far as is known, of a worker that was lost, or that does not yield (L10). */
  private lastStage(hasHook: boolean): protocol.InitStage {
    if (this.options.services === undefined) return "init"
    // services without a hook can only have failed themselves
    return !hasHook || !this.numbers.isAtHook ? "services" : "init"
  }

  /** What was to be loaded last, of services and their hook (F7). */
  private loadedLast({ code, services }: Question): Code | undefined {
    if (services === undefined) return code
    return (this.stage ?? this.lastStage(code !== services)) === "services" ? services : code
  }

  interruptInit(): void {
    const { asked } = this
    const { killAfter } = this.options
    if (asked === undefined) return
    asked.interruptedAt ??= this.watch.now()
    this.numbers.interrupt()
    this.line.sendPlain({ _tag: "InterruptInit" })
    if (killAfter !== undefined) this.watch.within(killAfter + this.onItsWay)
  }

  exit({ code, context, timeout }: Hook): Effect.Effect<unknown, Failure> {
    if (code === undefined) return Effect.succeed(undefined)
    return this.ask({
      message: () => ({ _tag: "Exit", hook: this.addresses.referenceOf(code), timeout, ...callerIn(context) }),
      code,
      timeout,
      ...errors.exitErrors(this.options.worker)
    })
  }

  /** Runs the finalizers of services and hooks, where there may be any. */
  close(timeout: number | undefined): Effect.Effect<void, Failure> {
    return Effect.suspend(() => {
      if (!this.hasAsked || this.lost !== undefined) return Effect.void
      return Effect.asVoid(
        this.ask({
          message: () => ({ _tag: "Close" }),
          code: undefined,
          timeout,
          ...errors.exitErrors(this.options.worker)
        })
      )
    })
  }

  /** `stage` is told of `init` alone. */
  replied(result: protocol.HookResult, stage?: protocol.InitStage): void {
    this.stage = stage
    this.end(Exit.succeed(result))
  }

  workerEnded(error: Failure): void {
    this.lost = error
    this.watch.stop()
    this.end(Exit.fail(error))
  }

  private ask(question: Question): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      if (this.lost !== undefined) return Effect.fail(this.lost)
      this.hasAsked = true
      const reply: Asked["reply"] = Deferred.makeUnsafe()
      this.asked = { ...question, reply, seen: undefined, interruptedAt: undefined }
      this.onBusyChange()
      try {
        this.line.sendPlain(question.message())
        this.watch.within(this.nextLook())
      } catch (cause) {
        this.end(Exit.fail(crossing.notSerializable("input", undefined, cause, question.code)))
      }
      return Effect.flatMap(Deferred.await(reply), (result) => this.decode(question, result))
    })
  }

  private decode(question: Question, result: protocol.HookResult): Effect.Effect<unknown, Failure> {
    const { code, failed, timedOut } = question
    switch (result._tag) {
      case "Success":
        return Effect.succeed(result.value)
      case "Error":
        return Effect.try({
          try: () => failure.decode(result.value),
          catch: (cause) => crossing.notSerializable("output", undefined, cause, code)
        })
      case "Failure":
        return Effect.fail(failed(failure.decodeOrDescribe(result.cause)))
      case "NotLoaded":
        return Effect.fail(
          errors.startFailed(this.options.worker, failure.decodeOrDescribe(result.cause), this.loadedLast(question))
        )
      case "NotSerializable":
        return Effect.fail(
          crossing.notSerializable(result.direction, undefined, failure.decodeOrDescribe(result.cause), code)
        )
      case "TimedOut":
        return Effect.fail(timedOut())
      case "Interrupted":
        return Effect.interrupt
    }
  }

  private end(exit: Exit.Exit<protocol.HookResult, Failure>): void {
    const { asked } = this
    this.asked = undefined
    this.onBusyChange()
    if (asked !== undefined) Deferred.doneUnsafe(asked.reply, exit)
  }

  // ---------------------------------------------------------------------------
  // Time
  // ---------------------------------------------------------------------------

  /** How long what is asked and what is replied are on their way together, in milliseconds. */
  private get onItsWay(): number {
    return this.line.lag?.() ?? 0
  }

  /** In how many milliseconds to look next. */
  private nextLook(): number {
    const { killAfter, startTimeout } = this.options
    return interval(Math.min(startTimeout ?? 2000, (this.asked?.timeout ?? 2000) + (killAfter ?? 0)))
  }

  private look(): number | undefined {
    const { asked } = this
    if (asked === undefined) return undefined
    const overdue = this.overdue(asked, this.watch.now())
    if (overdue === undefined) return this.nextLook()
    const [cause, exit] = overdue
    // the worker's end, which may be told while it is being killed, is not what becomes of the hook
    this.asked = undefined
    this.onStuck(cause)
    Deferred.doneUnsafe(asked.reply, exit)
    return undefined
  }

  /** The cause for which the worker is to be killed, and how the hook then ends; `undefined` when it is not. */
  private overdue(
    asked: Asked,
    now: number
  ): readonly [cause: Error, exit: Exit.Exit<protocol.HookResult, Failure>] | undefined {
    const { killAfter, startTimeout, worker } = this.options
    const { interruptedAt, timeout } = asked
    if (killAfter !== undefined && interruptedAt !== undefined && now - interruptedAt >= killAfter + this.onItsWay) {
      const cause = new Error(`init did not yield within ${killAfter} milliseconds after it was interrupted`)
      return [cause, Exit.succeed({ _tag: "Interrupted" })]
    }
    const { isLoading } = this.numbers
    if (asked.seen?.isLoading !== isLoading) asked.seen = { isLoading, since: now }
    const elapsed = now - asked.seen.since
    if (isLoading) {
      // a module that does not load is waited for no longer than `startTimeout` (T4)
      if (startTimeout === undefined || elapsed < startTimeout) return undefined
      const cause = new Error(`A hook's module did not load within ${startTimeout} milliseconds`)
      return [cause, Exit.fail(errors.startFailed(worker, cause, this.loadedLast(asked)))]
    }
    if (killAfter === undefined || timeout === undefined) return undefined
    if (elapsed < timeout + killAfter + this.onItsWay) return undefined
    const cause = new Error(`A hook did not yield within ${killAfter} milliseconds after its time was over`)
    return [cause, Exit.succeed({ _tag: "TimedOut" })]
  }
}

/** What hooks see of the pool's context. */
const callerIn = (context: Hook["context"]): { readonly caller?: Caller } => {
  const caller = context && callerOf(context)
  return caller === undefined ? {} : { caller }
}
