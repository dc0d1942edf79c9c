/**
 * Opens channels to new child processes.
 */
import type { Connection } from "@effect-mpire/core/Channel"
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import type { Socket } from "node:net"
import { fileURLToPath } from "node:url"
import type { Relayed } from "../NodeRelay.ts"
import type { ProcessOptions } from "../NodeWorkerRuntime.ts"
import { Awake } from "./awake.ts"
import * as control from "./control.ts"
import * as cpus from "./cpus.ts"
import { asideFd, fromWorkerFd, lifelineFd, taskFd, toWorkerFd } from "./descriptors.ts"
import { Ending } from "./ending.ts"
import { FrameReader } from "./frames.ts"
import { check } from "./options.ts"
import * as output from "./output.ts"
import { Pipe } from "./pipe.ts"
import { marker, type ProcessSettings } from "./settings.ts"
import { attempt, file, inheritedArgv } from "./start.ts"
import { clearTimeout, setImmediate, setTimeout } from "./timers.ts"
import { ofProcess } from "./unwritten.ts"
import * as usage from "./usage.ts"

/** How long a process may take to end by itself once it was told to, in milliseconds. */
const grace = 1_000

/** How long to wait for the next of the last messages of a process that has ended, in milliseconds. */
const lastMessages = 200

/** How many of its last messages are waited for at most: something else that it has started may go on for ever. */
const mostMessages = 100

/** Starts a process that shares `controls` numbers; the Scope ends it. Fails with what starting it fails with. */
export const open = (
  worker: WorkerIdentity,
  controls: number,
  options: ProcessOptions
): Effect.Effect<Connection, unknown, Scope.Scope> =>
  Effect.map(openProcess(worker, controls, options, undefined), (child) => child.connection)

/** The same, where what crosses stays bytes at this end. */
export const openRelayed = (
  worker: WorkerIdentity,
  controls: number,
  options: ProcessOptions,
  maxMessageSize: number
): Effect.Effect<Relayed, unknown, Scope.Scope> =>
  Effect.map(openProcess(worker, controls, options, maxMessageSize), (child) => child.relayed)

const openProcess: (
  worker: WorkerIdentity,
  controls: number,
  options: ProcessOptions,
  maxMessageSize: number | undefined
) => Effect.Effect<Process, unknown, Scope.Scope> = Effect.fnUntraced(
  function* (worker, controls, options, maxMessageSize) {
    yield* check(options)
    // acquired before the process, and so closed after its end: until then its numbers can be read
    const numbers = controls === 0 ? undefined : yield* openControl(controls)
    const taking = yield* output.taking(worker, options.output)
    const settings: ProcessSettings = {
      [marker]: true,
      compileCache: options.compileCache ?? true,
      control: numbers !== undefined,
      reads: taking.reads,
      ...(maxMessageSize === undefined ? {} : { maxMessageSize })
    }
    const command = yield* cpus.pinned(options.cpus, worker.id, yield* commandOf(options, settings))
    return yield* Effect.acquireRelease(start(command, options, numbers, taking), (child) => child.end)
  }
)

const openControl = (numbers: number) =>
  Effect.acquireRelease(
    attempt(() => control.makeFile(numbers)),
    (file) => Effect.sync(() => file.close())
  )

const commandOf = (options: ProcessOptions, settings: ProcessSettings): Effect.Effect<cpus.Command, unknown> =>
  attempt(() => [
    process.execPath,
    ...(options.execArgv ?? withoutProgram(inheritedArgv())),
    fileURLToPath(file(options.entry)),
    JSON.stringify(settings)
  ])

/** Leaves out options that hold the text of a main program, and the inspector's, whose port this process has taken. */
export const withoutProgram = (execArgv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isDropped = (option: string) =>
    /^(?:-e|-p|-pe|--eval|--print|--inspect[-a-z]*|--debug-port)(?:=|$)/.test(option)
  const takesNext = (option: string) => /^(?:-e|-p|-pe|--eval|--print|--inspect-port|--debug-port)$/.test(option)
  return execArgv.filter((option, index) => {
    const before = execArgv[index - 1]
    // a value never begins with a dash
    const isValue = before !== undefined && takesNext(before) && !option.startsWith("-")
    return !isDropped(option) && !isValue
  })
}

const start = (
  [file, ...args]: cpus.Command,
  options: ProcessOptions,
  numbers: control.ControlFile | undefined,
  { reads, take }: output.Taking
): Effect.Effect<Process, unknown> =>
  Effect.callback((resume) => {
    let child: ChildProcess
    const out = (isRead: boolean) => (isRead ? "pipe" : "inherit")
    try {
      child = spawn(file, args, {
        stdio: [
          "ignore",
          out(reads.stdout),
          out(reads.stderr),
          "pipe",
          numbers?.fd ?? "ignore",
          "pipe",
          "pipe",
          "pipe",
          "pipe"
        ],
        // gives tasks a `process.send`. This end is no IPC channel: what they send cannot harm whoever does not read it
        env: { ...(options.env ?? process.env), NODE_CHANNEL_FD: String(taskFd) },
        ...(options.cwd === undefined ? {} : { cwd: options.cwd })
      })
    } catch (cause) {
      return resume(Effect.fail(cause))
    }
    // the new Process listens at once: by the time this fiber goes on, the process may have ended
    if (child.pid !== undefined) {
      return resume(Effect.succeed(new Process(child, numbers, take(child))))
    }
    child.once("error", (cause) => {
      // when no file descriptors are left, Node fails before it has made these
      const streams: ChildProcess["stdio"] | undefined = child.stdio
      for (const stream of streams ?? []) stream?.destroy()
      resume(Effect.fail(whyNot(options, cause)))
    })
  })

