/**
 * The `run`s of a pool. Those of one task that are in progress together share a call, so that those that wait can share
 * chunks; each has an outcome of its own.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Code } from "../WorkerRuntime.ts"
import type { Call, CallHost } from "./call.ts"
import type { ItemTime } from "./itemTimes.ts"
import type { Releases } from "./releases.ts"
import { RunsCall } from "./runsCall.ts"
import type { Sink } from "./sink.ts"
import type { Source } from "./source.ts"
import { Window } from "./window.ts"

/** Outcomes of `run`s are reported at least so many milliseconds apart: somebody waits for each. */
const reportInterval = 0.1

/** `run`s that wait share a chunk as long as it takes no more than so many milliseconds. */
const chunkTime = 1

/** What the `run`s ask of their pool. */
export interface RunsHost {
  readonly dispatcher: CallHost & {
    /** Whether the call waits for a slot. */
    readonly isWaiting: (call: Call) => boolean
  }
  /** How many workers there are. */
  readonly size: number
  readonly tasksPerWorker: number
  readonly isRemote: boolean
  readonly itemTime: (task: Code) => ItemTime
  readonly began: (call: Call) => void
  readonly ended: (call: Call) => void
  /** Why one that waits must not, if too many do. */
  readonly overloaded: () => WorkerPoolError.WorkerPoolError | undefined
  /** Logs what nobody else hears of. */
  readonly releasesFailed: (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>) => Effect.Effect<void>
}

/** What `run`s that share a call have in common. */
export interface RunRequest {
  readonly task: Code
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly retries: number
  readonly context: Context.Context<never>
}

type Outcome = Exit.Exit<unknown, unknown>

/** One `run`. There may be very many of them, so it is one object, and what it is made of. */
class Entry {
  readonly input: unknown
  readonly runs: Runs
  readonly group: Group
  readonly resume: (effect: Effect.Effect<unknown, unknown>) => void
  /** Its place in its call, once it is in a chunk. */
  place = -1
  isSettled = false
  /** Called when nobody waits for it any more, but for its end. */
  dropped: ((releases: Releases | undefined) => void) | undefined = undefined

  constructor(runs: Runs, group: Group, input: unknown, resume: Entry["resume"]) {
    this.runs = runs
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
    if (releases !== undefined) return this.resume(this.runs.afterReleases(outcome, releases))
    this.runs.inProgress--
    this.resume(outcome)
  }
}

/** Those that share a call: its source and its sink. */
class Group implements Source, Sink {
  readonly call: RunsCall
  readonly length = undefined
  available = 0
  private readonly host: RunsHost
  private readonly request: RunRequest
  private queue: Array<Entry> = []
  private first = 0
  private readonly inProgress = new Window<Entry>()
  /** How many still have their turn, of those that waited when it began. */
  private due = 0

  constructor(host: RunsHost, request: RunRequest, ended: () => void) {
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

  add(entry: Entry): void {
    this.queue.push(entry)
    this.available++
    // if it waits already, there is no worker for it now
    if (!this.host.dispatcher.isWaiting(this.call)) this.call.offer()
  }

  /** Whether no worker has it yet. */
  isWaiting(entry: Entry): boolean {
    return entry.place < 0 && !entry.isSettled
  }

  /** Nobody waits for it any more; returns whether that is all, or else its outcome follows. */
  drop(entry: Entry): boolean {
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

export class Runs {
  private readonly host: RunsHost
  private readonly groups = new Map<Code, Array<Group>>()
  /** How many are in progress. */
  inProgress = 0

  constructor(host: RunsHost) {
    this.host = host
  }

  /** How many wait for a worker. */
  get waiting(): number {
    let waiting = 0
    for (const groups of this.groups.values()) for (const { available } of groups) waiting += available
    return waiting
  }

  /** Begins one, which `resume` hears of; returns what ends it when nobody waits for it any more (C5). */
  begin(input: unknown, request: RunRequest, resume: Entry["resume"]): Effect.Effect<void> {
    const entry = new Entry(this, this.group(request), input, resume)
    this.inProgress++
    entry.group.add(entry)
    if (entry.group.isWaiting(entry)) {
      const error = this.host.overloaded()
      if (error !== undefined) {
        entry.settle(Exit.fail(error))
        entry.group.drop(entry)
      }
    }
    return Effect.suspend(() => this.abandon(entry))
  }

  /** An outcome that has to wait for releases, with what failed in them. */
  afterReleases(outcome: Outcome, releases: Releases): Effect.Effect<unknown, unknown> {
    return Effect.uninterruptible(
      Effect.flatMap(this.released(releases), (failures) => withReleases(outcome, failures))
    )
  }

  private abandon(entry: Entry): Effect.Effect<void> {
    if (entry.isSettled) return Effect.void
    const over = Effect.callback<Releases | undefined>((resume) => {
      entry.dropped = (releases) => resume(Effect.succeed(releases))
      if (entry.group.drop(entry)) entry.settle(Exit.interrupt())
    })
    return Effect.flatMap(over, (releases) => {
      if (releases !== undefined) return Effect.flatMap(this.released(releases), this.host.releasesFailed)
      this.inProgress--
      return Effect.void
    })
  }

  private released(releases: Releases): Effect.Effect<ReadonlyArray<WorkerPoolError.WorkerPoolError>> {
    return Effect.map(releases.settle, (failures) => {
      this.inProgress--
      return failures
    })
  }

  private group(request: RunRequest): Group {
    let groups = this.groups.get(request.task)
    if (groups === undefined) {
      groups = []
      this.groups.set(request.task, groups)
    }
    const open = groups.find((group) => group.admits(request))
    if (open !== undefined) return open
    const group: Group = new Group(this.host, request, () => this.closed(group))
    groups.push(group)
    this.host.began(group.call)
    return group
  }

  private closed(group: Group): void {
    const { task } = group.call.options
    const groups = this.groups.get(task)!.filter((other) => other !== group)
    if (groups.length === 0) this.groups.delete(task)
    else this.groups.set(task, groups)
    this.host.ended(group.call)
  }
}

/** An outcome, with what failed in the releases that it had to wait for. */
const withReleases = (outcome: Outcome, failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>): Outcome => {
  if (failures.length === 0) return outcome
  const reasons = Exit.isFailure(outcome) ? outcome.cause.reasons : []
  return Exit.failCause(Cause.fromReasons([...reasons, ...failures.map(Cause.makeFailReason)]))
}
