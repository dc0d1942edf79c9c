/**
 * Detects, on the pool's side and in real time, what does not yield in a remote worker: a module that does not finish
 * loading (T4), or an item that goes on after its timeout (T2) or after it was interrupted (C4).
 */
import type { Chunk, StartOptions } from "../../WorkerRuntime.ts"
import { type Cell, phases } from "../wire/control.ts"
import { Stuck } from "./stuck.ts"
import { interval, Watch } from "./watch.ts"

/** `startTimeout` limits how long a module loads, `killAfter` how long an item goes on after it was told to end. */
export type WatchLimits = Pick<StartOptions, "startTimeout" | "killAfter">

/** What is watched of a chunk, and what has been seen of it. Times are milliseconds by `Watch.now()`. */
export interface Watched {
  readonly chunk: Chunk
  readonly cell: Cell
  /** For how long it has been held up, if it is. */
  stuck: Stuck | undefined
  interruptedAt: number | undefined
  /** When running items were first seen, by position among those that were sent; only where they have a `timeout`. */
  readonly runningSince: Map<number, number> | undefined
  /** How many items have been seen to start. */
  seenStarted: number
}

/** Something that has been going on for too long. */
export interface Overdue {
  readonly what: "loading" | "timeout" | "interruption"
  readonly chunk: Chunk
  /** The positions, among the items that were sent, of those whose time is over. */
  readonly positions: ReadonlyArray<number>
  /** Whether the worker's event loop stands still, so that it may be something else that keeps the worker. */
  readonly isBlocked: boolean
  /** Describes it; becomes the cause of the error that callers get. */
  readonly cause: Error
}

/** What a watch reads of a worker. */
export interface WatchedWorker {
  /** The chunks that it has in hand. */
  readonly chunks: () => Iterable<Watched>
  /** Those whose end the pool has acted on, since they were interrupted, while their task was being loaded. */
  readonly abandoned: () => Iterable<Watched>
  /** How many turns its event loop has made while tasks were being loaded. */
  readonly turns: () => number
  /** How long it takes until it has heard of something and that has been heard of here, in milliseconds. */
  readonly lag: () => number
}

export class ChunkWatch {
  private readonly limits: WatchLimits
  private readonly worker: WatchedWorker
  private readonly watch: Watch
  /** When the worker was asked to leave, and how many turns its event loop had made by then. */
  private leaving: { readonly at: number; readonly turns: number } | undefined = undefined

  /**
   * Calls `onOverdue` with the first thing that it finds, and then does not look again until `sent`, `interrupted` or `leave` is called.
   */
  constructor(limits: WatchLimits, worker: WatchedWorker, onOverdue: (overdue: Overdue) => void) {
    this.limits = limits
    this.worker = worker
    this.watch = new Watch(() => {
      const found = this.findOverdue()
      if (found === undefined) return this.nextLook()
      onOverdue(found)
      return undefined
    })
  }

  /** The time by which chunks are judged, as `Watch.now()`. */
  now(): number {
    return this.watch.now()
  }

  /** A chunk has been sent. */
  sent(watched: Watched): void {
    const next = this.nextLookAt(watched)
    if (next !== undefined) this.watch.within(next)
  }

  /** Outcomes of `count` items have arrived, from position `from` on. */
  reported(watched: Watched, from: number, count: number): void {
    this.noteStarted(watched, this.watch.now())
    for (let position = from; position < from + count; position++) watched.runningSince?.delete(position)
  }

  interrupted(watched: Watched): void {
    watched.interruptedAt ??= this.watch.now()
    const { killAfter } = this.limits
    if (killAfter !== undefined) this.watch.within(killAfter + this.worker.lag())
  }

  /** The worker is asked to run its `exit`, or to end: a module that nobody waits for may keep it for `killAfter` more. */
  leave(): void {
    const { killAfter } = this.limits
    if (killAfter === undefined) return
    this.leaving ??= { at: this.watch.now(), turns: this.worker.turns() }
    this.watch.within(this.leftToLeave(killAfter) ?? 0)
  }

  stop(): void {
    this.watch.stop()
  }

  /** In how many milliseconds its time to leave is over; `undefined` when it has been seen to go on since it was asked to. */
  private leftToLeave(killAfter: number): number | undefined {
    const { leaving, worker } = this
    if (leaving === undefined || worker.turns() !== leaving.turns) return undefined
    return leaving.at + killAfter + worker.lag() - this.watch.now()
  }

  /** In how many milliseconds to look next; `undefined` when there is nothing to look for. */
  private nextLook(): number | undefined {
    const { killAfter } = this.limits
    const abandoned = [...this.worker.abandoned()]
    let next = killAfter === undefined ? undefined : this.leftToLeave(killAfter)
    // once its time is over there is nothing to look for but what has been heard of until then
    if (next !== undefined && next <= 0) next = abandoned.length === 0 ? undefined : interval(killAfter ?? 0)
    for (const watched of [...this.worker.chunks(), ...abandoned]) {
      const own = this.nextLookAt(watched)
      if (own !== undefined && (next === undefined || own < next)) next = own
    }
    return next
  }

