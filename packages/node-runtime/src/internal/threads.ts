/**
 * Opens channels to new worker threads.
 */
import type { Connection, Control } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type Transferable,
  Worker,
  type WorkerOptions
} from "node:worker_threads"
import type { Relayed } from "../NodeRelay.ts"
import type { ThreadOptions } from "../NodeWorkerRuntime.ts"
import { Awake } from "./awake.ts"
import { Ending, type Output } from "./ending.ts"
import * as ports from "./ports.ts"
import { PortTurns } from "./portTurns.ts"
import * as output from "./output.ts"
import { check, invalidOption } from "./options.ts"
import { marker, type ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"
import { attempt, file, inheritedArgv } from "./start.ts"
import * as unsent from "./unsent.ts"
import * as usage from "./usage.ts"

/** How long a thread may take to end by itself once it was told to, in milliseconds. */
const grace = 100

/** Starts a thread that shares `controls` numbers; the Scope ends it. Fails with what starting it throws. */
export const open = (
  worker: WorkerIdentity,
  controls: number,
  options: ThreadOptions
): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.map(openThread(worker, controls, options, {}), connectionOf)

/** The same, where what crosses stays bytes at this end. */
export const openRelayed = (
  worker: WorkerIdentity,
  controls: number,
  options: ThreadOptions,
  maxMessageSize: number
): Effect.Effect<Relayed, unknown, Scope.Scope> =>
  Effect.map(openThread(worker, controls, options, { isRelayed: true, maxMessageSize }), (thread) =>
    relayedOf(thread, controls > 0)
  )

/** A thread that runs, and the pool's end of its channel. */
interface Thread {
  readonly port: MessagePort
  /** For what listens to the port and may take long over a message. */
  readonly turns: PortTurns
  readonly control: Control
  readonly readNumbers: (into: Int32Array) => void
  readonly ending: Ending
  /** Calls `receive` with what has arrived when the thread has ended, before the end is told. */
  readonly receive: (receive: (message: unknown) => void) => void
  readonly usage: Connection["usage"]
}

const openThread = (
  worker: WorkerIdentity,
  controls: number,
  options: ThreadOptions,
  extra: Partial<ThreadSettings>
): Effect.Effect<Thread, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    check(options).pipe(
      Effect.flatMap(() => output.taking(worker, options.output)),
      Effect.flatMap((taking) =>
        attempt(() => {
          const memory = new SharedArrayBuffer((controls + 1) * Int32Array.BYTES_PER_ELEMENT)
          const shared = new Int32Array(memory, 0, controls)
          const batches = new Int32Array(memory, shared.byteLength)
          const { port1, port2 } = new MessageChannel()
          try {
            const ends = { ...extra, control: shared, batches, port: port2, reads: taking.reads }
            const thread = start(worker, ends, options)
            return watch(thread, port1, shared, unsent.ofThread(thread, batches, taking))
          } catch (cause) {
            port1.close()
            throw cause
          }
        })
      )
    ),
    ({ ending }) => ending.wait
  )

const start = (
  { id }: WorkerIdentity,
  ends: Omit<ThreadSettings, typeof marker | "compileCache">,
  options: ThreadOptions
): Worker => {
  const { env, resourceLimits } = options
  if (options.spawn !== undefined && options.entry !== undefined) {
    const expected = "left out where `spawn` is given, which says what a thread runs"
    throw invalidOption("entry", options.entry, expected)
  }
  const execArgv = options.execArgv ?? threadArgv()
  const settings: ThreadSettings = { [marker]: true, compileCache: options.compileCache ?? true, ...ends }
  const spawn = options.spawn ?? ((workerOptions: WorkerOptions) => new Worker(file(options.entry), workerOptions))
  return spawn({
    name: options.name ?? `effect-mpire ${id}`,
    workerData: settings,
    transferList: [ends.port],
    // else what it writes goes to this thread's streams
    ...(ends.reads.stdout ? { stdout: true } : {}),
    ...(ends.reads.stderr ? { stderr: true } : {}),
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

const watch = (thread: Worker, port: MessagePort, shared: Int32Array, output: Output): Thread => {
  const control = sharedControl(shared)
  const turns = new PortTurns()
  const kill = () => void thread.terminate()
  const setBusy = (busy: boolean) => {
    const method = busy ? "ref" : "unref"
    thread[method]()
    port[method]()
  }
  const ending = new Ending({ grace, kill, setBusy, output })
  let cause: unknown = undefined
  let receive: (message: unknown) => void = () => {}
  thread.once("exit", (exitCode) => {
    turns.takeRest()
    readRest(port, receive)
    port.close()
    ending.end({ exitCode, cause })
  })
  thread.on("error", (error) => {
    cause = isItsFileMissing(error) ? notBundled(error) : error
  })
  const setReceive = (handler: (message: unknown) => void) => {
    receive = handler
  }
  const readNumbers = (into: Int32Array) => into.set(shared)
  return { port, turns, control, readNumbers, ending, receive: setReceive, usage: usage.ofThread(thread) }
}

const connectionOf = ({ control, ending, port, receive, turns, usage }: Thread): Connection => {
  const awake = new Awake()
  return {
    send: (message, transfers) => port.postMessage(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler, unreadable) => {
      const aware = awake.handler(handler)
      receive(aware)
      ports.receive(port, turns.listener(aware), turns.listener(unreadable))
    },
    closed: (handler) => ending.onEnd(handler),
    kill: ending.kill,
    setBusy: (busy) => ending.setBusy(busy),
    control,
    shares: true,
    stayAwake: () => awake.expectMessage(),
    inspect: ports.inspect,
    usage
  }
}

const relayedOf = ({ control, ending, port, readNumbers, receive }: Thread, shares: boolean): Relayed => ({
  // copied: what arrived with it lies in the same memory
  send: (bytes) => {
    const copy = new Uint8Array(bytes)
    port.postMessage(copy, [copy.buffer])
  },
  receive: (handler) => {
    const take = (bytes: unknown) => handler(bytes as Uint8Array, "channel")
    receive(take)
    ports.receive(port, take, () => {})
  },
  closed: (handler) => ending.onEnd(handler),
  kill: ending.kill,
  control: shares ? control : undefined,
  readNumbers: shares ? readNumbers : undefined
})

/** Whether Node found no file for the thread to run: what imports a file is named, but nothing imports this one. */
const isItsFileMissing = ({ code, requireStack }: Error & { code?: unknown; requireStack?: unknown }): boolean =>
  code === "MODULE_NOT_FOUND" && Array.isArray(requireStack) && requireStack.length === 0

/** `entry` is looked at before a thread starts, so that this is about what `spawn` names. */
const notBundled = (cause: Error): Error =>
  new Error(
    `${cause.message}: \`spawn\` is for bundlers that look for \`new Worker(new URL(…))\`. With others make the worker file ` +
      "an entry of its own, and name it by `entry`",
    { cause }
  )

/** Reads what a thread that has ended sent last; what cannot be read is lost with the thread. */
const readRest = (port: MessagePort, receive: (message: unknown) => void): void => {
  for (;;) {
    try {
      const received = receiveMessageOnPort(port)
      if (received === undefined) return
      receive(received.message)
    } catch {}
  }
}
