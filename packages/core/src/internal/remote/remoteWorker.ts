/**
 * The pool's side of a worker that lives behind a channel.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { Closed, Connection, Usage } from "../../Channel.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, Hook, InitFailure, Loss, StartOptions, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import * as realTime from "../task/realTime.ts"
import * as control from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import { Inbox } from "../wire/inbox.ts"
import { unpack } from "../wire/packing.ts"
import type * as protocol from "../wire/protocol.ts"
import { ToldNumbers } from "../wire/toldNumbers.ts"
import { poolsOwn } from "../wire/observed.ts"
import { isFromWorker } from "../wire/wellFormed.ts"
import { KnownAddresses, type Refuse } from "./knownAddresses.ts"
import { Line } from "./line.ts"
import { Observations } from "./observations.ts"
import { ObservedSpans } from "./observedSpans.ts"
import { type Blame, cellsOf, RemoteChunks } from "./remoteChunks.ts"
import { RemoteHooks } from "./remoteHooks.ts"
import { RemoteStart } from "./remoteStart.ts"
import { WorkerClock } from "./workerClock.ts"

/** A runtime whose workers live behind the channels that `open` opens. */
export const runtime = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity, controls: number) => Effect.Effect<Connection, unknown, Scope.Scope>
  readonly refuse?: Refuse | undefined
  readonly sharesNumbers?: boolean | undefined
  readonly parallelism?: Effect.Effect<number> | undefined
  readonly parallelismAbove?: ((workers: number) => Effect.Effect<number>) | undefined
}): WorkerRuntime["Service"] => ({
  name: options.name,
  isRemote: true,
  parallelism: options.parallelism,
  parallelismAbove: options.parallelismAbove,
  // where the start of an item takes a message, a chunk is told as a whole, and little of it can be lost
  chunkTime: options.sharesNumbers === false ? 2 : undefined,
  start: Effect.fnUntraced(function* (start: StartOptions) {
    const open = Effect.suspend(() => options.open(start.worker, control.numbers(cellsOf(start.tasksPerWorker))))
    const connection = yield* Effect.catchCause(open, (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      // a platform that throws, as for an option that it cannot read, cannot start a worker either (F3)
      const error = Cause.squash(cause)
      const isToldAsItIs = WorkerPoolError.isWorkerPoolError(error) || error instanceof WorkerPoolError.Unavailable
      return Effect.fail(isToldAsItIs ? error : errors.startFailed(start.worker, error))
    })
    start.onPlaced?.()
    const worker = new RemoteWorker(connection, start, options.refuse, yield* Effect.context<never>())
    yield* Effect.addFinalizer(() => Effect.sync(() => worker.stop()))
    yield* worker.ready
    return worker
  })
})

type Told = Exclude<protocol.FromWorker, protocol.Repeated>

class RemoteWorker implements Worker {
  private readonly options: StartOptions
  private readonly connection: Connection
  private readonly line: Line
  private readonly inbox: Inbox<protocol.FromWorker>
  private readonly read: control.ReadNumber
  /** How many numbers the control block has. */
  private readonly count: number
  private readonly addresses: KnownAddresses
  private readonly starting: RemoteStart
  private readonly hooks: RemoteHooks
  private readonly chunks: RemoteChunks
  private readonly spans: ObservedSpans
  private readonly observations: Observations
  /** The context of the last hook. */
  private hookContext: Context.Context<never> | undefined = undefined
  /** "stopped" once the pool has stopped or killed it; "ended" once it has ended, or is killed for not yielding. */
  private state: "running" | "stopped" | "ended" = "running"
  /** What the connection has been told last. */
  private isBusy: boolean | undefined = undefined
  /** Set while it is being killed for not yielding, and it has yet to be heard what it had done until then. */
  private givenUp: { readonly tell: (told?: Closed) => void; readonly timer: realTime.Timer } | undefined = undefined
  /** The uncaught error that ends the worker, if the worker has sent it. */
  private uncaught: unknown = undefined

