/**
 * The item loop of a remote worker. Free of Effect: an item costs no message, no timer and no fiber of its own, unless
 * its task returns an Effect.
 */
import type { Channel } from "../../Channel.ts"
import * as realTime from "../task/realTime.ts"
import { died, type ExitLike, isEffect, isExit, isPlain, isPromiseLike } from "../task/shapes.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"
import type { TaskCodecs } from "../wire/codec.ts"
import type { Cell } from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import { Longest, type Timed } from "../wire/longest.ts"
import type * as protocol from "../wire/protocol.ts"
import type { EffectRunner, Fork, Interrupt } from "./effectRunner.ts"
import { ItemSpans } from "./itemSpans.ts"
import type { Observer } from "./observer.ts"
import { type ItemExit, notSerializable, Outbox, type Reported, type Sending, timedOut } from "./outbox.ts"
import type { Self } from "./servedHooks.ts"

/** How long outcomes are held back, in milliseconds, when all items that may run wait for their Promise or Effect. */
const longestPause = 1

/** How long items that do not wait may run, in milliseconds, before messages that have arrived are handled. */
const sliceLength = 10

/**
 * Reading the clock costs as much as a small item, so it is read once for up to `items` items, as long as they take no
 * longer than `millis` milliseconds together.
 */
const perReading = { items: 16, millis: 0.02 }

/** A task that has been loaded, with the codecs of its Schemas where the chunk uses them. */
export interface LoadedTask {
  readonly call: (item: unknown, worker: WorkerContextImpl) => unknown
  readonly codecs: TaskCodecs | undefined
}

/** A chunk to run, with why items of it could not be read, by position. */
export type ServedRun = protocol.Run & { readonly lost?: ReadonlyMap<number, unknown> | undefined }

/** An item that waits for its Promise or Effect. */
interface Waiting {
  readonly context: WorkerContextImpl
  interrupt: Interrupt
}

/** A chunk in progress. */
class ServedChunk implements Reported {
  readonly run: ServedRun
  readonly task: LoadedTask
  readonly cell: Cell
  readonly waiting = new Set<Waiting>()
  /** The position of the item that starts next. */
  next = 0
  /** When its first item began, by `realTime.now()`. */
  began = 0
  /** Items from this position on do not start, or not yet. */
  limit: number
  /** Whether more of its items may be granted (K13). */
  private expectsMore = false
  private lapStart = 0
  /** The position of the first item that has begun since the clock was read, at `since`. */
  private first = 0
  private since = 0
  /** Whether that one waits: it is no part of a group, and the clock has to be read before others begin. */
  firstWaits = false
  /** What an item has to exceed to be told of; never, where nobody wants to know. */
  private longerThan: number
  /** Those of its items that took longest; made when there is one. */
  private longest: Longest<Timed> | undefined = undefined
  /** Those of them that have not been told. */
  private untold: Array<Timed> = []
  /** How the Effects of its items are run, by their callers; made when there is a first one. */
  private forks: Array<Fork | undefined> | undefined = undefined
  /** Tells when its items begin and end, where they have spans of their own. */
  readonly spans: ItemSpans | undefined

  constructor(run: ServedRun, task: LoadedTask, cell: Cell, observer: Pick<Observer, "add" | "added" | "chunkEnds">) {
    this.run = run
    this.task = task
    this.cell = cell
    this.limit = run.items.length
    if (run.granted !== undefined && run.granted < this.limit) {
      this.limit = run.granted
      this.expectsMore = true
    }
    this.longerThan = run.longerThan ?? Number.POSITIVE_INFINITY
    this.spans = run.traceItems === true ? new ItemSpans(run.chunk, observer) : undefined
  }

  /** Whether no more items are to start. */
  get isSpent(): boolean {
    return this.next >= this.limit && !this.expectsMore
  }

  /** Whether no item may start until more are granted. */
  get mustWait(): boolean {
    return this.next >= this.limit && this.expectsMore
  }

