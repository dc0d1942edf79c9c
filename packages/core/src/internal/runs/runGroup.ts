/**
 * `run`s that share a call: the call's source and its sink.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Code } from "../../WorkerRuntime.ts"
import type { Call, CallHost } from "../call/call.ts"
import type { ItemTime } from "../call/itemTimes.ts"
import type { Releases } from "../common/releases.ts"
import { RunsCall } from "./runsCall.ts"
import type { Sink } from "../call/sink.ts"
import type { Source } from "../call/source.ts"
import { Window } from "./window.ts"

/** Outcomes of `run`s are reported at least so many milliseconds apart: somebody waits for each. */
const reportInterval = 0.1

/** `run`s that wait share a chunk as long as it takes no more than so many milliseconds. */
const chunkTime = 1

/** What `run`s that share a call ask of their pool. */
export interface GroupHost {
  readonly dispatcher: CallHost & {
    /** Whether the call waits for a slot. */
    readonly isWaiting: (call: Call) => boolean
  }
  /** How many workers there are. */
  readonly size: number
  readonly tasksPerWorker: number
  readonly isRemote: boolean
  readonly itemTime: (task: Code) => ItemTime
}

/** What `run`s that share a call have in common. */
export interface RunRequest {
  readonly task: Code
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly retries: number
  readonly context: Context.Context<never>
}

export type Outcome = Exit.Exit<unknown, unknown>

/** What a `run` tells. */
export interface EntryHost {
  /** It is over. */
  readonly settled: () => void
  /** An outcome that has to wait for releases, with what failed in them. */
  readonly afterReleases: (outcome: Outcome, releases: Releases) => Effect.Effect<unknown, unknown>
}

/** One `run`. There may be very many of them, so it is one object, and what it is made of. */
export class RunEntry {
  readonly input: unknown
  private readonly host: EntryHost
  readonly group: RunGroup
  readonly resume: (effect: Effect.Effect<unknown, unknown>) => void
  /** Its place in its call, once it is in a chunk. */
  place = -1
  isSettled = false
  /** Called when nobody waits for it any more, but for its end. */
  dropped: ((releases: Releases | undefined) => void) | undefined = undefined

  constructor(host: EntryHost, group: RunGroup, input: unknown, resume: RunEntry["resume"]) {
    this.host = host
    this.group = group
    this.input = input
    this.resume = resume
  }

  get isWanted(): boolean {
    return !this.isSettled && this.dropped === undefined
  }

  settle(outcome: Outcome, releases?: Releases): void {
    if (this.isSettled) return
    this.isSettled = true
    if (this.dropped !== undefined) return this.dropped(releases)
    if (releases !== undefined) return this.resume(this.host.afterReleases(outcome, releases))
    this.host.settled()
    this.resume(outcome)
  }
}

/** Those that share a call: its source and its sink. */
export class RunGroup implements Source, Sink {
  readonly call: RunsCall
  readonly length = undefined
  available = 0
  private readonly host: GroupHost
  private readonly request: RunRequest
  private queue: Array<RunEntry> = []
  private first = 0
  private readonly inProgress = new Window<RunEntry>()
  /** How many still have their turn, of those that waited when it began. */
  private due = 0

  constructor(host: GroupHost, request: RunRequest, ended: () => void) {
    this.host = host
    this.request = request
    const { context, retries, task, timeout } = request
    this.call = new RunsCall(
      {
        task,
        source: this,
        sink: this,
        chunking: () => this.chunkLength(),
        maxActive: Number.POSITIVE_INFINITY,
        timeout,
        discard: false,
        reportInterval: timeout === undefined ? reportInterval : 0,
        itemTime: host.itemTime(task),
        retries,
        outcome: (_place, exit) => exit,
        dispatch: "available",
        context,
        changed: () => {
          if (!this.call.isOver) return
          ended()
          this.failAll()
        }
      },
      host.dispatcher
    )
  }

  /** Whether such a `run` can join. */
  admits({ context, retries, timeout }: RunRequest): boolean {
    const { request } = this
    return (
      this.call.isOpen &&
      retries === request.retries &&
      timeout === request.timeout &&
      (this.host.isRemote || context === request.context)
    )
  }

  add(entry: RunEntry): void {
    this.queue.push(entry)
    this.available++
    // if it waits already, there is no worker for it now
    if (!this.host.dispatcher.isWaiting(this.call)) this.call.offer()
  }

  /** Whether no worker has it yet. */
  isWaiting(entry: RunEntry): boolean {
    return entry.place < 0 && !entry.isSettled
  }

  /** Nobody waits for it any more; returns whether that is all, or else its outcome follows. */
  drop(entry: RunEntry): boolean {
    if (entry.place < 0) {
      this.available--
      this.tidy()
      this.call.poke()
      return true
    }
    const isOver = this.call.drop(entry.place)
    if (isOver) this.inProgress.take(entry.place)
    return isOver
  }

  /** As many as share a chunk now: only small ones do, where messages take time, and only when all workers are busy. */
  private chunkLength(): number {
    const { isRemote, size, tasksPerWorker } = this.host
    // with several at a time one could not be interrupted by itself
    if (!isRemote || tasksPerWorker > 1) return 1
    const { itemTime } = this.call.options
    const share = Math.ceil(this.available / (2 * size))
    return Math.max(1, Math.min(share, 4 * itemTime.measured, itemTime.within(chunkTime)))
  }

  // ---------------------------------------------------------------------------
  // As its source
  // ---------------------------------------------------------------------------

  get keepsTurn(): boolean {
    return Math.min(this.due, this.available) > 0
  }

  take(max: number): Array<unknown> {
    const inputs: Array<unknown> = []
    if (!this.keepsTurn) this.due = this.available
    while (inputs.length < max && this.first < this.queue.length) {
      const entry = this.queue[this.first++]!
      if (!entry.isWanted) continue
      entry.place = this.inProgress.add(entry)
      this.available--
      inputs.push(entry.input)
    }
    this.due -= inputs.length
    this.tidy()
    return inputs
  }

  /** Drops those from the queue that do not wait any more, once they are more than those that do. */
  private tidy(): void {
    if (this.queue.length <= 2 * this.available + 64 && this.available > 0) return
    this.queue = this.queue.slice(this.first).filter(({ isWanted }) => isWanted)
    this.first = 0
  }

  ended(): boolean {
    return this.available === 0
  }

  poke(): void {}

  close(): void {}

  // ---------------------------------------------------------------------------
  // As its sink
  // ---------------------------------------------------------------------------

  put(place: number, outcome: unknown, releases?: Releases): number {
    this.inProgress.take(place)?.settle(outcome as Outcome, releases)
    return 1
  }

  /** Its call is over: with all of them, unless it has failed. */
  private failAll(): void {
    const outcome = Exit.failCause(this.call.failure ?? Cause.interrupt())
    const left = [...this.inProgress.takeAll(), ...this.queue.slice(this.first)]
    this.queue = []
    this.available = 0
    for (const entry of left) entry.settle(outcome)
  }
}
