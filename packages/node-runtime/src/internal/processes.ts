/**
 * Opens channels to new child processes.
 */
import type { Closed, Connection, Control } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import type { Socket } from "node:net"
import { fileURLToPath } from "node:url"
import type { ProcessOptions } from "../NodeWorkerRuntime.ts"
import { Awake } from "./awake.ts"
import * as control from "./control.ts"
import * as cpus from "./cpus.ts"
import { checkFor } from "./serializers.ts"
import { type Envelope, isEnvelope, lifelineFd, type Settings } from "./envelope.ts"
import { entry, inheritedArgv } from "./start.ts"

/** How long a process may take to end by itself once it was told to, in milliseconds; then it is killed. */
const grace = 1_000

/** How long the last messages of a process may take to arrive once it has ended, in milliseconds. */
const lastMessages = 200

/** Starts a process; the Scope ends it. Fails with what starting it fails with. */
export const open: (
  identity: WorkerIdentity,
  controls: number,
  options: ProcessOptions
) => Effect.Effect<Connection, unknown, Scope.Scope> = Effect.fnUntraced(function* (identity, controls, options) {
  // its numbers can be read until the Scope closes
  const numbers = controls === 0 ? undefined : yield* openControl(controls)
  const settings: Settings = {
    compileCache: options.compileCache ?? true,
    control: numbers !== undefined,
    serialization: serializationOf(options)
  }
  const command = yield* cpus.pinned(options.cpus, identity.id, yield* commandOf(options, settings))
  const child = yield* Effect.acquireRelease(start(command, options, numbers), (child) => child.end)
  return child.connection
})

const serializationOf = (options: ProcessOptions) => options.serialization ?? "advanced"

const openControl = (numbers: number) =>
  Effect.acquireRelease(
    Effect.mapError(
      Effect.try(() => control.makeFile(numbers)),
      ({ cause }) => cause
    ),
    (file) => Effect.sync(() => file.close())
  )

const commandOf = (options: ProcessOptions, settings: Settings): Effect.Effect<cpus.Command, unknown> =>
  Effect.try((): cpus.Command => [
    process.execPath,
    ...(options.execArgv ?? withoutProgram(inheritedArgv())),
    fileURLToPath(options.entry ?? entry()),
    JSON.stringify(settings)
  ]).pipe(Effect.mapError(({ cause }) => cause))

/** Without the text of a main program, and without the inspector, whose port is taken. */
export const withoutProgram = (execArgv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isDropped = (option: string) =>
    /^(?:-e|-p|-pe|--eval|--print|--inspect[-a-z]*|--debug-port)(?:=|$)/.test(option)
  const takesNext = (option: string) => /^(?:-e|-p|-pe|--eval|--print|--inspect-port|--debug-port)$/.test(option)
  return execArgv.filter((option, place) => {
    const before = execArgv[place - 1]
    // a value never begins with a dash
    const isValue = before !== undefined && takesNext(before) && !option.startsWith("-")
    return !isDropped(option) && !isValue
  })
}

const start = (
  [file, ...args]: cpus.Command,
  options: ProcessOptions,
  numbers: control.ControlFile | undefined
): Effect.Effect<Process, unknown> =>
  Effect.callback((resume) => {
    let child: ChildProcess
    try {
      child = spawn(file, args, {
        stdio: ["ignore", "inherit", "inherit", "ipc", numbers?.fd ?? "ignore", "pipe"],
        serialization: serializationOf(options),
        ...(options.env === undefined ? {} : { env: options.env }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd })
      })
    } catch (cause) {
      return resume(Effect.fail(cause))
    }
    // at once, because this fiber may go on only when the process has ended already
    if (child.pid !== undefined) return resume(Effect.succeed(new Process(child, options, numbers)))
    child.once("error", (cause) => {
      if (child.connected) child.disconnect()
      // without file descriptors left, Node gives up before it has made these
      const streams: ChildProcess["stdio"] | undefined = child.stdio
      for (const stream of streams ?? []) stream?.destroy()
      resume(Effect.fail(whyNot(options, cause)))
    })
  })

