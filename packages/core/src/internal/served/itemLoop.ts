/**
 * The item loop of a remote worker. Free of Effect: an item costs no message, no timer and no fiber of its own, unless its
 * task returns an Effect.
 */
import type { TaskCodecs } from "../wire/codec.ts"
import type { Cell } from "../wire/control.ts"
import type { Interrupt } from "./effectRunner.ts"
import * as failure from "../wire/failure.ts"
import { type ItemExit, notSerializable, Outbox, type Send, timedOut } from "./outbox.ts"
import type * as protocol from "../wire/protocol.ts"
import { died, type ExitLike, isEffect, isExit, isPlain, isPromiseLike } from "../task/shapes.ts"
import { after, brief, defer, type Timer } from "../wire/timers.ts"
import { WorkerContextImpl } from "../task/workerContext.ts"

/** Outcomes of items beside which others wait are sent within so many milliseconds. */
const longestPause = 1

/** After so many milliseconds of synchronous items, messages are let in. */
const sliceLength = 10

/** Looking at the time costs as much as a small item, so it is looked at after several of those, which take so long. */
const unwatched = { items: 16, millis: 0.02 }

/** What the loop asks of its worker. */
export interface LoopHost {
  readonly id: number
  readonly generation: number
  readonly state: () => unknown
  readonly send: Send
  /** Throws for a value that `send` would throw for. */
  readonly check: (value: unknown) => void
  /** Calls back once all that was sent has left the worker; `undefined` where sending sees to that. */
  readonly flushed: ((resume: () => void) => void) | undefined
  /** Says that the next chunk is expected very soon. */
  readonly stayAwake: (() => void) | undefined
  /** Runs an item's Effect; says when it begins. */
  readonly runEffect: (effect: unknown, done: (exit: ExitLike) => void, begun: () => void) => Interrupt
}

/** A task that has been loaded, with the codecs of its Schemas where the chunk uses them. */
export interface LoadedTask {
  readonly call: (item: unknown, worker: WorkerContextImpl) => unknown
  readonly codecs: TaskCodecs | undefined
}

/** An item that waits for something. */
interface Waiting {
  readonly context: WorkerContextImpl
  interrupt: Interrupt
  timer: Timer
  timedOut: boolean
}

/** A chunk in progress. */
class Work {
  readonly run: protocol.Run
  readonly task: LoadedTask
  readonly cell: Cell
  readonly waiting = new Set<Waiting>()
  next = 0
  /** Whether no more items are to start. */
  interrupted = false
  /** When its first item began. */
  began = 0
  /** Since when the time counts that its items take. */
  private since = 0

  constructor(run: protocol.Run, task: LoadedTask, cell: Cell) {
    this.run = run
    this.task = task
    this.cell = cell
  }

  get isSpent(): boolean {
    return this.interrupted || this.next >= this.run.items.length
  }

  /** The position of the item that begins now. */
  begin(now: number): number {
    if (this.next === 0) this.began = this.since = now
    return this.next++
  }

  readonly lap = (): number => {
    const { since } = this
    this.since = performance.now()
    return this.since - since
  }
}

export class ItemLoop {
  private readonly host: LoopHost
  private readonly limit: number
  private readonly queue: Array<Work> = []
  private readonly works = new Map<number, Work>()
  private active = 0
  private isRunning = false
  /** When messages were let in last. */
  private sliceStart = 0
  /** Whether outcomes that were sent have to leave before another item starts. */
  private mustFlush = false
  private outbox: Outbox | undefined = undefined
  private reporting: ReturnType<typeof setTimeout> | undefined = undefined

  constructor(host: LoopHost, limit: number) {
    this.host = host
    this.limit = limit
  }

  /** Takes a chunk on. */
  add(run: protocol.Run, task: LoadedTask, cell: Cell): void {
    const work = new Work(run, task, cell)
    this.works.set(run.chunk, work)
    this.queue.push(work)
    this.resume()
  }

  /** Interrupts a chunk's running items and forgets those that have not started. */
  interrupt(chunk: number): void {
    const work = this.works.get(chunk)
    if (work === undefined) return
    work.interrupted = true
    for (const waiting of [...work.waiting]) {
      waiting.context.abort()
      waiting.interrupt()
    }
    this.endIfOver(work)
    this.resume()
  }

  /** Goes on after messages have been let in. */
  private resume(): void {
    if (this.isRunning) return
    this.sliceStart = performance.now()
    this.advance()
  }

  /** Starts items while fewer than the limit wait; gives messages a chance now and then. */
  private advance(): void {
    if (this.isRunning) return
    this.isRunning = true
    let now = performance.now()
    // how many items may start before the time is looked at, and how many have
    let several = 1
    let since = 0
    while (this.active < this.limit) {
      const work = this.queue[0]
      if (work === undefined) break
      if (work.isSpent) {
        this.queue.shift()
        this.endIfOver(work)
        continue
      }
      if (this.mustFlush && !this.hasFlushed()) return
      if (now - this.sliceStart >= sliceLength) {
        defer(() => {
          this.isRunning = false
          this.resume()
        })
        return
      }
      if (!work.cell.claim(work.next)) {
        work.interrupted = true
        continue
      }
      this.begin(work, work.begin(now), now)
      if (++since < several && work.run.timeout === undefined) continue
      const before = now
      now = performance.now()
      several = Math.min(unwatched.items, Math.floor((unwatched.millis * since) / (now - before)))
      since = 0
      if (this.outbox !== undefined && now >= this.outbox.due) this.flush(false)
    }
    this.isRunning = false
    this.pause()
  }