/** Mends an error of Node's: when the directory is missing, it says that the program is. */
const whyNot = ({ cwd }: ProcessOptions, cause: Error): Error =>
  cwd === undefined || existsSync(cwd) ? cause : new Error(`There is no directory ${String(cwd)}`, { cause })

class Process {
  private readonly child: ChildProcess
  /** A pipe that breaks when this process ends, whereupon the child ends too (F5). */
  private readonly lifeline: Socket
  private readonly incoming: Socket
  private readonly outgoing: Socket
  /** What it writes to stdout and stderr, where this process reads that. */
  private readonly output: ReadonlyArray<Socket>
  private readonly pipe: Pipe
  private readonly aside: Socket
  private readonly awake = new Awake()
  private readonly ending: Ending
  private isUsed = false
  /** Why it had to be killed. */
  private cause: unknown = undefined
  private readonly control: control.ControlFile | undefined

  constructor(child: ChildProcess, control: control.ControlFile | undefined, taken: output.Taken) {
    this.child = child
    const streamOf = (fd: number) => (child.stdio as ReadonlyArray<unknown>)[fd] as Socket
    this.lifeline = streamOf(lifelineFd)
    this.incoming = streamOf(fromWorkerFd)
    this.outgoing = streamOf(toWorkerFd)
    this.aside = streamOf(asideFd)
    const kill = () => void child.kill("SIGKILL")
    const output = ofProcess(this.lifeline, taken.letFlow)
    const setBusy = (busy: boolean) => this.setBusy(busy)
    this.ending = new Ending({ grace, kill, setBusy, output })
    this.pipe = new Pipe({ incoming: this.incoming, outgoing: this.outgoing }, (cause) => {
      this.cause = cause
      kill()
    })
    this.control = control
    for (const stream of [this.lifeline, this.outgoing, streamOf(taskFd), this.aside]) {
      stream.on("error", () => {})
      stream.unref()
    }
    // of a process that inherits this one's, there are none
    this.output = [child.stdout, child.stderr].flatMap((stream) => (stream === null ? [] : [stream as Socket]))
    for (const stream of this.output) stream.unref()
    streamOf(taskFd).resume()
    // ignores, for example, that a signal could not be sent: the process is ending anyway
    child.on("error", () => {})
    child.once("exit", (exitCode, signal) => {
      this.lifeline.destroy()
      // else what waits for who reads this process's output seems to be nothing
      taken.letFlow()
      this.afterLastMessage(() => {
        // something else may hold the pipes open, such as a process that the task started
        const ours = [this.incoming, this.outgoing, this.aside, streamOf(taskFd)]
        for (const stream of [...ours, ...this.output]) stream.destroy()
        taken.end()
        const closed = { exitCode: exitCode ?? undefined, signal: signal ?? undefined }
        this.ending.end(this.cause === undefined ? closed : { ...closed, cause: this.cause })
      })
    })
  }

  /** Waits for a process that was told to stop; one that was not, because nobody used it, is killed at once. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => (this.isUsed ? this.ending.wait : this.ending.kill))
  }

  /** Calls back when all that the process sent and wrote has been received, or when none has come for a while. */
  private afterLastMessage(done: () => void): void {
    const ours = this.isUsed ? [this.incoming, this.aside] : []
    const open = [...ours, ...this.output].filter(({ destroyed }) => !destroyed)
    let unclosed = open.length
    const closed = () => {
      if (--unclosed === 0) end()
    }
    let heard = 0
    const more = () => {
      if (++heard < mostMessages) timer.refresh()
    }
    const end = () => {
      clearTimeout(timer)
      for (const stream of open) stream.off("close", closed).off("data", more)
      // a whole turn of the event loop, at the end of which the process's handle has been closed too
      setImmediate(() => setImmediate(done))
    }
    const timer = setTimeout(end, lastMessages)
    if (unclosed === 0) end()
    else for (const stream of open) stream.once("close", closed).on("data", more)
  }

  private setBusy(busy: boolean): void {
    const method = busy ? "ref" : "unref"
    this.child[method]()
    this.incoming[method]()
  }

  get connection(): Connection {
    const { control } = this
    return {
      send: (message) => this.pipe.send(message),
      receive: (handler, unreadable) => {
        this.isUsed = true
        this.pipe.receive(this.awake.handler(handler), unreadable)
        // what cannot be read here comes by the channel too, or is lost with the process
        const reader = new FrameReader({ message: handler, unreadable: () => {}, malformed: () => {} })
        this.aside.on("data", (part: Buffer) => reader.push(part))
      },
      closed: (handler) => this.ending.onEnd(handler),
      kill: this.ending.kill,
      setBusy: (busy) => this.ending.setBusy(busy),
      control,
      moves: false,
      stayAwake: () => this.awake.expectMessage(),
      check: this.pipe.check,
      inspect: this.pipe.inspect,
      usage: usage.ofProcess(this.child.pid)
    }
  }

  get relayed(): Relayed {
    return {
      send: (bytes) => {
        if (this.outgoing.writable) this.outgoing.write(bytes)
      },
      receive: (handler) => {
        this.isUsed = true
        this.incoming.on("data", (bytes: Buffer) => handler(bytes, "channel"))
        this.aside.on("data", (bytes: Buffer) => handler(bytes, "aside"))
      },
      closed: (handler) => this.ending.onEnd(handler),
      kill: this.ending.kill,
      control: this.control,
      readNumbers: this.control?.readAll
    }
  }
}
