/**
 * The pool's side of a worker that lives behind a channel.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Closed, Connection, Transferable } from "../Channel.ts"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Chunk, Code, Hook, StartOptions, Worker, WorkerRuntime } from "../WorkerRuntime.ts"
import * as codec from "./codec.ts"
import * as crossing from "./crossing.ts"
import * as failure from "./failure.ts"
import * as portable from "./portable.ts"
import type * as protocol from "./protocol.ts"

/** A runtime over channels that `open` opens. */
export const runtime = (options: {
  readonly name: string
  readonly open: (worker: WorkerIdentity) => Effect.Effect<Connection, unknown, Scope.Scope>
}): WorkerRuntime["Service"] => ({
  name: options.name,
  start: Effect.fnUntraced(function*(start: StartOptions) {
    const connection = yield* Effect.catch(options.open(start.worker), (cause) => startFailed(start.worker, cause))
    const worker = new RemoteWorker(connection, start)
    yield* Effect.addFinalizer(() => Effect.sync(() => worker.stop()))
    yield* worker.ready
    return worker as Worker
  })
})

type Reply = Deferred.Deferred<protocol.HookResult, WorkerPoolError.WorkerPoolError>

/** A chunk that the worker has, with what is needed to hand its outcomes on. */
interface Sent {
  readonly chunk: Chunk
  readonly codecs: codec.TaskCodecs
  /** The positions of the items that were sent, when not all were. */
  readonly positions: ReadonlyArray<number> | undefined
}

class RemoteWorker implements Worker {
  private readonly identity: WorkerIdentity
  private readonly options: StartOptions
  private readonly connection: Connection
  private readonly started: Deferred.Deferred<void, WorkerPoolError.WorkerPoolError> = Deferred.makeUnsafe()
  private readonly references = new Map<string, protocol.Reference>()
  private readonly chunks = new Map<number, Sent>()
  private readonly ids = new Map<Chunk, number>()
  private readonly forgetCollected: () => void
  private reply: Reply | undefined = undefined
  private nextReference = 0
  private nextChunk = 0
  private isReady = false
  private isStopped = false
  /** Whether a hook has run there, so that there may be finalizers. */
  private hasScope = false
  private closed: Closed | undefined = undefined

