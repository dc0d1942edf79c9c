/**
 * The pool's side of a worker that lives behind a channel.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Closed, Connection, Transferable } from "../Channel.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk, Hook, StartOptions, Worker, WorkerRuntime } from "../WorkerRuntime.ts"
import * as crossing from "./crossing.ts"
import * as failure from "./failure.ts"
import { KnownAddresses } from "./knownAddresses.ts"
import type * as protocol from "./protocol.ts"
import { RemoteChunks } from "./remoteChunks.ts"

/** A runtime over channels that `open` opens. */
export const runtime = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity, controls: number) => Effect.Effect<Connection, unknown, Scope.Scope>
}): WorkerRuntime["Service"] => ({
  name: options.name,
  start: Effect.fnUntraced(function* (start: StartOptions) {
    const connection = yield* Effect.catch(options.open(start.worker, 0), (cause) =>
      WorkerPoolError.isWorkerPoolError(cause) ? Effect.fail(cause) : startFailed(start.worker, cause)
    )
    const worker = new RemoteWorker(connection, start)
    yield* Effect.addFinalizer(() => Effect.sync(() => worker.stop()))
    yield* worker.ready
    return worker
  })
})

type Reply = Deferred.Deferred<protocol.HookResult, WorkerPoolError.WorkerPoolError>

class RemoteWorker implements Worker {
  private readonly identity: WorkerIdentity
  private readonly options: StartOptions
  private readonly connection: Connection
  private readonly started: Deferred.Deferred<void, WorkerPoolError.WorkerPoolError> = Deferred.makeUnsafe()
  private readonly addresses: KnownAddresses
  private readonly chunks: RemoteChunks
  private reply: Reply | undefined = undefined
  private isReady = false
  private isStopped = false
  /** Whether a hook has run there, so that there may be finalizers. */
  private hasScope = false
  private closed: Closed | undefined = undefined

  constructor(connection: Connection, options: StartOptions) {
    this.connection = connection
    this.options = options
    this.identity = options.worker
    const send = (message: protocol.ToWorker, transfers?: Array<Transferable>) => this.send(message, transfers)
    this.addresses = new KnownAddresses(send)
    this.chunks = new RemoteChunks({
      worker: options.worker,
      addresses: this.addresses,
      send,
      busyChanged: () => this.updateBusy()
    })
    connection.closed((closed) => this.onClosed(closed))
    connection.receive((message) => this.handle(message as protocol.FromWorker))
    this.send({ _tag: "Start", ...options.worker, tasksPerWorker: options.tasksPerWorker })
  }