/** Node says of a directory that is missing that the program is. */
const whyNot = ({ cwd }: ProcessOptions, cause: Error): Error =>
  cwd === undefined || existsSync(cwd) ? cause : new Error(`There is no directory ${String(cwd)}`, { cause })

class Process {
  private readonly child: ChildProcess
  private readonly control: Control | undefined
  private readonly check: (value: unknown) => void
  /** Ends when this process does, and is watched in the other. */
  private readonly lifeline: Socket
  private readonly ended: Promise<void>
  private readonly listeners: Array<(closed: Closed) => void> = []
  private readonly early: Array<unknown> = []
  private receiver: ((message: unknown) => void) | undefined = undefined
  private readonly awake = new Awake()
  private wasSpokenTo = false
  private closed: Closed | undefined = undefined

  constructor(child: ChildProcess, options: ProcessOptions, control: Control | undefined) {
    this.child = child
    this.control = control
    this.check = checkFor(serializationOf(options))
    this.lifeline = (child.stdio as ReadonlyArray<unknown>)[lifelineFd] as Socket
    this.lifeline.on("error", () => {})
    this.lifeline.unref()
    // a signal that cannot be sent, to a process that is ending
    child.on("error", () => {})
    child.on("message", (envelope) => this.handle(envelope))
    this.ended = new Promise((resolve) => {
      child.once("exit", (exitCode, signal) => {
        this.lifeline.destroy()
        this.handedOn(() => {
          this.close({ exitCode: exitCode ?? undefined, signal: signal ?? undefined })
          resolve()
        })
      })
    })
  }

  /** Calls back when all that the process sent has been handed on, or should have been. */
  private handedOn(done: () => void): void {
    let isDone = false
    const once = () => {
      if (isDone) return
      isDone = true
      clearTimeout(timer)
      // messages are read after timers, and what has ended is closed for good after that
      setImmediate(() => setImmediate(done))
    }
    const timer = setTimeout(once, lastMessages)
    if (this.child.connected) this.child.once("disconnect", once)
    else once()
  }

  private handle(envelope: unknown): void {
    if (!isEnvelope(envelope) || this.closed !== undefined) return
    this.awake.rest()
    if (this.receiver === undefined) this.early.push(envelope.mpire)
    else this.receiver(envelope.mpire)
  }

  private close(closed: Closed): void {
    this.closed = closed
    // something else may hold the channel open, such as a process that the task started
    if (this.child.connected) this.child.disconnect()
    for (const listener of this.listeners) listener(closed)
  }

  private setBusy(busy: boolean): void {
    const method = busy ? "ref" : "unref"
    this.child[method]()
    this.child.channel?.[method]()
  }

  private readonly kill: Effect.Effect<void> = Effect.promise(async () => {
    this.setBusy(true)
    this.child.kill("SIGKILL")
    await this.ended
  })

  /** Waits for a process that was told to stop; one that does not end is killed. */
  readonly end: Effect.Effect<void> = Effect.promise(async () => {
    if (this.closed !== undefined) return
    // nobody came to use it, as when its start was interrupted, so nobody has told it to stop
    if (!this.wasSpokenTo) this.child.kill("SIGKILL")
    this.setBusy(true)
    const timer = setTimeout(() => this.child.kill("SIGKILL"), grace)
    await this.ended
    clearTimeout(timer)
  })

  get connection(): Connection {
    return {
      send: (message) => {
        if (!this.child.connected) return
        const envelope: Envelope = { mpire: message }
        this.wasSpokenTo = true
        // a process that has just ended is no error: it closes
        this.child.send(envelope, () => {})
      },
      receive: (handler) => {
        this.receiver = handler
        for (const message of this.early.splice(0)) handler(message)
      },
      closed: (handler) => {
        if (this.closed === undefined) this.listeners.push(handler)
        else handler(this.closed)
      },
      kill: this.kill,
      setBusy: (busy) => this.setBusy(busy),
      control: this.control,
      moves: false,
      stayAwake: () => this.awake.stay(),
      check: this.check
    }
  }
}
