/**
 * One worker of a runner: passes on what the worker and its pool say to each other. The connection's end is the worker's (K2).
 */
import type { WorkerIdentity } from "@effect-mpire/core/WorkerPoolError"
import type { NodeRelay } from "@effect-mpire/node-runtime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { clearInterval, setImmediate, setInterval } from "../common/timers.ts"
import { type Kind, kinds, ProtocolError } from "../frames/frame.ts"
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import * as numbers from "../link/numbers.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"
import type { ArrivingBlobs } from "./arrivingBlobs.ts"
import type { Described } from "../modules/describe.ts"
import type { Resolve } from "../modules/resolve.ts"

/** How often numbers that have changed are sent, in milliseconds. */
const numbersEvery = 25

/** How many bytes of a large value a worker is given at once. */
const passedAtOnce = 4 * 1024 * 1024

/** Lets the event loop look at its sockets and timers. */
const nextTurn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Starts a worker of this machine. */
export type Open = (worker: WorkerIdentity, controls: number) => Effect.Effect<NodeRelay.Relayed, unknown, Scope.Scope>

/** What a relay is given. */
export interface Parts {
  readonly open: Open
  readonly blobs: ArrivingBlobs
  /** Finds a task module of this machine. */
  readonly resolve: (module: Described) => ReturnType<Resolve>
  /** The worker takes items: its `init` has ended. */
  readonly onReady: () => void
  /** Called, once, when the worker has ended, or could not be started. */
  readonly onEnd: () => void
}

const readWord = words.reader(words.FromDriver)

export class Relay {
  private readonly link: Link
  private readonly beats: Beats
  private readonly scope = Scope.makeUnsafe()
  private readonly controls: number
  private readonly onReady: () => void
  private readonly onEnd: () => void
  private readonly resolve: Parts["resolve"]
  private readonly blobs: ArrivingBlobs
  private worker: NodeRelay.Relayed | undefined = undefined
  private changes: numbers.Changes | undefined = undefined
  /** Whether what arrives has to wait: for the worker's start, or for a value that comes before it. */
  private isHeld = true
  private readonly held: Array<() => void> = []
  /** What waits for a value that the driver has named. */
  private fetching: Fiber.Fiber<void> | undefined = undefined
  private readonly starting: Promise<void>
  private ended: Promise<void> | undefined = undefined
  private isGone = false
  private isDrained = false

  constructor(link: Link, beats: Beats, hello: words.Hello, { blobs, onEnd, onReady, open, resolve }: Parts) {
    this.link = link
    this.beats = beats
    this.onReady = onReady
    this.onEnd = onEnd
    this.resolve = resolve
    this.blobs = blobs
    const { controls, grant: _, ...worker } = hello.worker!
    this.controls = controls
    link.receive((kind, bytes) => this.receive(kind, bytes))
    link.closed(() => void this.kill())
    this.starting = this.start(open(worker, controls))
  }

  askBack(): void {
    this.link.say({ _tag: "Unwanted" }, true)
  }

  /** Kills the worker because the runner is to end, which is no item's fault (K4). */
  killDrained(): Promise<void> {
    this.isDrained = true
    return this.kill()
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
        ...(this.isDrained ? { external: true } : {}),
        ...(cause === undefined ? {} : { cause: words.tell(cause) })
      })
      this.link.end()
      void this.close()
    })
    worker.receive((bytes, way) => this.link.send(way === "channel" ? kinds.data : kinds.aside, bytes))
    if (worker.readNumbers !== undefined) this.watchNumbers(worker.readNumbers)
    this.goOn()
    if (this.isGone) void Effect.runPromise(worker.kill)
  }

  private watchNumbers(readAll: NonNullable<NodeRelay.Relayed["readNumbers"]>): void {
    this.changes = new numbers.Changes(readAll, this.controls)
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
        // never later than a message that was sent after them, and not held up by a large value
        if (this.worker === undefined) this.held.push(() => this.setNumbers(pairs))
        else this.setNumbers(pairs)
        return
      }
      case kinds.blob:
        // of what was on its way when the worker ended, nobody takes anything
        return this.ended === undefined ? this.blobs.piece(bytes) : undefined
      case kinds.word:
        return this.word(readWord(bytes))
      default:
        throw new ProtocolError("A frame has arrived that drivers do not send")
    }
  }

  private word(word: words.FromDriver): void {
    if (word._tag === "Ready") return this.onReady()
    if (word._tag === "Locate") return this.locate(word)
    if (word._tag === "Blob") {
      this.blobs.check(word)
      return this.forWorker(word, (blob) => this.pass(blob))
    }
    // in the order of what came before: the pool's last message asks the worker to end
    if (word._tag === "End") return this.forWorker(undefined, () => void this.close())
    void this.kill()
  }

  /** Tells the driver where a task module is, or why it is not loaded (K10). */
  private locate({ address, number, sha256 }: words.Locate): void {
    const answered = Effect.match(this.resolve({ address, sha256 }), {
      onSuccess: ({ url }): words.Located => ({ _tag: "Located", number, url }),
      onFailure: (error): words.NotLocated => ({ _tag: "NotLocated", number, why: words.whyNotLocated(error) })
    })
    void Effect.runPromise(answered).then((word) => this.link.say(word))
  }

  private forWorker<A>(value: A, handle: (value: A) => void): void {
    if (this.isHeld) this.held.push(() => handle(value))
    else handle(value)
  }

  /** Goes on with what has arrived meanwhile, until something has to be waited for again. */
  private goOn(): void {
    this.isHeld = false
    while (!this.isHeld && this.held.length > 0) this.held.shift()!()
  }

  private setNumbers(pairs: ReadonlyArray<readonly [number, number]>): void {
    for (const [index, value] of pairs) this.worker?.control?.set(index, value)
  }

  /** Passes on what the driver has named, before what comes after it (K10). */
  private pass(blob: words.Blob): void {
    this.isHeld = true
    const passed = Effect.scoped(
      Effect.flatMap(this.blobs.get(blob), (bytes) =>
        Effect.map(this.passBytes(bytes), () => {
          this.link.say({ _tag: "HasBlob", number: blob.number } satisfies words.HasBlob)
        })
      )
    ).pipe(Effect.matchCause({ onSuccess: () => this.goOn(), onFailure: (cause) => this.notPassed(cause) }))
    this.fetching = Effect.runFork(passed)
  }

  /** The worker cannot go on without that value: it ends, and says why. */
  private notPassed(cause: Cause.Cause<unknown>): void {
    if (Cause.hasInterruptsOnly(cause)) return
    this.link.say({ _tag: "Ended", cause: words.tell(Cause.squash(cause)) })
    this.link.end()
    void this.kill()
  }

  /** Gives the worker bytes in pieces. Between these, beats come and go: to copy much for many workers takes seconds (K3). */
  private passBytes(bytes: Uint8Array): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (let from = 0; from < bytes.length; from += passedAtOnce) {
        this.worker?.send(bytes.subarray(from, from + passedAtOnce))
        yield* nextTurn
      }
    })
  }

  /** Waits for the worker's end, which is forced where it does not come by itself. */
  private close(): Promise<void> {
    // the next worker that wants it asks for it by its own
    if (this.fetching !== undefined) Effect.runFork(Fiber.interrupt(this.fetching))
    this.ended ??= this.starting
      .then(() => Effect.runPromise(Scope.close(this.scope, Exit.void)))
      .then(() => {
        this.link.end()
        this.onEnd()
      })
    return this.ended
  }
}
