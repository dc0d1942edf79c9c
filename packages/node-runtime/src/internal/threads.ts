/**
 * Opens channels to new worker threads.
 */
import type { Closed, Connection, Control } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Transferable, Worker } from "node:worker_threads"
import type { ThreadOptions } from "../NodeWorkerRuntime.ts"
import { Awake } from "./awake.ts"
import { sharedControl } from "./sharedControl.ts"
import { entry, inheritedArgv } from "./start.ts"

/** How long a thread may take to end by itself once it was told to, in milliseconds; then it is terminated. */
const grace = 100

/** Starts a thread; the Scope ends it. Fails with what starting it throws. */
export const open = (
  identity: WorkerIdentity,
  controls: number,
  options: ThreadOptions
): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try(() => {
      const shared = new Int32Array(new SharedArrayBuffer(controls * Int32Array.BYTES_PER_ELEMENT))
      return new Thread(start(identity, shared, options), sharedControl(shared))
    }),
    (thread) => thread.end
  ).pipe(
    Effect.mapBoth({
      onSuccess: (thread) => thread.connection,
      onFailure: (error) => error.cause
    })
  )

const start = (identity: WorkerIdentity, control: Int32Array, options: ThreadOptions): Worker => {
  const { env, resourceLimits } = options
  const execArgv = options.execArgv ?? threadArgv()
  return new Worker(options.entry ?? entry(), {
    name: options.name ?? `effect-mpire ${identity.id}`,
    workerData: { compileCache: options.compileCache ?? true, control },
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    ...(env === undefined ? {} : { env }),
    ...(resourceLimits === undefined ? {} : { resourceLimits })
  })
}

/**
 * What a thread is not to inherit as it is. Given explicitly, options of the whole process, such as
 * `--max-old-space-size`, would be errors, so they are given only where they must be.
 */
const threadArgv = (): ReadonlyArray<string> | undefined => {
  const inherited = inheritedArgv()
  return inherited.length === process.execArgv.length ? undefined : inherited
}

class Thread {
  private readonly worker: Worker
  readonly connection: Connection
  private readonly exited: Promise<void>
  private readonly listeners: Array<(closed: Closed) => void> = []
  private readonly awake = new Awake()
  private cause: unknown = undefined
  private closed: Closed | undefined = undefined

  constructor(worker: Worker, control: Control) {
    this.worker = worker
    this.connection = this.connect(control)
    this.exited = new Promise((resolve) => {
      worker.once("exit", (exitCode) => {
        this.closed = { exitCode, cause: this.cause }
        resolve()
        for (const listener of this.listeners) listener(this.closed)
      })
    })
    worker.on("error", (cause) => {
      this.cause = cause
    })
    // a message that cannot be read is lost, and so is what waits for it
    worker.on("messageerror", (cause) => {
      this.cause = cause
      void worker.terminate()
    })
  }

  /** Ends the thread now. */
  private readonly kill: Effect.Effect<void> = Effect.promise(async () => {
    this.worker.ref()
    await this.worker.terminate()
    await this.exited
  })

  /** Waits for a thread that was told to stop; one that something keeps running is terminated (F5). */
  readonly end: Effect.Effect<void> = Effect.promise(async () => {
    if (this.closed !== undefined) return
    this.worker.ref()
    const timer = setTimeout(() => void this.worker.terminate(), grace)
    await this.exited
    clearTimeout(timer)
  })

  private connect(control: Control): Connection {
    return {
      send: (message, transfers) => this.worker.postMessage(message, transfers as ReadonlyArray<Transferable>),
      receive: (handler) => {
        this.worker.on("message", (message) => {
          this.awake.rest()
          handler(message)
        })
      },
      closed: (handler) => {
        if (this.closed === undefined) this.listeners.push(handler)
        else handler(this.closed)
      },
      kill: this.kill,
      setBusy: (busy) => {
        if (busy) this.worker.ref()
        else this.worker.unref()
      },
      control,
      shares: true,
      stayAwake: () => this.awake.stay()
    }
  }
}