  /** Lets no more items start. */
  stop(): void {
    this.limit = this.next
    this.expectsMore = false
  }

  /** Lets its first `items` items start; with `last`, no more than these ever will. */
  grant(items: number, last: boolean): void {
    // the time for which it had nothing to do is none of its items'
    if (this.mustWait && this.waiting.size === 0) this.lapStart = realTime.now()
    const most = this.expectsMore ? this.run.items.length : this.limit
    const least = last ? this.next : this.limit
    this.limit = Math.min(most, Math.max(least, items))
    if (last) this.expectsMore = false
  }

  /** Its first item is to begin. */
  start(now: number): void {
    this.began = now
    this.lapStart = now
    this.since = now
  }

  /** How the Effect of the item at a position is run, whose own span, if it has one, has the id `span`. */
  forkOf(position: number, span: string | undefined, runner: EffectRunner): Fork {
    const { callerOf, callers, chunk } = this.run
    const caller = callerOf?.[position] ?? 0
    if (span !== undefined) return runner.forItems(chunk, position, callers?.[caller], span)
    this.forks ??= []
    return (this.forks[caller] ??= runner.forItems(chunk, position, callers?.[caller], undefined))
  }

  lap(): number {
    const { lapStart } = this
    this.lapStart = realTime.now()
    return this.lapStart - lapStart
  }

  /** An item begins only now, because Effect had to be loaded: chunks would be planned by a time that no other item takes. */
  beganLate(now: number): void {
    if (this.next === 1) this.lapStart = now
  }

  /** The clock says `now`: what begins from here on is timed from then. */
  restart(now: number): void {
    this.first = this.next
    this.since = now
    this.firstWaits = false
  }

  /** The clock has been read: notes how long those took that have begun since it was read before (O1). */
  look(now: number): void {
    const items = this.next - this.first
    // one that waits is timed when it ends
    if (now - this.since > this.longerThan && items > 0 && !this.firstWaits) {
      this.noteLong([this.first, items, now - this.since])
    }
    this.restart(now)
  }

  /** The item that began last waits; returns when it began. */
  waits(): number {
    if (this.next - this.first === 1) this.firstWaits = true
    else this.look(realTime.now())
    return this.since
  }

  /** An item that has waited since `since` has ended. */
  waited(position: number, since: number, now: number): void {
    if (now - since > this.longerThan) this.noteLong([position, 1, now - since])
  }

  private noteLong(timed: Timed): void {
    this.longest ??= new Longest(this.longerThan)
    this.longest.add(timed, timed[2])
    this.longerThan = this.longest.threshold
    this.untold.push(timed)
  }

  takeLong(): ReadonlyArray<Timed> | undefined {
    const { longest, untold } = this
    if (longest === undefined || untold.length === 0) return undefined
    this.untold = []
    // longer ones may have come since
    const told = longest.values.filter((timed) => untold.includes(timed))
    return told.length === 0 ? undefined : told
  }
}

/** What the result of a task is, which says how its outcome comes about. */
type Kind = "value" | "exit" | "effect" | "promise"

const kindOf = (result: unknown): Kind => {
  if (isEffect(result)) return isExit(result) ? "exit" : "effect"
  return isPromiseLike(result) ? "promise" : "value"
}

/**
 * Tells how a Promise ends. `await` sees to a `then` of users' own, which may throw, or call back more than once; of a
 * Promise of the language's it does not look at the inherited one, which a task can have replaced.
 */
const settle = async (promise: PromiseLike<unknown>, done: (exit: ExitLike) => void): Promise<void> => {
  let exit: ExitLike
  try {
    // one of the Promise's own is meant
    // oxlint-disable-next-line unicorn/no-thenable -- `await` is to call it
    const waited = hasOwn(promise, "then") ? { then: promise.then.bind(promise) } : promise
    exit = { _tag: "Success", value: await waited }
  } catch (defect) {
    exit = died(defect)
  }
  done(exit)
}

const { hasOwn } = Object