  constructor(connection: Connection, options: StartOptions) {
    this.connection = connection
    this.options = options
    this.identity = options.worker
    this.forgetCollected = portable.listenCollected((key) => this.forget(key))
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
    this.forgetCollected()
    this.send({ _tag: "Stop" })
  }

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.isStopped = true
    this.forgetCollected()
    return this.connection.kill
  })

  // ---------------------------------------------------------------------------
  // Hooks
  // ---------------------------------------------------------------------------

  init(hook: Hook): Effect.Effect<void, WorkerPoolError.WorkerPoolError> {
    const { services } = this.options
    if (services === undefined && hook.code === undefined) return Effect.void
    const worker = this.identity
    return Effect.asVoid(this.ask(
      () => ({
        _tag: "Init",
        services: services && this.define(services),
        hook: hook.code && this.define(hook.code),
        timeout: hook.timeout
      }),
      (cause) => new WorkerPoolError.InitFailed({ worker, cause }),
      () => new WorkerPoolError.InitTimedOut({ worker })
    ))
  }

  interruptInit(): void {
    if (this.reply !== undefined) this.send({ _tag: "InterruptInit" })
  }

  exit(hook: Hook): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const { code, timeout } = hook
    if (code === undefined) return Effect.succeed(undefined)
    const worker = this.identity
    return this.ask(
      () => ({ _tag: "Exit", hook: this.define(code), timeout }),
      (cause) => new WorkerPoolError.ExitFailed({ worker, cause }),
      () => new WorkerPoolError.ExitTimedOut({ worker })
    )
  }

  readonly close: Effect.Effect<void, WorkerPoolError.WorkerPoolError> = Effect.suspend(() => {
    if (!this.hasScope || this.closed !== undefined) return Effect.void
    const worker = this.identity
    return Effect.asVoid(this.ask(
      () => ({ _tag: "Close" }),
      (cause) => new WorkerPoolError.ExitFailed({ worker, cause }),
      () => new WorkerPoolError.ExitTimedOut({ worker })
    ))
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
  // Chunks
  // ---------------------------------------------------------------------------

  run(chunk: Chunk): void {
    const { schemas } = portable.definition(chunk.task)
    const codecs = schemas === undefined ? noCodecs : codec.fromSchemas(schemas)
    const id = this.nextChunk++
    let task: protocol.Reference
    try {
      task = this.define(chunk.task)
    } catch (cause) {
      return chunk.onEnd(crossing.notSerializable("input", undefined, cause))
    }
    const send = (items: ReadonlyArray<unknown>, transfers: Array<Transferable>) =>
      this.send({
        _tag: "Run",
        chunk: id,
        task,
        items,
        encoded: schemas !== undefined,
        timeout: chunk.timeout,
        discard: chunk.discard
      }, transfers)
    this.ids.set(chunk, id)
    if (codecs.input === undefined) {
      try {
        send(chunk.items, [])
        return this.sent(id, { chunk, codecs, positions: undefined })
      } catch { /* some item cannot be cloned: find out which */ }
    }
    const items: Array<unknown> = []
    const positions: Array<number> = []
    const transfers: Array<Transferable> = []
    chunk.items.forEach((item, position) => {
      try {
        items.push(codecs.input === undefined ? cloneable(item) : codecs.input.encode(item, transfers))
        positions.push(position)
      } catch (cause) {
        chunk.onFailure(position, Cause.fail(crossing.notSerializable("input", chunk.indices[position], cause)))
      }
    })
    if (items.length === 0) return this.notSent(chunk)
    try {
      send(items, transfers)
      this.sent(id, { chunk, codecs, positions })
    } catch (cause) {
      for (const position of positions) {
        chunk.onFailure(position, Cause.fail(crossing.notSerializable("input", chunk.indices[position], cause)))
      }
      this.notSent(chunk)
    }
  }

  interrupt(chunk: Chunk): void {
    const id = this.ids.get(chunk)
    if (id !== undefined) this.send({ _tag: "Interrupt", chunk: id })
  }

  private sent(id: number, sent: Sent): void {
    this.chunks.set(id, sent)
    this.updateBusy()
  }

  private notSent(chunk: Chunk): void {
    this.ids.delete(chunk)
    chunk.onEnd(undefined)
  }

  private ended(id: number, error: WorkerPoolError.WorkerPoolError | undefined): void {
    const sent = this.chunks.get(id)
    if (sent === undefined) return
    this.chunks.delete(id)
    this.ids.delete(sent.chunk)
    this.updateBusy()
    sent.chunk.onEnd(error)
  }

  private results(message: protocol.Results): void {
    const sent = this.chunks.get(message.chunk)
    if (sent === undefined) return
    const { chunk, codecs, positions } = sent
    const { count, from, others, values } = message
    let other = 0
    const inOrder = others.length > 1 ? [...others].sort(([left], [right]) => left - right) : others
    for (let offset = 0; offset < count; offset++) {
      const position = positions === undefined ? from + offset : positions[from + offset]!
      if (inOrder[other]?.[0] === offset) this.other(chunk, position, inOrder[other++]![1], codecs)
      else if (codecs.output === undefined || chunk.discard) chunk.onSuccess(position, values[offset])
      else this.decoded(chunk, position, values[offset], codecs.output)
    }
    if (message.ended) this.ended(message.chunk, undefined)
  }

  private decoded(chunk: Chunk, position: number, value: unknown, output: codec.Codec): void {
    let decoded: unknown
    try {
      decoded = output.decode(value)
    } catch (cause) {
      return chunk.onFailure(
        position,
        Cause.fail(crossing.notSerializable("output", chunk.indices[position], cause))
      )
    }
    chunk.onSuccess(position, decoded)
  }

  private other(chunk: Chunk, position: number, outcome: protocol.Outcome, codecs: codec.TaskCodecs): void {
    const index = chunk.indices[position]!
    switch (outcome._tag) {
      case "Error":
        return chunk.onSuccess(position, failure.decode(outcome.value))
      case "Failure":
        return chunk.onFailure(position, crossing.decodeCause(outcome.reasons, index, codecs.error))
      case "NotSerializable": {
        const cause = failure.decode(outcome.cause)
        return chunk.onFailure(position, Cause.fail(crossing.notSerializable(outcome.direction, index, cause)))
      }
      case "TimedOut": {
        const timedOut = new WorkerPoolError.TaskTimedOut({ index, worker: this.identity })
        return chunk.onFailure(position, Cause.fail(WorkerPoolError.make(timedOut)))
      }
    }
  }

  // ---------------------------------------------------------------------------
  // Addresses
  // ---------------------------------------------------------------------------

  /** The number by which the worker knows the code, which it is told first when it does not. Throws what cannot be cloned. */
  private define(code: Code): protocol.Reference {
    return this.defineAddress(portable.definition(code).address as portable.Remote)
  }

  private defineAddress(address: portable.Remote): protocol.Reference {
    const key = portable.key(address)
    const known = this.references.get(key)
    if (known !== undefined) return known
    const reference = this.nextReference++
    const described: protocol.Described = address._tag === "Bound"
      ? { _tag: "Bound", target: this.defineAddress(address.target), value: address.value }
      : address
    this.send({ _tag: "Define", reference, address: described })
    this.references.set(key, reference)
    return reference
  }

  private forget(key: string): void {
    const reference = this.references.get(key)
    if (reference === undefined) return
    this.references.delete(key)
    this.send({ _tag: "Forget", reference })
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
        return this.results(message)
      case "NotLoaded":
        return this.ended(
          message.chunk,
          WorkerPoolError.make(
            new WorkerPoolError.StartFailed({ worker: this.identity, cause: failure.decode(message.cause) })
          )
        )
      case "Initialised":
      case "Exited":
      case "Closed":
        return this.endReply(Exit.succeed(message.result))
    }
  }

  private onClosed(closed: Closed): void {
    this.closed = closed
    this.forgetCollected()
    if (!this.isReady) Deferred.doneUnsafe(this.started, startFailed(this.identity, whyClosed(closed)))
    this.endReply(Exit.fail(this.lost(closed)))
    if (this.isReady && !this.isStopped) this.options.onLost(closed)
  }

  private lost(closed: Closed): WorkerPoolError.WorkerPoolError {
    const { cause, exitCode, signal } = closed
    return WorkerPoolError.make(
      new WorkerPoolError.WorkerLost({ worker: this.identity, exitCode, signal, cause, indices: [] })
    )
  }

  /** A worker that has nothing to do does not keep the process alive. */
  private updateBusy(): void {
    this.connection.setBusy(!this.isReady || this.chunks.size > 0 || this.reply !== undefined)
  }
}

const noCodecs: codec.TaskCodecs = { input: undefined, output: undefined, error: undefined }

const startFailed = (
  worker: WorkerIdentity,
  cause: unknown
): Effect.Effect<never, WorkerPoolError.WorkerPoolError> =>
  Effect.fail(WorkerPoolError.make(new WorkerPoolError.StartFailed({ worker, cause })))

const whyClosed = (closed: Closed): unknown =>
  closed.cause ?? new Error(`The worker ended before it was ready, with exit code ${closed.exitCode ?? "unknown"}`)

/** Throws when the value cannot be cloned. */
const cloneable = (value: unknown): unknown => {
  structuredClone(value)
  return value
}
