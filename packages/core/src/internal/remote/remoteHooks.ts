/**
 * The hooks of a remote worker: asks for one, waits for the reply, and does not wait for ever.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Connection } from "../../Channel.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, Hook } from "../../WorkerRuntime.ts"
import type { WatchLimits } from "./chunkWatch.ts"
import { HookNumbers } from "../wire/control.ts"
import * as crossing from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import type { KnownAddresses } from "./knownAddresses.ts"
import * as errors from "../common/errors.ts"
import type * as protocol from "../wire/protocol.ts"
import { interval, Watch } from "./watch.ts"

/** What hooks need of their worker. */
export interface HooksHost extends WatchLimits {
  readonly worker: WorkerPoolError.WorkerIdentity
  readonly services: Code | undefined
  readonly addresses: KnownAddresses
  readonly connection: Connection
  readonly send: (message: protocol.ToWorker) => void
  /** Whether something is asked may have changed. */
  readonly busyChanged: () => void
  /** A hook has been going on for too long: the worker is to be killed. */
  readonly overdue: (cause: Error) => void
}

type Failure = WorkerPoolError.WorkerPoolError

/** A message that asks for a hook, and what its reply comes to. */
interface Question extends errors.HookErrors {
  readonly message: () => protocol.ToWorker
  /** In milliseconds. */
  readonly timeout: number | undefined
}

/** A question that has not been replied to. */
interface Asked extends Question {
  readonly reply: Deferred.Deferred<protocol.HookResult, Failure>
  /** Since when its module is being loaded, and since when it runs, as far as has been seen. */
  loadingSince: number | undefined
  runningSince: number | undefined
  interruptedAt: number | undefined
}

export class RemoteHooks {
  private readonly host: HooksHost
  private readonly numbers: HookNumbers
  private readonly watch: Watch
  private asked: Asked | undefined = undefined
  /** Whether a hook has run there, so that there may be finalizers. */
  private hasScope = false
  private lost: Failure | undefined = undefined

  constructor(host: HooksHost) {
    this.host = host
    this.numbers = new HookNumbers(host.connection.control)
    this.watch = new Watch(() => this.look())
  }

  get isAsking(): boolean {
    return this.asked !== undefined
  }

  init(hook: Hook): Effect.Effect<void, Failure> {
    const { addresses, services } = this.host
    const { code, timeout } = hook
    if (services === undefined && code === undefined) return Effect.void
    return Effect.asVoid(
      this.ask({
        message: () => ({
          _tag: "Init",
          services: services && addresses.tell(services),
          hook: code && addresses.tell(code),
          timeout
        }),
        timeout,
        ...errors.initErrors(this.host.worker)
      })
    )
  }

  interruptInit(): void {
    const { asked } = this
    const { killAfter } = this.host
    if (asked === undefined) return
    asked.interruptedAt ??= performance.now()
    this.numbers.interrupt()
    this.host.send({ _tag: "InterruptInit" })
    if (killAfter !== undefined) this.watch.within(killAfter)
  }

  exit({ code, timeout }: Hook): Effect.Effect<unknown, Failure> {
    if (code === undefined) return Effect.succeed(undefined)
    return this.ask({
      message: () => ({ _tag: "Exit", hook: this.host.addresses.tell(code), timeout }),
      timeout,
      ...errors.exitErrors(this.host.worker)
    })
  }

  /** Runs the finalizers, where there may be any. */
  close(timeout: number | undefined): Effect.Effect<void, Failure> {
    return Effect.suspend(() => {
      if (!this.hasScope || this.lost !== undefined) return Effect.void
      return Effect.asVoid(
        this.ask({ message: () => ({ _tag: "Close" }), timeout, ...errors.exitErrors(this.host.worker) })
      )
    })
  }

  replied(result: protocol.HookResult): void {
    this.end(Exit.succeed(result))
  }