/**
 * Runs an item's Effect as `forkOf` says, which is asked when Effect has been loaded; calls `begun` when it begins, and
 * `done` when it has ended.
 */
type RunEffect = (
  effect: unknown,
  forkOf: (runner: EffectRunner) => Fork,
  done: (exit: ExitLike) => void,
  begun: () => void
) => Interrupt

export class ItemLoop {
  /** How many items may wait for their Promise or Effect at once. */
  tasksPerWorker = 1
  private readonly self: Self
  private readonly sender: Sending
  private readonly observer: Pick<Observer, "add" | "added" | "chunkEnds">
  private readonly flushed: Channel["flushed"]
  private readonly stayAwake: Channel["stayAwake"]
  private readonly runEffect: RunEffect
  private readonly queue: Array<ServedChunk> = []
  private readonly chunks = new Map<number, ServedChunk>()
  /** How many items wait for their Promise or Effect. */
  private waiting = 0
  /** Whether items are being started, or will be once messages have been handled or outcomes have left the worker. */
  private isRunning = false
  /** When messages were last given a chance to be handled, by `realTime.now()`. */
  private sliceStart = 0
  /** The channel's `flushed` while outcomes that were sent must leave the worker before another item starts. */
  private flushFirst: Channel["flushed"] = undefined
  private outbox: Outbox | undefined = undefined
  private reportTimer: realTime.Timer = undefined

  constructor(options: {
    readonly self: Self
    readonly sender: Sending
    /** Takes what its items' spans are. */
    readonly observer: Pick<Observer, "add" | "added" | "chunkEnds">
    readonly flushed: Channel["flushed"]
    readonly stayAwake: Channel["stayAwake"]
    readonly runEffect: RunEffect
  }) {
    this.self = options.self
    this.sender = options.sender
    this.observer = options.observer
    this.flushed = options.flushed
    this.stayAwake = options.stayAwake
    this.runEffect = options.runEffect
  }

  /** Whether items run, or are about to. */
  get isAtWork(): boolean {
    return this.isRunning || this.waiting > 0
  }

  /** Starts a chunk. */
  add(run: ServedRun, task: LoadedTask, cell: Cell): void {
    const chunk = new ServedChunk(run, task, cell, this.observer)
    this.chunks.set(run.chunk, chunk)
    this.queue[this.queue.length] = chunk
    this.resume()
  }

  /** More of a chunk's items may start (K13). */
  grant({ chunk: id, items, last }: protocol.Grant): void {
    const chunk = this.chunks.get(id)
    if (chunk === undefined) return
    chunk.grant(items, last)
    this.endIfDone(chunk)
    this.resume()
  }

  /** Interrupts a chunk's running items and forgets those that have not started. */
  interrupt(id: number): void {
    const chunk = this.chunks.get(id)
    if (chunk === undefined) return
    chunk.stop()
    for (const waiting of [...chunk.waiting]) {
      waiting.context.abort()
      waiting.interrupt()
    }
    this.endIfDone(chunk)
    this.resume()
  }

  /** Goes on after messages have been handled, which begins a new slice. */
  private resume(): void {
    if (this.isRunning) return
    this.sliceStart = realTime.now()
    this.advance()
  }

