/**
 * Opens channels to new worker threads.
 */
import type { Connection, Control } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Transferable, Worker } from "node:worker_threads"
import type { ThreadOptions } from "../NodeWorkerRuntime.ts"
import { Awake } from "./awake.ts"
import { Ending } from "./ending.ts"
import type { ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"
import { attempt, entry, inheritedArgv } from "./start.ts"

/** How long a thread may take to end by itself once it was told to, in milliseconds. */
const grace = 100

/** Starts a thread that shares `controls` numbers; the Scope ends it. Fails with what starting it throws. */
export const open = (
  worker: WorkerIdentity,
  controls: number,
  options: ThreadOptions
): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(() => {
      const shared = new Int32Array(new SharedArrayBuffer(controls * Int32Array.BYTES_PER_ELEMENT))
      return connect(start(worker, shared, options), sharedControl(shared))
    }),
    ({ ending }) => ending.wait
  ).pipe(Effect.map(({ connection }) => connection))

const start = ({ id }: WorkerIdentity, control: Int32Array, options: ThreadOptions): Worker => {
  const { env, resourceLimits } = options
  const execArgv = options.execArgv ?? threadArgv()
  const settings: ThreadSettings = { compileCache: options.compileCache ?? true, control }
  return new Worker(options.entry ?? entry(), {
    name: options.name ?? `effect-mpire ${id}`,
    workerData: settings,
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    ...(env === undefined ? {} : { env }),
    ...(resourceLimits === undefined ? {} : { resourceLimits })
  })
}

/**
 * Node's options for a thread, if those of this process have one that is wrong for it; else undefined, so that it
 * inherits them: options that only a process can have, such as `--max-old-space-size`, must not be given to a thread.
 */
const threadArgv = (): ReadonlyArray<string> | undefined => {
  const inherited = inheritedArgv()
  return inherited.length === process.execArgv.length ? undefined : inherited
}

const connect = (thread: Worker, control: Control): { readonly connection: Connection; readonly ending: Ending } => {
  const awake = new Awake()
  const kill = () => void thread.terminate()
  const ending = new Ending({ grace, kill, ref: () => thread.ref() })
  let cause: unknown = undefined
  thread.once("exit", (exitCode) => ending.end({ exitCode, cause }))
  thread.on("error", (error) => {
    cause = error
  })
  // a message that cannot be read is lost: whoever waits for it would wait for ever
  thread.on("messageerror", (error) => {
    cause = error
    kill()
  })
  const connection: Connection = {
    send: (message, transfers) => thread.postMessage(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler) => void thread.on("message", awake.handler(handler)),
    closed: (handler) => ending.onEnd(handler),
    kill: ending.kill,
    setBusy: (busy) => {
      if (busy) thread.ref()
      else thread.unref()
    },
    control,
    shares: true,
    stayAwake: () => awake.expectMessage()
  }
  return { connection, ending }
}