  /** The worker is gone. */
  ended(error: Failure): void {
    this.lost = error
    this.watch.stop()
    this.end(Exit.fail(error))
  }

  private ask(question: Question): Effect.Effect<unknown, Failure> {
    return Effect.suspend(() => {
      if (this.lost !== undefined) return Effect.fail(this.lost)
      this.hasScope = true
      const reply: Asked["reply"] = Deferred.makeUnsafe()
      const since = { loadingSince: undefined, runningSince: undefined, interruptedAt: undefined }
      this.asked = { ...question, reply, ...since }
      this.host.busyChanged()
      try {
        this.host.send(question.message())
        this.watch.within(this.next())
      } catch (cause) {
        this.end(Exit.fail(crossing.notSerializable("input", undefined, cause)))
      }
      return Effect.flatMap(Deferred.await(reply), (result) => this.decode(question, result))
    })
  }

  private decode({ failed, timedOut }: Question, result: protocol.HookResult): Effect.Effect<unknown, Failure> {
    switch (result._tag) {
      case "Success":
        return Effect.succeed(result.value)
      case "Error":
        return Effect.succeed(failure.decode(result.value))
      case "Failure":
        return Effect.fail(failed(failure.decode(result.cause)))
      case "NotLoaded":
        return Effect.fail(errors.startFailed(this.host.worker, failure.decode(result.cause)))
      case "NotSerializable":
        return Effect.fail(crossing.notSerializable("output", undefined, failure.decode(result.cause)))
      case "TimedOut":
        return Effect.fail(timedOut())
      case "Interrupted":
        return Effect.interrupt
    }
  }

  private end(exit: Exit.Exit<protocol.HookResult, Failure>): void {
    const { asked } = this
    this.asked = undefined
    this.host.busyChanged()
    if (asked !== undefined) Deferred.doneUnsafe(asked.reply, exit)
  }

  // ---------------------------------------------------------------------------
  // Time
  // ---------------------------------------------------------------------------

  /** When to look next. */
  private next(): number {
    const { killAfter, startTimeout } = this.host
    return interval(Math.min(startTimeout ?? 2000, (this.asked?.timeout ?? 2000) + (killAfter ?? 0)))
  }

  private look(): number | undefined {
    const { asked } = this
    if (asked === undefined) return undefined
    const overdue = this.overdue(asked, performance.now())
    if (overdue === undefined) return this.next()
    const [cause, exit] = overdue
    this.asked = undefined
    this.host.overdue(cause)
    Deferred.doneUnsafe(asked.reply, exit)
    return undefined
  }

  /** Why the worker is to be killed, if it is, and what the hook then comes to. */
  private overdue(
    asked: Asked,
    now: number
  ): readonly [cause: Error, exit: Exit.Exit<protocol.HookResult, Failure>] | undefined {
    const { killAfter, startTimeout, worker } = this.host
    const { interruptedAt, timeout } = asked
    if (killAfter !== undefined && interruptedAt !== undefined && now - interruptedAt >= killAfter) {
      const cause = new Error(`init did not yield within ${killAfter} milliseconds after it was interrupted`)
      return [cause, Exit.succeed({ _tag: "Interrupted" })]
    }
    if (this.numbers.isLoading) {
      asked.runningSince = undefined
      asked.loadingSince ??= now
      if (startTimeout === undefined || now - asked.loadingSince < startTimeout) return undefined
      // the module does not load in time (T4)
      const cause = new Error(`A hook's module did not load within ${startTimeout} milliseconds`)
      return [cause, Exit.fail(errors.startFailed(worker, cause))]
    }
    asked.loadingSince = undefined
    asked.runningSince ??= now
    if (killAfter === undefined || timeout === undefined) return undefined
    if (now - asked.runningSince < timeout + killAfter) return undefined
    const cause = new Error(`A hook did not yield within ${killAfter} milliseconds after its time was over`)
    return [cause, Exit.succeed({ _tag: "TimedOut" })]
  }
}