  /** Whether outcomes that must leave have left; if not, the loop goes on when they have. */
  private hasFlushed(): boolean {
    this.mustFlush = false
    let isNow = true
    let hasFlushed = false
    this.host.flushed!(() => {
      hasFlushed = true
      if (isNow) return
      this.isRunning = false
      this.advance()
    })
    isNow = false
    return hasFlushed
  }

  /** Nothing more can start now: what has ended does not wait for what has not. */
  private pause(): void {
    if (this.outbox === undefined) return
    if (this.active === 0 || performance.now() >= this.outbox.due) return this.flush(false)
    this.reporting ??= setTimeout(() => {
      this.reporting = undefined
      this.flush(false)
    }, longestPause)
  }

  private begin(work: Work, position: number, now: number): void {
    const { run, task } = work
    let item = run.items[position]
    if (run.errors.length > 0 && run.errors.includes(position)) {
      item = failure.decode(item as failure.EncodedValue)
    } else if (task.codecs?.input !== undefined) {
      try {
        item = task.codecs.input.decode(item)
      } catch (cause) {
        return this.record(work, position, now, notSerializable("input", cause))
      }
    }
    const { generation, id } = this.host
    const deadline = run.timeout === undefined ? undefined : now + run.timeout
    const context = new WorkerContextImpl(id, generation, this.host.state(), work.cell, deadline)
    let result: unknown
    try {
      result = task.call(item, context)
    } catch (defect) {
      context.end()
      return this.record(work, position, now, died(defect))
    }
    if (isPlain(result)) {
      // by far the most
    } else if (isEffect(result)) {
      if (isExit(result)) {
        context.end()
        return this.record(work, position, now, result)
      }
      return this.wait(work, position, context, (done, begun) => this.host.runEffect(result, done, begun))
    } else if (isPromiseLike(result)) {
      return this.wait(work, position, context, (done, begun) => {
        begun()
        result.then(
          (value) => done({ _tag: "Success", value }),
          (defect) => done(died(defect))
        )
        // a Promise cannot be cut short
        return () => {}
      })
    }
    context.end()
    if (deadline !== undefined && performance.now() > deadline) return this.record(work, position, now, timedOut)
    this.outboxFor(work, position, now).succeed(result, task.codecs, run.discard, run.items[position])
    this.recorded(work)
  }

  private wait(
    work: Work,
    position: number,
    context: WorkerContextImpl,
    start: (done: (exit: ExitLike) => void, begun: () => void) => Interrupt
  ): void {
    const { timeout } = work.run
    const waiting: Waiting = { context, interrupt: () => {}, timer: undefined, timedOut: false }
    let isDone = false
    this.active++
    work.waiting.add(waiting)
    const done = (exit: ExitLike) => {
      isDone = true
      clearTimeout(waiting.timer)
      context.end()
      this.active--
      work.waiting.delete(waiting)
      this.record(work, position, performance.now(), waiting.timedOut ? timedOut : exit)
      this.endIfOver(work)
      this.resume()
    }
    // the first Effect of a worker waits until Effect has been loaded, which is none of its time (T1, T2)
    const begun = () => {
      if (timeout === undefined) return
      waiting.timer = after(timeout, () => {
        waiting.timedOut = true
        context.abort()
        waiting.interrupt()
      })
    }
    const interrupt = start(done, begun)
    // an Effect may have run to its end at once
    if (!isDone) waiting.interrupt = interrupt
  }

  // ---------------------------------------------------------------------------
  // Outcomes
  // ---------------------------------------------------------------------------

  private record(work: Work, position: number, now: number, exit: ItemExit): void {
    const { discard, items } = work.run
    const outbox = this.outboxFor(work, position, now)
    if (exit._tag === "Success") outbox.succeed(exit.value, work.task.codecs, discard, items[position])
    else if (exit._tag === "Failure") outbox.fail(exit.cause, work.task.codecs)
    else outbox.other(exit)
    this.recorded(work)
  }

  private outboxFor(work: Work, position: number, now: number): Outbox {
    if (this.outbox !== undefined && !this.outbox.continues(work.run.chunk, position)) this.flush(false)
    this.outbox ??= new Outbox(work, position, now)
    return this.outbox
  }

  private recorded(work: Work): void {
    const { reportInterval } = work.run
    // without an interval each is reported before the next item starts (F2); the last one goes with the chunk's end
    if (reportInterval > 0 || (work.isSpent && work.waiting.size === 0)) return
    this.flush(false)
    this.mustFlush = this.host.flushed !== undefined
  }

  private endIfOver(work: Work): void {
    if (!work.isSpent || work.waiting.size > 0) return
    const { chunk, reportInterval } = work.run
    if (!this.works.delete(chunk)) return
    const place = this.queue.indexOf(work)
    if (place >= 0) this.queue.splice(place, 1)
    if (this.outbox !== undefined && this.outbox.chunk !== chunk) this.flush(false)
    this.outbox ??= new Outbox(work, 0, 0)
    this.flush(true)
    // whoever waits for so short a chunk may have the next one ready
    if (this.queue.length === 0 && this.active === 0 && performance.now() - work.began < brief) this.host.stayAwake?.()
    // the last outcome is in it, and the next chunk's item may be the one that ends the worker
    if (reportInterval === 0) this.mustFlush = this.host.flushed !== undefined
  }

  private flush(ended: boolean): void {
    const { outbox } = this
    this.outbox = undefined
    outbox?.send(this.host.send, this.host.check, ended)
  }
}