  constructor(
    connection: Connection,
    options: StartOptions,
    refuse: Refuse | undefined,
    context: Context.Context<never>
  ) {
    this.connection = connection
    this.options = options
    const on = {
      busyChange: () => this.updateBusy(),
      settled: () => this.state === "running" && options.onSettled?.(),
      stuck: (cause: Error, blame?: Blame) => this.killStuck(cause, blame)
    }
    this.line = new Line(connection)
    this.read = new control.ReadNumber(this.line.control)
    this.inbox = new Inbox(
      (message) => this.handle(message),
      (number, cause) => this.send({ _tag: "Unreadable", number, cause: failure.encodeOrDescribe(cause) })
    )
    this.count = control.numbers(cellsOf(options.tasksPerWorker))
    this.addresses = new KnownAddresses(this.line, refuse, connection)
    this.starting = new RemoteStart(options, on.stuck)
    this.hooks = new RemoteHooks(options, this.line, this.addresses, on)
    this.spans = new ObservedSpans({
      itemOf: (chunk, position) => this.chunks.itemOf(chunk, position),
      hasChunk: (chunk) => this.chunks.hasChunk(chunk)
    })
    this.chunks = new RemoteChunks(options, this.line, this.addresses, on, this.spans)
    // the span here is that of the acquisition, of which nothing is a part that comes when an item's caller has gone
    const pools = Context.omit(Tracer.ParentSpan)(context)
    const whose = {
      contextOf: (chunk: number, position: number) =>
        chunk === poolsOwn ? this.hookContext : this.chunks.contextOf(chunk, position),
      ageOf: (chunk: number) => this.chunks.ageOf(chunk)
    }
    const clock = new WorkerClock(this.line.lag !== undefined)
    this.observations = new Observations(options.worker, pools, this.spans, whose, clock)
    connection.closed((closed) => this.onClosed(closed))
    connection.unwanted?.(() => this.state === "running" && options.onUnwanted())
    connection.receive(
      (message) => this.guarded(() => this.receive(message)),
      (cause) => this.guarded(() => this.unreadable(cause))
    )
    const { isInDoubt = false, tasksPerWorker } = options
    this.send({ _tag: "Start", ...options.worker, tasksPerWorker, ...(isInDoubt ? { isInDoubt } : {}) })
  }

