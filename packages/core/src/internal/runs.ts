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
import { Call, type CallHost } from "./call.ts"
import type { ItemTime } from "./itemTimes.ts"
import type { Releases } from "./releases.ts"
import type { Sink } from "./sink.ts"
import type { Source } from "./source.ts"

/** Outcomes of `run`s are reported at least so many milliseconds apart: somebody waits for each. */
const reportInterval = 0.1

/** `run`s that wait share a chunk as long as it takes no more than so many milliseconds. */
const chunkTime = 1

/** What the `run`s ask of their pool. */
export interface RunsHost {
  readonly dispatcher: CallHost
  /** How many workers there are. */
  readonly size: number
  readonly tasksPerWorker: number
  readonly isRemote: boolean
  readonly itemTime: (task: Code) => ItemTime
  readonly began: (call: Call) => void
  readonly ended: (call: Call) => void
  /** Why no more of them may wait, if so many wait. */
  readonly overloaded: (waiting: () => number) => WorkerPoolError.WorkerPoolError | undefined
  /** Logs what nobody else hears of. */
  readonly releasesFailed: (failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>) => Effect.Effect<void>
}

/** What a `run` is asked for. */
export interface RunRequest {
  readonly task: Code
  readonly input: unknown
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly retries: number
  readonly context: Context.Context<never>
}

/** One `run`. */
class Entry {
  readonly request: RunRequest
  readonly group: Group
  /** Its place in its call, once it is in a chunk. */
  place = -1
  isSettled = false
  /** Whether nobody waits for it any more. */
  isDropped = false
  settled: (exit: Exit.Exit<unknown, unknown>, releases: Releases | undefined) => void

  constructor(request: RunRequest, group: Group, settled: Entry["settled"]) {
    this.request = request
    this.group = group
    this.settled = settled
  }

  settle(exit: Exit.Exit<unknown, unknown>, releases?: Releases): void {
    if (this.isSettled) return
    this.isSettled = true
    this.settled(exit, releases)
  }
}

/** Those that share a call: its source and its sink. */
class Group implements Source, Sink {
  readonly call: Call
  readonly length = undefined
  available = 0
  private readonly host: RunsHost
  private readonly request: RunRequest
  private queue: Array<Entry> = []
  private first = 0
  private readonly inProgress = new Map<number, Entry>()
  private next = 0
  /** How many still have their turn, of those that waited when it began. */
  private due = 0

  constructor(host: RunsHost, request: RunRequest, ended: () => void) {
    this.host = host
    this.request = request
    const { context, retries, task, timeout } = request
    this.call = new Call(
      {
        single: true,
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
    this.call.offer()
  }

  /** Whether no worker has it yet. */
  isWaiting(entry: Entry): boolean {
    return entry.place < 0 && !entry.isSettled
  }

  /** Nobody waits for it any more; returns whether that is all, or else its outcome follows. */
  drop(entry: Entry): boolean {
    entry.isDropped = true
    if (entry.place < 0) {
      this.available--
      this.tidy()
      this.call.poke()
      return true
    }
    const isOver = this.call.drop(entry.place)
    if (isOver) this.inProgress.delete(entry.place)
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
      if (entry.isDropped) continue
      entry.place = this.next++
      this.available--
      this.inProgress.set(entry.place, entry)
      inputs.push(entry.request.input)
    }
    this.due -= inputs.length
    this.tidy()
    return inputs
  }

  /** Drops those from the queue that do not wait any more, once they are more than those that do. */
  private tidy(): void {
    if (this.queue.length <= 2 * this.available + 64 && this.available > 0) return
    this.queue = this.queue.slice(this.first).filter(({ isDropped }) => !isDropped)
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

  put(place: number, exit: unknown, releases?: Releases): number {
    const entry = this.inProgress.get(place)
    if (entry === undefined) return 1
    this.inProgress.delete(place)
    entry.settle(exit as Exit.Exit<unknown, unknown>, releases)
    return 1
  }

  /** Its call is over: with all of them, unless it has failed. */
  private failAll(): void {
    const exit = Exit.failCause(this.call.failure ?? Cause.interrupt())
    const left = [...this.inProgress.values(), ...this.queue.slice(this.first)]
    this.inProgress.clear()
    this.queue = []
    this.available = 0
    for (const entry of left) entry.settle(exit)
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

  run(request: RunRequest): Effect.Effect<unknown, unknown> {
    return Effect.callback((resume) => {
      const entry = new Entry(request, this.group(request), (exit, releases) => {
        if (releases === undefined) {
          this.inProgress--
          return resume(exit)
        }
        resume(
          Effect.uninterruptible(Effect.flatMap(this.released(releases), (failures) => withReleases(exit, failures)))
        )
      })
      this.inProgress++
      const { group } = entry
      group.add(entry)
      if (group.isWaiting(entry)) {
        const error = this.host.overloaded(() => this.waiting)
        if (error !== undefined) {
          entry.settle(Exit.fail(error))
          group.drop(entry)
        }
      }
      return Effect.suspend(() => this.abandon(entry))
    })
  }

  /** Ends a `run` that nobody waits for any more (C5). */
  private abandon(entry: Entry): Effect.Effect<void> {
    if (entry.isSettled) return Effect.void
    const over = Effect.callback<Releases | undefined>((resume) => {
      entry.settled = (_exit, releases) => resume(Effect.succeed(releases))
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
const withReleases = (
  exit: Exit.Exit<unknown, unknown>,
  failures: ReadonlyArray<WorkerPoolError.WorkerPoolError>
): Exit.Exit<unknown, unknown> => {
  if (failures.length === 0) return exit
  const reasons = Exit.isFailure(exit) ? exit.cause.reasons : []
  return Exit.failCause(Cause.fromReasons([...reasons, ...failures.map(Cause.makeFailReason)]))
}
