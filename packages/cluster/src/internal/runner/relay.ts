/**
 * One worker of a runner: passes on what the worker and its pool say to each other. The connection's end is the worker's (K2).
 */
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import type { NodeRelay } from "@effect-mpire/node-runtime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { clearInterval, setInterval } from "../common/timers.ts"
import { type Kind, kinds, ProtocolError } from "../frames/frame.ts"
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import * as numbers from "../link/numbers.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"

/** How often numbers that have changed are sent, in milliseconds. */
const numbersEvery = 25

/** Starts a worker of this machine. */
export type Open = (worker: WorkerIdentity, controls: number) => Effect.Effect<NodeRelay.Relayed, unknown, Scope.Scope>

const readWord = words.reader(words.FromDriver)

interface RelayEvents {
  /** The worker takes items: its `init` has ended. */
  readonly ready: () => void
  /** Called, once, when the worker has ended, or could not be started. */
  readonly end: () => void
}

export class Relay {
  private readonly link: Link
  private readonly beats: Beats
  private readonly scope = Scope.makeUnsafe()
  private readonly controls: number
  private readonly on: RelayEvents
  private worker: NodeRelay.Relayed | undefined = undefined
  private changes: numbers.Changes | undefined = undefined
  /** What has arrived for a worker that has not been started yet. */
  private early: Array<() => void> | undefined = []
  private readonly starting: Promise<void>
  private ended: Promise<void> | undefined = undefined
  private isGone = false

  constructor(link: Link, beats: Beats, hello: words.Hello, open: Open, on: RelayEvents) {
    this.link = link
    this.beats = beats
    this.on = on
    const { controls, grant: _, ...worker } = hello.worker!
    this.controls = controls
    link.receive((kind, bytes) => this.receive(kind, bytes))
    link.closed(() => void this.kill())
    this.starting = this.start(open(worker, controls))
  }

  askBack(): void {
    this.link.say({ _tag: "Unwanted" }, true)
  }

  /** Kills the worker; resolves when it has ended and its slot is free. */
  kill(): Promise<void> {
    this.isGone = true
    // of one that is being started, the start ends with its scope
    if (this.worker !== undefined) void Effect.runPromise(this.worker.kill)
    return this.close()
  }

  private async start(open: Effect.Effect<NodeRelay.Relayed, unknown, Scope.Scope>): Promise<void> {
    const exit = await Effect.runPromiseExit(Scope.provide(open, this.scope))
    if (Exit.isFailure(exit)) {
      this.link.say({ _tag: "NotStarted", cause: words.tell(Cause.squash(exit.cause)) })
      this.link.end()
      return void this.close()
    }
    const worker = exit.value
    this.worker = worker
    worker.closed(({ cause, exitCode, signal }) => {
      this.sendNumbers(true)
      this.link.say({
        _tag: "Ended",
        exitCode,
        signal,
        ...(cause === undefined ? {} : { cause: words.tell(cause) })
      })
      this.link.end()
      void this.close()
    })
    worker.receive((bytes, way) => this.link.send(way === "channel" ? kinds.data : kinds.aside, bytes))
    if (worker.control !== undefined) this.watchNumbers(worker.control)
    const early = this.early!
    this.early = undefined
    for (const handle of early) handle()
    if (this.isGone) void Effect.runPromise(worker.kill)
  }

  private watchNumbers(control: NonNullable<NodeRelay.Relayed["control"]>): void {
    this.changes = new numbers.Changes(control, this.controls)
    const timer = setInterval(() => this.sendNumbers(false), numbersEvery)
    timer.unref()
    this.link.onRelease(() => clearInterval(timer))
  }

  private sendNumbers(final: boolean): void {
    const changed = this.changes?.take(final) ?? []
    if (changed.length === 0) return
    // the last ones come after all that the worker sent
    if (final) this.link.send(kinds.numbers, numbers.encode(changed))
    else this.link.sendUrgent(kinds.numbers, numbers.encode(changed))
  }

  private receive(kind: Kind, bytes: Buffer): void {
    if (vigil.take(this.link, this.beats, kind, bytes, false)) return
    switch (kind) {
      case kinds.data:
        return this.forWorker(bytes, (bytes) => this.worker?.send(bytes))
      case kinds.numbers: {
        const pairs: Array<readonly [number, number]> = []
        numbers.decode(bytes, this.controls, (...pair) => pairs.push(pair))
        return this.forWorker(pairs, (pairs) => {
          for (const [index, value] of pairs) this.worker?.control?.set(index, value)
        })
      }
      case kinds.word:
        return this.word(readWord(bytes))
      default:
        throw new ProtocolError("A frame has arrived that drivers do not send")
    }
  }

  private word(word: words.FromDriver): void {
    if (word._tag === "Ready") return this.on.ready()
    // in the order of what came before: the pool's last message asks the worker to end
    if (word._tag === "End") return this.forWorker(undefined, () => void this.close())
    void this.kill()
  }

  private forWorker<A>(value: A, handle: (value: A) => void): void {
    if (this.early === undefined) handle(value)
    else this.early.push(() => handle(value))
  }

  /** Waits for the worker's end, which is forced where it does not come by itself. */
  private close(): Promise<void> {
    this.ended ??= this.starting
      .then(() => Effect.runPromise(Scope.close(this.scope, Exit.void)))
      .then(() => {
        this.link.end()
        this.on.end()
      })
    return this.ended
  }
}