  get ready(): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.starting.done
  }

  get usage(): Effect.Effect<Usage | undefined> | undefined {
    return this.connection.usage
  }

  /** Asks the worker to end by itself. */
  stop(): void {
    this.stopUsing()
    this.send({ _tag: "Stop" })
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.stopUsing()
    this.endSpans({ cause: new Error("The pool killed it") })
    // calls settle now, since it can take long until the worker has really ended
    for (const chunk of this.chunks.forgetAll().keys()) chunk.onEnd(undefined)
    return this.connection.kill
  })

  run(chunk: Chunk): void {
    this.chunks.run(chunk)
  }

  limitTo(chunk: Chunk, items: number): number {
    return this.chunks.limitTo(chunk, items)
  }

  get isSettled(): boolean {
    return this.chunks.areSettled
  }

  get lag(): (() => number) | undefined {
    return this.line.lag
  }

  granted(chunk: Chunk): number | undefined {
    return this.chunks.granted(chunk)
  }

  started(chunk: Chunk): number | undefined {
    return this.chunks.started(chunk)
  }

  interrupt(chunk: Chunk): void {
    this.chunks.interrupt(chunk)
  }

  init(hook: Hook): Effect.Effect<void, InitFailure> {
    return Effect.tap(this.hooks.init(this.hook(hook)), () => Effect.sync(() => this.connection.initialised?.()))
  }

  interruptInit(): void {
    this.hooks.interruptInit()
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      this.chunks.leave()
      return this.hooks.exit(this.hook(hook))
    })
  }

  /** A hook is about to run: what it tells is told in its context, and what fibers tell later that it has detached. */
  private hook(hook: Hook): Hook {
    if (hook.context !== undefined) this.hookContext = hook.context
    return hook
  }

  close(timeout: number | undefined): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      this.chunks.leave()
      return this.hooks.close(timeout)
    })
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /** From here on nothing is asked of the worker but to end. */
  private stopUsing(): void {
    if (this.state === "running") this.state = "stopped"
    this.addresses.close()
    this.starting.stopWatching()
    realTime.cancel(this.givenUp?.timer)
  }

  /**
   * Kills the worker because something in it does not yield. The pool is told at once, since it can take long until the
   * worker has really ended (C4).
   */
  private killStuck(cause: Error, blame?: Blame): void {
    if (this.hasEnded || this.givenUp !== undefined) return
    // with nothing in hand there is nothing to learn by its end
    if (this.line.lag !== undefined && !this.chunks.areTold) return this.giveUp(cause, blame)
    const mayBeLeftBehind = blame?.mayBeLeftBehind ?? false
    this.killAndTell({ closed: { cause }, killed: true, mayBeLeftBehind }, blame)
  }

  /** Kills it where numbers lag: what it had in hand is known when its end has been heard of, or after a while (K13). */
  private giveUp(cause: Error, blame: Blame | undefined): void {
    const ended = Deferred.makeUnsafe<void>()
    const tell = (told?: Closed) => {
      const wasUsed = this.endUse()
      this.givenUp = undefined
      // What was silent may not have been the item but its machine, which is lost: then neither the item nor its module is
      // to blame (K4). That the item's time is over is so all the same.
      const isExternal = told?.external === true
      const closed = isExternal ? told : { cause }
      this.endSpans(closed)
      const inHand = this.chunks.forgetAll(blame && isExternal ? { ...blame, failure: undefined } : blame)
      const mayBeLeftBehind = blame?.mayBeLeftBehind ?? false
      this.tellEnd(wasUsed, { closed, killed: true, inHand, mayBeLeftBehind, ended: Deferred.await(ended) })
    }
    const timer = realTime.after(this.connection.suspectAfter ?? 10_000, () => tell())
    this.givenUp = { tell, timer }
    this.options.onCondemned()
    // it may be told that it has closed before this returns
    Effect.runFork(
      Effect.ensuring(
        this.connection.kill,
        Effect.sync(() => Deferred.doneUnsafe(ended, Exit.void))
      )
    )
  }

  private get hasEnded(): boolean {
    return this.state === "ended"
  }

  /** Ends a worker that has sent what the protocol does not allow, or what this side cannot handle (F6). */
  private reject(cause: unknown): void {
    if (this.hasEnded) return
    // one that is being killed already ends for what did not yield, which is to blame
    if (this.givenUp !== undefined) return this.givenUp.tell()
    this.killAndTell({ closed: { cause }, killed: false })
  }

  private killAndTell(loss: Omit<Loss, "ended" | "inHand">, blame?: Blame): void {
    this.chunks.tellRunning()
    const inHand = this.chunks.forgetAll(blame)
    const wasUsed = this.endUse()
    this.endSpans(loss.closed)
    // a channel may tell of the worker's end at once: from here on that is no news
    const killing = Effect.runFork(this.connection.kill)
    this.tellEnd(wasUsed, { ...loss, inHand, ended: Effect.asVoid(Fiber.await(killing)) })
  }

  private onClosed(told: Closed): void {
    this.guarded(() => {
      if (this.state !== "ended") this.handleHeld()
      this.observations.workerEnded()
    })
    this.chunks.workerEnded()
    if (told.numbers !== undefined) this.chunks.settle(told.numbers)
    if (this.givenUp !== undefined) return this.givenUp.tell(told)
    this.endSpans(told)
    if (this.hasEnded) return
    // a platform may tell less of the error than the worker itself, as where it clones it
    const closed = this.uncaught === undefined ? told : { ...told, cause: this.uncaught }
    const { exitCode, signal } = closed
    const { loading } = this.chunks
    let blame: Blame | undefined
    // with a whole machine lost, no module is to blame (K4)
    if (loading !== undefined && signal === undefined && closed.external !== true) {
      // the task's module ended the worker, and would end the next one too: its chunk is not sent again (F3)
      const cause = closed.cause ?? new Error(`It ended the worker, with exit code ${exitCode}`)
      const failure = errors.startFailed(this.options.worker, cause, loading.task)
      blame = { chunk: loading, positions: [], failure, mayBeLeftBehind: this.chunks.hasRun }
    }
    const wasUsed = this.endUse()
    const mayBeLeftBehind = blame?.mayBeLeftBehind ?? false
    this.tellEnd(wasUsed, {
      closed,
      killed: false,
      inHand: this.chunks.forgetAll(blame),
      mayBeLeftBehind,
      ended: Effect.void
    })
  }

  /** What runs in the worker has ended with it, and so have its spans. */
  private endSpans(closed: Closed): void {
    this.chunks.tellRunning()
    this.spans.workerEnded(Exit.fail(errors.workerLost(this.options.worker, closed)))
  }

  /** The worker has ended, or is about to be killed; returns whether the pool has neither stopped nor killed it before. */
  private endUse(): boolean {
    const wasUsed = this.state === "running"
    this.state = "ended"
    this.stopUsing()
    return wasUsed
  }

  /** Tells all who wait that the worker has ended, or is being killed; only what it had in hand is affected (F1). */
  private tellEnd(wasUsed: boolean, loss: Loss): void {
    const { closed, killed } = loss
    // a worker that ends by itself before it is ready has not been lost, but has failed to start
    const hasStarted = killed || this.starting.isReady || closed.signal !== undefined || closed.external === true
    // those who wait for its start or a hook are told last, since that may start the slot's next worker
    if (wasUsed && hasStarted) this.options.onLost(loss)
    this.starting.workerEnded(closed)
    this.hooks.workerEnded(errors.workerLost(this.options.worker, closed))
  }

  // ---------------------------------------------------------------------------
  // Channel
  // ---------------------------------------------------------------------------

  private send(message: protocol.ToWorker): void {
    if (this.state !== "ended") this.line.sendPlain(message)
  }

  /** Nothing that arrives can harm this process, whatever the worker has become (F6). */
  private guarded(handle: () => void): void {
    try {
      handle()
    } catch (cause) {
      this.reject(cause)
    }
  }

  private receive(message: unknown): void {
    if (!isFromWorker(message)) {
      if (this.state === "ended") return
      throw new Error("The worker sent a message that is none of the protocol's")
    }
    // what a worker has said before it was lost is written all the same (O3)
    if (message._tag === "Observed" && (message.aside === true || this.state === "ended")) {
      return this.observations.receive(message)
    }
    if (this.state === "ended") return
    unpack(message)
    this.inbox.receive(message)
    if (message.kept === true || message._tag === "Repeated") this.tellRead()
  }

  private unreadable(cause: unknown): void {
    if (this.state === "ended") return
    this.inbox.unreadable(cause)
  }

  private tellRead(): void {
    const { read } = this.inbox
    if (read !== undefined) this.read.set(read)
  }

  /** What arrived after a message that will not be repeated, since the worker has ended. */
  private handleHeld(): void {
    for (const message of this.inbox.takeHeld()) {
      // an item whose outcome is missing counts as lost with the worker, and not as one that never started
      this.handle(message._tag === "Results" ? { ...message, ended: false } : message)
    }
  }

  private handle(message: Told): void {
    if (this.state === "ended") return
    switch (message._tag) {
      case "Ready":
        this.starting.ready()
        return this.updateBusy()
      case "Results":
        return this.chunks.results(message)
      case "NotLoaded":
        return this.chunks.notLoaded(message)
      case "Uncaught":
        this.uncaught = failure.decodeOrDescribe(message.cause)
        return
      case "Initialised":
        return this.hooks.replied(message.result, message.stage)
      case "Exited":
      case "Closed":
        return this.hooks.replied(message.result)
      case "Observed":
        return this.observations.receive(message)
      case "Numbers":
        return this.numbers(message)
      case "Unreadable":
        this.addresses.unreadable(message.number, message.cause)
        this.chunks.unreadable(message.number)
        return this.send({ _tag: "Repeated" })
    }
  }

  private numbers({ from, values }: protocol.Numbers): void {
    const { control } = this.line
    if (!(control instanceof ToldNumbers))
      throw new Error("It told numbers by a message, which is not the protocol where they are shared")
    if (from + values.length > this.count) throw new Error(`It reported number ${from} of ${this.count}`)
    control.told(from, values)
    this.chunks.told()
  }

  /** A worker that has nothing to do does not keep the process alive (F5). */
  private updateBusy(): void {
    const isBusy = !this.starting.isReady || this.chunks.size > 0 || this.hooks.isAsking
    // a platform may have to tell several things, and most chunks come while others are there
    if (isBusy === this.isBusy) return
    this.isBusy = isBusy
    this.connection.setBusy(isBusy)
  }
}
