/**
 * The `run`s of one task that share a call. The group is the call's source of items, and its sink of results.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Code } from "../../WorkerRuntime.ts"
import { Call, type CallDispatcher } from "../call/call.ts"
import type { ItemTime } from "../call/itemTimes.ts"
import type { Retries } from "../call/resends.ts"
import type { Sink } from "../call/sink.ts"
import type { Source } from "../call/source.ts"
import type { Describe } from "../common/printed.ts"
import type { Releases } from "../common/releases.ts"
import type { Turn } from "../common/turn.ts"
import type { Events } from "../events/events.ts"
import type { LongestItems } from "../insights/longestItems.ts"
import type { Hooks } from "../slot/hooks.ts"
import type { Run, RunExit, Settled } from "./run.ts"
import { RunsPolicy } from "./runsPolicy.ts"
import { Window } from "./window.ts"

/** The least time between two reports of outcomes, in milliseconds: short, because a caller waits for each. */
const reportInterval = 0.1

/** How long the `run`s that share a chunk may take together, in milliseconds. */
const chunkTime = 1

/** What the groups of a pool have in common. */
export interface GroupOptions {
  readonly turn: Turn
  /** The hooks that are current: each `run` keeps those of its beginning, so that only equal ones share a call (L10). */
  readonly hooks: () => Hooks
  readonly dispatcher: CallDispatcher & {
    /** Whether the call waits for a slot. */
    readonly isWaiting: (call: Call) => boolean
  }
  /** A call that `run`s share begins, or has more to do after its rest. */
  readonly began: (call: Call) => void
  /** How many workers there may be. */
  readonly size: () => number
  readonly tasksPerWorker: number
  /** Whether messages to workers take time. */
  readonly isRemote: boolean
  readonly itemTime: (task: Code) => ItemTime
  /** The items of the pool that took longest. */
  readonly longest: LongestItems
  /** Whom it tells of items that fail. */
  readonly events: Events
}

/** What `run`s that share a call have in common. */
export interface RunRequest {
  readonly task: Code
  /** In milliseconds. */
  readonly timeout: number | undefined
  readonly retries: Retries
  /** Whether items have spans of their own, where their `run`s have. */
  readonly traceItems: boolean
  /** How the input is shown to people. */
  readonly describe: Describe | undefined
}

/** What a group tells. */
export interface GroupEvents {
  /** The caller of a `run` has been interrupted: the Effect ends the `run`. */
  readonly interrupted: (run: Run) => Effect.Effect<void>
  /** No `run` is left in it; more may join. */
  readonly onRest: (group: RunGroup) => void
  /** No `run` may join any more, because its call has failed: called before those that it still has are settled. */
  readonly onEnd: (group: RunGroup) => void
}

export class RunGroup implements Source, Sink {
  readonly call: Call<RunsPolicy>
  readonly length = undefined
  /** How many `run`s wait for a worker. */
  available = 0
  readonly settled: Settled
  readonly interrupted: GroupEvents["interrupted"]
  private readonly options: GroupOptions
  private readonly request: RunRequest
  private readonly hooks: Hooks
  /** From `first` on, the `run`s that no worker has had; some may have been interrupted meanwhile. */
  private queue: Array<Run> = []
  private first = 0
  /** The `run`s that are in chunks, by their ordinals. */
  private readonly inChunks = new Window<Run>()
  /** How many of the `run`s that waited when the call's turn began have yet to be taken. */
  private due = 0

  constructor(
    options: GroupOptions,
    request: RunRequest,
    settled: Settled,
    { interrupted, onEnd, onRest }: GroupEvents
  ) {
    this.interrupted = interrupted
    this.options = options
    this.request = request
    this.hooks = options.hooks()
    this.settled = settled
    const { describe, retries, task, timeout, traceItems } = request
    this.call = new Call(
      {
        task,
        source: this,
        sink: this,
        chunking: () => this.chunkLength(),
        maxActive: Number.POSITIVE_INFINITY,
        timeout,
        discard: false,
        reportInterval: timeout === undefined ? reportInterval : 0,
        // those that share a chunk have nothing to do with each other
        exactStarts: true,
        itemTime: options.itemTime(task),
        longest: options.longest,
        events: options.events,
        describe,
        isFixed: false,
        retries,
        dispatch: "available",
        // each `run` has its own
        context: Context.empty(),
        traced: undefined,
        traceItems,
        changed: () => {
          if (!this.call.isOver) return
          onEnd(this)
          this.failAll()
        }
      },
      options.dispatcher,
      options.turn,
      (call) =>
        new RunsPolicy(
          call,
          () => this.hasDueRuns,
          () => onRest(this),
          (ordinal) => this.inChunks.get(ordinal)
        )
    )
  }

