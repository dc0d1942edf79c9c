/**
 * The pool's side of a worker that lives behind a channel.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Closed, Connection, Transferable } from "../../Channel.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Chunk, Hook, InHand, StartOptions, Worker, WorkerRuntime } from "../../WorkerRuntime.ts"
import * as control from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import { KnownAddresses } from "./knownAddresses.ts"
import * as errors from "../common/errors.ts"
import type * as protocol from "../wire/protocol.ts"
import { RemoteChunks } from "./remoteChunks.ts"
import { RemoteHooks } from "./remoteHooks.ts"
import { RemoteStart } from "./remoteStart.ts"

/** A runtime over channels that `open` opens. */
export const runtime = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity, controls: number) => Effect.Effect<Connection, unknown, Scope.Scope>
}): WorkerRuntime["Service"] => ({
  name: options.name,
  isRemote: true,
  start: Effect.fnUntraced(function* (start: StartOptions) {
    const open = options.open(start.worker, control.numbers(cells(start)))
    const connection = yield* Effect.catch(open, (cause) =>
      Effect.fail(WorkerPoolError.isWorkerPoolError(cause) ? cause : errors.startFailed(start.worker, cause))
    )
    const worker = new RemoteWorker(connection, start)
    yield* Effect.addFinalizer(() => Effect.sync(() => worker.stop()))
    yield* worker.ready
    return worker
  })
})

/** How many chunks a worker may have: as many as items, and those that are over here but not there. */
const cells = ({ tasksPerWorker }: StartOptions): number => Math.min(2 * tasksPerWorker + 8, 8192)

class RemoteWorker implements Worker {
  private readonly options: StartOptions
  private readonly connection: Connection
  private readonly addresses: KnownAddresses
  private readonly begin: RemoteStart
  private readonly hooks: RemoteHooks
  private readonly chunks: RemoteChunks
  private isStopped = false
  /** The error that ends the worker, where the worker has told it. */
  private uncaught: unknown = undefined
  private closed: Closed | undefined = undefined

  constructor(connection: Connection, options: StartOptions) {
    this.connection = connection
    this.options = options
    const { killAfter, startTimeout, worker } = options
    const send = (message: protocol.ToWorker, transfers?: Array<Transferable>) => this.send(message, transfers)
    const busyChanged = () => this.updateBusy()
    this.addresses = new KnownAddresses(send)
    this.begin = new RemoteStart(options, (cause) => this.giveUp(cause, new Map()))
    const shared = { worker, killAfter, startTimeout, addresses: this.addresses, connection, send, busyChanged }
    this.hooks = new RemoteHooks({
      ...shared,
      services: options.services,
      overdue: (cause) => this.giveUp(cause, new Map())
    })
    this.chunks = new RemoteChunks({
      ...shared,
      cells: cells(options),
      // a chunk can be sent before another's end has been noticed
      spareCells: cells(options) - options.tasksPerWorker - 1,
      overdue: (overdue) => this.giveUp(overdue.cause, this.chunks.lose(overdue))
    })
    connection.closed((closed) => this.onClosed(closed))
    connection.receive((message) => this.handle(message as protocol.FromWorker))
    this.send({ _tag: "Start", ...worker, tasksPerWorker: options.tasksPerWorker })
  }

  get ready(): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.begin.done
  }

  /** Lets the worker end by itself. */
  stop(): void {
    this.release()
    this.send({ _tag: "Stop" })
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.release()
    // the calls settle now, however long its end takes
    for (const chunk of this.chunks.lose().keys()) chunk.onEnd(undefined)
    return this.connection.kill
  })

  run(chunk: Chunk): void {
    this.chunks.run(chunk)
  }

  limitTo(chunk: Chunk, items: number): number {
    return this.chunks.limitTo(chunk, items)
  }

  started(chunk: Chunk): number | undefined {
    return this.chunks.started(chunk)
  }

  interrupt(chunk: Chunk): void {
    this.chunks.interrupt(chunk)
  }

  init(hook: Hook): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.hooks.init(hook)
  }

  interruptInit(): void {
    this.hooks.interruptInit()
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return this.hooks.exit(hook)
  }

  close(timeout: number | undefined): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    return this.hooks.close(timeout)
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /** Nothing is asked of it any more. */
  private release(): void {
    this.isStopped = true
    this.addresses.close()
    this.begin.stop()
  }

  /** Something in it does not yield: whoever waits for it is told at once, however long its end takes (C4). */
  private giveUp(cause: Error, inHand: ReadonlyMap<Chunk, InHand>): void {
    if (this.closed !== undefined) return
    const killing = Effect.runFork(this.connection.kill)
    this.end({ cause }, true, inHand, Effect.asVoid(Fiber.await(killing)))
  }

  /** The worker vanished: says why, and what it had of every chunk (F1). */
  private onClosed(told: Closed): void {
    if (this.closed !== undefined) return
    const closed = told.cause === undefined ? { ...told, cause: this.uncaught } : told
    const { loading } = this.chunks
    const inHand = this.chunks.lose()
    if (loading !== undefined && closed.signal === undefined) {
      // the module did it, and would again
      const cause = closed.cause ?? new Error(`The task's module ended the worker, with exit code ${closed.exitCode}`)
      const hand = inHand.get(loading)!
      inHand.set(loading, { ...hand, failure: errors.startFailed(this.options.worker, cause) })
    }
    this.end(closed, false, inHand, Effect.void)
  }

  private end(closed: Closed, killed: boolean, inHand: ReadonlyMap<Chunk, InHand>, ended: Effect.Effect<void>): void {
    this.closed = closed
    const { isStopped } = this
    this.release()
    // whoever waits for a hook is told last: that may start the slot's next worker
    const wasThere = killed || this.begin.isReady || closed.signal !== undefined
    if (!isStopped && wasThere) this.options.onLost({ closed, killed, inHand, ended })
    this.begin.ended(closed)
    this.hooks.ended(errors.workerLost(this.options.worker, closed))
  }

  // ---------------------------------------------------------------------------
  // Channel
  // ---------------------------------------------------------------------------

  private send(message: protocol.ToWorker, transfers?: Array<Transferable>): void {
    if (this.closed === undefined) this.connection.send(message, transfers)
  }

  private handle(message: protocol.FromWorker): void {
    if (this.closed !== undefined) return
    switch (message._tag) {
      case "Ready":
        this.begin.ready()
        return this.updateBusy()
      case "Results":
        return this.chunks.results(message)
      case "NotLoaded":
        return this.chunks.notLoaded(message.chunk, failure.decode(message.cause))
      case "Initialised":
      case "Exited":
      case "Closed":
        return this.hooks.replied(message.result)
      case "Uncaught":
        this.uncaught = failure.decode(message.cause)
    }
  }

  /** A worker that has nothing to do does not keep the process alive (F5). */
  private updateBusy(): void {
    this.connection.setBusy(!this.begin.isReady || this.chunks.size > 0 || this.hooks.isAsking)
  }
}