  get ready(): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return Deferred.await(this.started)
  }

  /** Lets the worker end by itself. */
  stop(): void {
    this.isStopped = true
    this.addresses.close()
    this.send({ _tag: "Stop" })
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopped = true
    this.addresses.close()
    return this.connection.kill
  })

  run(chunk: Chunk): void {
    this.chunks.run(chunk)
  }

  interrupt(chunk: Chunk): void {
    this.chunks.interrupt(chunk)
  }

  // ---------------------------------------------------------------------------
  // Hooks
  // ---------------------------------------------------------------------------

  init(hook: Hook): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    const { services } = this.options
    if (services === undefined && hook.code === undefined) return Effect.void
    const place = WorkerPoolError.inWorker(this.identity)
    return Effect.asVoid(
      this.ask(
        () => ({
          _tag: "Init",
          services: services && this.addresses.tell(services),
          hook: hook.code && this.addresses.tell(hook.code),
          timeout: hook.timeout
        }),
        (cause) => new WorkerPoolError.InitFailed({ ...place, cause }),
        () => new WorkerPoolError.InitTimedOut(place)
      )
    )
  }

  interruptInit(): void {
    if (this.reply !== undefined) this.send({ _tag: "InterruptInit" })
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const { code, timeout } = hook
    if (code === undefined) return Effect.succeed(undefined)
    const place = WorkerPoolError.inWorker(this.identity)
    return this.ask(
      () => ({ _tag: "Exit", hook: this.addresses.tell(code), timeout }),
      (cause) => new WorkerPoolError.ExitFailed({ ...place, cause }),
      () => new WorkerPoolError.ExitTimedOut(place)
    )
  }

  readonly close: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() => {
    if (!this.hasScope || this.closed !== undefined) return Effect.void
    const place = WorkerPoolError.inWorker(this.identity)
    return Effect.asVoid(
      this.ask(
        () => ({ _tag: "Close" }),
        (cause) => new WorkerPoolError.ExitFailed({ ...place, cause }),
        () => new WorkerPoolError.ExitTimedOut(place)
      )
    )
  })

  /** Sends a message that is replied to when a hook has ended, and waits for that. */
  private ask(
    message: () => protocol.ToWorker,
    failed: (cause: unknown) => WorkerPoolError.Reason,
    timedOut: () => WorkerPoolError.Reason
  ): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      if (this.closed !== undefined) return Effect.fail(this.lost(this.closed))
      this.hasScope = true
      const reply: Reply = Deferred.makeUnsafe()
      this.reply = reply
      this.updateBusy()
      try {
        this.send(message())
      } catch (cause) {
        this.endReply(Exit.fail(crossing.notSerializable("input", undefined, cause)))
      }
      return Effect.flatMap(Deferred.await(reply), (result) => {
        switch (result._tag) {
          case "Success":
            return Effect.succeed(result.value)
          case "Error":
            return Effect.succeed(failure.decode(result.value))
          case "Failure":
            return Effect.fail(WorkerPoolError.make(failed(failure.decode(result.cause))))
          case "NotLoaded":
            return startFailed(this.identity, failure.decode(result.cause))
          case "NotSerializable":
            return Effect.fail(crossing.notSerializable("output", undefined, failure.decode(result.cause)))
          case "TimedOut":
            return Effect.fail(WorkerPoolError.make(timedOut()))
          case "Interrupted":
            return Effect.interrupt
        }
      })
    })
  }

  private endReply(exit: Exit.Exit<protocol.HookResult, WorkerPoolError.WorkerPoolError>): void {
    const { reply } = this
    this.reply = undefined
    this.updateBusy()
    if (reply !== undefined) Deferred.doneUnsafe(reply, exit)
  }

  // ---------------------------------------------------------------------------
  // Channel
  // ---------------------------------------------------------------------------

  private send(message: protocol.ToWorker, transfers?: Array<Transferable>): void {
    if (this.closed === undefined) this.connection.send(message, transfers)
  }

  private handle(message: protocol.FromWorker): void {
    switch (message._tag) {
      case "Ready":
        this.isReady = true
        this.updateBusy()
        Deferred.doneUnsafe(this.started, Exit.void)
        return
      case "Results":
        return this.chunks.results(message)
      case "NotLoaded":
        return this.chunks.notLoaded(message.chunk, failure.decode(message.cause))
      case "Initialised":
      case "Exited":
      case "Closed":
        return this.endReply(Exit.succeed(message.result))
    }
  }

  private onClosed(closed: Closed): void {
    this.closed = closed
    this.addresses.close()
    if (!this.isReady) Deferred.doneUnsafe(this.started, startFailed(this.identity, whyClosed(closed)))
    this.endReply(Exit.fail(this.lost(closed)))
    if (this.isReady && !this.isStopped) this.options.onLost(closed)
  }

  private lost(closed: Closed): WorkerPoolError.WorkerPoolError {
    const { cause, exitCode, signal } = closed
    return WorkerPoolError.make(
      new WorkerPoolError.WorkerLost({
        ...WorkerPoolError.inWorker(this.identity),
        exitCode,
        signal,
        cause,
        indices: []
      })
    )
  }

  /** A worker that has nothing to do does not keep the process alive. */
  private updateBusy(): void {
    this.connection.setBusy(!this.isReady || this.chunks.size > 0 || this.reply !== undefined)
  }
}

const startFailed = (worker: WorkerIdentity, cause: unknown): Effect.Effect<never, WorkerPoolError.WorkerPoolError> =>
  Effect.fail(WorkerPoolError.make(new WorkerPoolError.StartFailed({ ...WorkerPoolError.inWorker(worker), cause })))

const whyClosed = (closed: Closed): unknown =>
  closed.cause ?? new Error(`The worker ended before it was ready, with exit code ${closed.exitCode ?? "unknown"}`)