  private nextLookAt({ cell, chunk, interruptedAt }: Watched): number | undefined {
    const { killAfter, startTimeout } = this.limits
    let next = Number.POSITIVE_INFINITY
    if (startTimeout !== undefined && cell.isKnown && cell.phase !== phases.loaded) next = interval(startTimeout)
    if (killAfter !== undefined) {
      if (interruptedAt !== undefined) {
        const most = killAfter + this.worker.lag()
        const left = interruptedAt + most - this.watch.now()
        // one of which nothing has been heard is not ended when its time is over, and what keeps its worker may do so for long
        next = Math.min(next, left <= 0 && isUnheard(cell) ? interval(most) : left)
      }
      if (chunk.timeout !== undefined && cell.isKnown) next = Math.min(next, interval(chunk.timeout + killAfter))
    }
    return next === Number.POSITIVE_INFINITY ? undefined : Math.max(1, next)
  }

  private findOverdue(): Overdue | undefined {
    const now = this.watch.now()
    const chunks = [...this.worker.chunks()]
    const isWorking = chunks.some(({ cell }) => cell.phase === phases.loaded)
    for (const watched of chunks) {
      const found = this.overdueStart(watched, isWorking, now) ?? this.overdueItem(watched, now)
      if (found !== undefined) return found
    }
    // nobody waits for these modules: no item is to be lost by them
    for (const watched of this.worker.abandoned()) {
      if (isWorking) watched.stuck?.wait(now)
      const found = isWorking ? undefined : (this.overdueStart(watched, false, now) ?? this.overdueLeave(watched))
      if (found !== undefined) return found
    }
    return undefined
  }

  private overdueLeave({ chunk }: Watched): Overdue | undefined {
    const { killAfter } = this.limits
    const left = killAfter === undefined ? undefined : this.leftToLeave(killAfter)
    if (left === undefined || left > 0) return undefined
    const cause = new Error(`A module that it loads kept it for ${killAfter} milliseconds after it was to leave`)
    return { what: "interruption", chunk, positions: [], isBlocked: true, cause }
  }

  private overdueStart(watched: Watched, isWorking: boolean, now: number): Overdue | undefined {
    const { startTimeout } = this.limits
    const { cell, chunk } = watched
    const { phase } = cell
    // a chunk that the worker has not read may be waiting for the items of another; if none runs, something blocks it
    if (!cell.isKnown || phase === phases.loaded || (phase === phases.unseen && isWorking)) {
      watched.stuck = undefined
      return undefined
    }
    if (startTimeout === undefined) return undefined
    const turns = this.worker.turns()
    if (watched.stuck?.phase !== phase) watched.stuck = new Stuck(phase, now, turns)
    const { stuck } = watched
    stuck.look(now, turns, isWorking)
    if (stuck.millis < startTimeout) return undefined
    const what = phase === phases.loading ? "loading" : "interruption"
    const message =
      phase === phases.loading
        ? `It did not load within ${startTimeout} milliseconds`
        : `The worker did not take an item up within ${startTimeout} milliseconds: something else keeps it`
    return { what, chunk, positions: [], isBlocked: stuck.isBlocked(now), cause: new Error(message) }
  }

  private overdueItem(watched: Watched, now: number): Overdue | undefined {
    const { killAfter } = this.limits
    const { cell, chunk, interruptedAt, runningSince } = watched
    if (killAfter === undefined) return undefined
    if (!isUnheard(cell) && interruptedAt !== undefined && now - interruptedAt >= killAfter + this.worker.lag()) {
      const cause = new Error(`An item did not yield within ${killAfter} milliseconds after it was interrupted`)
      return { what: "interruption", chunk, positions: [], isBlocked: true, cause }
    }
    if (runningSince === undefined || chunk.timeout === undefined) return undefined
    this.noteStarted(watched, now)
    const most = chunk.timeout + killAfter
    const positions = [...runningSince].filter(([, since]) => now - since >= most).map(([position]) => position)
    if (positions.length === 0) return undefined
    const cause = new Error(`An item did not yield within ${killAfter} milliseconds after its time was over`)
    return { what: "timeout", chunk, positions, isBlocked: true, cause }
  }

  /** Notes which items have started since this was last called. */
  private noteStarted(watched: Watched, now: number): void {
    const { started = 0 } = watched.cell
    for (; watched.seenStarted < started; watched.seenStarted++) watched.runningSince?.set(watched.seenStarted, now)
  }
}

/** Whether no item of a chunk has been heard of where numbers lag: something else may keep the worker, or its module. */
const isUnheard = (cell: Cell): boolean => cell.lags && cell.started === 0 && cell.phase !== phases.loaded