  /** Starts items while fewer than `tasksPerWorker` wait; lets messages be handled after each slice. */
  private advance(): void {
    if (this.isRunning) return
    this.isRunning = true
    let now = realTime.now()
    this.queue[0]?.restart(now)
    // how many items may start before the clock is read again, and how many have
    let itemsPerReading = 1
    let itemsSinceReading = 0
    while (this.waiting < this.tasksPerWorker) {
      const chunk = this.queue[0]
      if (chunk === undefined) break
      if (chunk.next >= chunk.limit) {
        if (itemsSinceReading > 0) chunk.look(realTime.now())
        itemsSinceReading = 0
        // those behind it wait, too: the pool grants items in the order in which it has sent them (K13)
        if (chunk.mustWait) break
        this.queue.shift()
        this.endIfDone(chunk)
        continue
      }
      if (this.flushFirst !== undefined && !this.hasFlushed(this.flushFirst)) return
      if (now - this.sliceStart >= sliceLength) {
        realTime.defer(() => {
          this.isRunning = false
          this.resume()
        })
        return
      }
      if (!chunk.cell.claim(chunk.next)) {
        chunk.stop()
        continue
      }
      if (chunk.next === 0) {
        // what the end of the chunk before took is no time of this one's items
        now = realTime.now()
        chunk.start(now)
        itemsSinceReading = 0
      }
      this.begin(chunk, chunk.next++, now)
      const { firstWaits } = chunk
      if (++itemsSinceReading < itemsPerReading && chunk.run.timeout === undefined && !firstWaits) continue
      const before = now
      now = realTime.now()
      chunk.look(now)
      const fitting = Math.floor((perReading.millis * itemsSinceReading) / (now - before))
      // how soon an item waits does not say how long others take
      itemsPerReading = firstWaits ? 1 : Math.min(perReading.items, fitting)
      itemsSinceReading = 0
      if (this.outbox !== undefined && now >= this.outbox.due) {
        this.report(false)
        // what the report took is no time of the next item's
        now = realTime.now()
        chunk.restart(now)
      }
    }
    this.isRunning = false
    this.reportSoon()
  }

  /** Whether the outcomes that were sent have left the worker; if not, the loop goes on when they have. */
  private hasFlushed(flushed: NonNullable<Channel["flushed"]>): boolean {
    this.flushFirst = undefined
    let isAsking = true
    let hasFlushed = false
    flushed(() => {
      hasFlushed = true
      if (isAsking) return
      this.isRunning = false
      this.advance()
    })
    isAsking = false
    return hasFlushed
  }

  private begin(chunk: ServedChunk, position: number, now: number): void {
    const { run, task } = chunk
    const span = chunk.spans?.begin(position)
    let item = run.items[position]
    if (run.lost?.has(position) === true) {
      return this.record(chunk, position, now, notSerializable("input", run.lost.get(position)))
    }
    if (run.errors.length > 0 && run.errors.includes(position)) {
      item = failure.decode(item as failure.EncodedValue)
    } else if (task.codecs?.input !== undefined) {
      try {
        item = task.codecs.input.decode(item)
      } catch (cause) {
        return this.record(chunk, position, now, notSerializable("input", cause))
      }
    }
    const { generation, id, state } = this.self
    const deadline = run.timeout === undefined ? undefined : now + run.timeout
    const context = new WorkerContextImpl(id, generation, state, chunk.cell, deadline)
    let result: unknown
    let kind: Kind = "value"
    try {
      result = task.call(item, context)
      // most results are plain, which is why this is asked first; a Proxy or a getter may throw when it is asked (F8)
      if (!isPlain(result)) kind = kindOf(result)
    } catch (defect) {
      context.end()
      return this.record(chunk, position, now, died(defect))
    }
    if (kind === "effect") {
      const forkOf = (runner: EffectRunner) => chunk.forkOf(position, span, runner)
      return this.wait(chunk, position, context, (done, begun) => this.runEffect(result, forkOf, done, begun))
    }
    if (kind === "promise") {
      return this.wait(chunk, position, context, (done, begun) => {
        begun()
        void settle(result as PromiseLike<unknown>, done)
        // a Promise cannot be cut short
        return () => {}
      })
    }
    context.end()
    if (kind === "exit") return this.record(chunk, position, now, result as ExitLike)
    // no timer can fire while an item computes, so the clock is read instead (T2)
    if (deadline !== undefined && realTime.now() > deadline) return this.record(chunk, position, now, timedOut)
    chunk.spans?.end(position)
    this.outboxFor(chunk, position, now).succeed(result, task.codecs, run.discard, run.items[position])
    this.reportIfEach(chunk)
  }