  /** Whether a `run` with such a request, of its task, can join. */
  admits(request: RunRequest): boolean {
    return this.isFor(request) || (this.isOpen && isEqual(request, this.request))
  }

  /** Whether it is for that very request, and a `run` can join. */
  isFor(request: RunRequest): boolean {
    return request === this.request && this.isOpen
  }

  private get isOpen(): boolean {
    return this.call.isOpen && this.options.hooks() === this.hooks
  }

  add(run: Run): void {
    if (this.call.isResting) {
      this.call.wake()
      this.options.began(this.call)
    }
    this.call.policy.joined(run)
    this.queue.push(run)
    this.available++
    // a call that waits for a slot has been offered already, and gives this `run` when it gets one
    if (!this.options.dispatcher.isWaiting(this.call)) this.call.offer()
  }

  /** Ends a `run` whose caller was interrupted (C5); returns whether it is over now: if not, its outcome follows. */
  interrupt(run: Run): boolean {
    if (run.ordinal < 0) {
      this.available--
      this.tidy()
      this.call.settle()
      return true
    }
    const isOver = this.call.policy.interrupt(run.ordinal)
    if (isOver) this.inChunks.take(run.ordinal)
    return isOver
  }

  /**
   * How many `run`s the next chunk may have: several only when more wait than all workers can take, where messages take
   * time, and when the `run`s are short.
   */
  private chunkLength(): number {
    const { isRemote, size, tasksPerWorker } = this.options
    // a worker that runs several items at once could not interrupt one item of a chunk by itself
    if (!isRemote || tasksPerWorker > 1) return 1
    const { itemTime } = this.call.options
    const share = Math.ceil(this.available / (2 * size()))
    return Math.max(1, Math.min(share, 4 * itemTime.measured, itemTime.within(chunkTime)))
  }

  // ---------------------------------------------------------------------------
  // As its call's source
  // ---------------------------------------------------------------------------

  /** Whether the call's turn goes on: it is as many turns as `run`s waited when it began, one for each (C1). */
  private get hasDueRuns(): boolean {
    return Math.min(this.due, this.available) > 0
  }

  take(max: number): Array<unknown> {
    const inputs: Array<unknown> = []
    if (!this.hasDueRuns) this.due = this.available
    while (inputs.length < max && this.first < this.queue.length) {
      const run = this.queue[this.first++]!
      if (!run.isWanted) continue
      run.ordinal = this.inChunks.add(run)
      this.available--
      inputs.push(run.input)
    }
    this.due -= inputs.length
    this.tidy()
    return inputs
  }

  /** Removes `run`s that do not wait any more from the queue, once they are more than those that do. */
  private tidy(): void {
    const { available, first, queue } = this
    if (available === 0) queue.length = 0
    // those that have been taken are at its beginning: to look at each of the others would cost every `run`
    else if (first > 64 && first > queue.length - first) this.queue = queue.slice(first)
    else if (queue.length - first > 2 * available + 64)
      this.queue = queue.slice(first).filter(({ isWanted }) => isWanted)
    else return
    this.first = 0
  }

  get isExhausted(): boolean {
    return this.available === 0
  }

  ended(): boolean {
    return this.isExhausted
  }

  close(): void {}

  // ---------------------------------------------------------------------------
  // As its call's sink
  // ---------------------------------------------------------------------------

  put(ordinal: number, exit: unknown, releases?: Releases): number {
    this.inChunks.take(ordinal)?.settle(exit as RunExit, releases)
    return 1
  }

  /** Settles the `run`s that it still has when its call is over: there are some only if the call has failed. */
  private failAll(): void {
    const exit = Exit.failCause(this.call.failure ?? Cause.interrupt())
    const unsettled = [...this.inChunks.takeAll(), ...this.queue.slice(this.first)]
    this.queue = []
    this.available = 0
    for (const run of unsettled) run.settle(exit)
  }
}

const isEqual = (one: RunRequest, other: RunRequest): boolean =>
  one.retries === other.retries &&
  one.timeout === other.timeout &&
  one.describe === other.describe &&
  one.traceItems === other.traceItems