  private wait(
    chunk: ServedChunk,
    position: number,
    context: WorkerContextImpl,
    start: (done: (exit: ExitLike) => void, begun: () => void) => Interrupt
  ): void {
    const { timeout } = chunk.run
    let since = chunk.waits()
    const waiting: Waiting = { context, interrupt: () => {} }
    let timer: realTime.Timer
    let isOutOfTime = false
    let isDone = false
    this.waiting++
    chunk.waiting.add(waiting)
    const done = (exit: ExitLike) => {
      // users' code may call back more than once, or throw after it has (F8)
      if (isDone) return
      isDone = true
      realTime.cancel(timer)
      context.end()
      this.waiting--
      chunk.waiting.delete(waiting)
      const now = realTime.now()
      chunk.waited(position, since, now)
      // an Effect may end at once, and the next item begins then
      if (isStarting) chunk.restart(now)
      this.record(chunk, position, now, isOutOfTime ? timedOut : exit)
      this.endIfDone(chunk)
      this.resume()
    }
    // the item's time starts only here (T1): a worker's first Effect has waited until Effect was loaded
    const begun = () => {
      if (!isStarting) {
        since = realTime.now()
        chunk.beganLate(since)
      }
      if (timeout === undefined) return
      timer = realTime.after(timeout, () => {
        isOutOfTime = true
        context.abort()
        waiting.interrupt()
      })
    }
    let isStarting = true
    try {
      const interrupt = start(done, begun)
      isStarting = false
      // an Effect may have ended while it was started
      if (!isDone) waiting.interrupt = interrupt
    } catch (defect) {
      done(died(defect))
    }
  }

  private endIfDone(chunk: ServedChunk): void {
    if (!chunk.isSpent || chunk.waiting.size > 0) return
    const { chunk: id, reportInterval } = chunk.run
    if (!this.chunks.delete(id)) return
    const index = this.queue.indexOf(chunk)
    if (index >= 0) this.queue.splice(index, 1)
    if (this.outbox !== undefined && this.outbox.chunk !== chunk) this.report(false)
    this.outbox ??= new Outbox(chunk, 0, 0)
    this.observer.chunkEnds()
    this.report(true)
    // stays awake: the chunk took less time than waking this thread would, and the pool may send the next one as soon
    if (this.queue.length === 0 && this.waiting === 0 && realTime.now() - chunk.began < realTime.brief)
      this.stayAwake?.()
    // the chunk's last outcome went with its end: it must leave before the next chunk's first item can end the worker
    if (reportInterval === 0) this.flushFirst = this.flushed
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  private record(chunk: ServedChunk, position: number, now: number, exit: ItemExit): void {
    const { discard, items } = chunk.run
    chunk.spans?.end(position)
    this.outboxFor(chunk, position, now).exit(exit, chunk.task.codecs, discard, items[position])
    this.reportIfEach(chunk)
  }

  private outboxFor(chunk: ServedChunk, position: number, now: number): Outbox {
    if (this.outbox !== undefined && !this.outbox.continues(chunk, position)) this.report(false)
    this.outbox ??= new Outbox(chunk, position, now)
    return this.outbox
  }

  /** With `reportInterval` 0, sends each outcome before the next item starts, so that no crash there loses it (F2). */
  private reportIfEach(chunk: ServedChunk): void {
    // a chunk's last outcome goes with its end
    if (chunk.run.reportInterval > 0 || (chunk.isSpent && chunk.waiting.size === 0)) return
    this.report(false)
    this.flushFirst = this.flushed
  }

  /** Called when no more items can start for now: sends outcomes without waiting for the items that are not done. */
  private reportSoon(): void {
    if (this.outbox === undefined) return
    if (this.waiting === 0 || realTime.now() >= this.outbox.due) return this.report(false)
    this.reportTimer ??= realTime.after(longestPause, () => {
      this.reportTimer = undefined
      this.report(false)
    })
  }

  /** Sends the outcomes gathered so far; `ended` says that their chunk has ended. */
  private report(ended: boolean): void {
    const { outbox } = this
    this.outbox = undefined
    outbox?.send(this.sender, ended)
  }
}
