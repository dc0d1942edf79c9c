/**
 * Finds out, on the pool's side and in real time, when something in a remote worker does not yield: a module that does not
 * load, an item that is out of time or that nobody wants any more.
 */
import type { Chunk } from "../../WorkerRuntime.ts"
import { type Cell, phases } from "../wire/control.ts"
import { interval, Watch } from "./watch.ts"

/** What may take how long, in milliseconds; `undefined` for any time. */
export interface WatchLimits {
  /** Loading a module. */
  readonly startTimeout: number | undefined
  /** Whatever has been told to end. */
  readonly killAfter: number | undefined
}

/** What is looked at of a chunk. */
export interface Watched {
  readonly chunk: Chunk
  readonly cell: Cell
  /** Since when it has been seen to be waiting for its task to be loaded. */
  stuckSince: number | undefined
  interruptedAt: number | undefined
  /** Since when items have been seen to run, by their positions, for chunks with a `timeout`. */
  readonly running: Map<number, number> | undefined
  /** How many items have been seen to start. */
  seen: number
}

/** What has been going on for too long. */
export interface Overdue {
  readonly what: "loading" | "timeout" | "interruption"
  readonly chunk: Chunk
  /** The positions, among the items that were sent, of those that are out of time. */
  readonly positions: ReadonlyArray<number>
  /** What it says where it is the cause of something else. */
  readonly cause: Error
}

export class ChunkWatch {
  private readonly limits: WatchLimits
  private readonly chunks: () => Iterable<Watched>
  private readonly watch: Watch

  constructor(limits: WatchLimits, chunks: () => Iterable<Watched>, overdue: (overdue: Overdue) => void) {
    this.limits = limits
    this.chunks = chunks
    this.watch = new Watch(() => {
      const found = this.overdue()
      if (found === undefined) return this.next()
      overdue(found)
      return undefined
    })
  }

  /** A chunk has been sent. */
  begun(watched: Watched): void {
    const next = this.nextOf(watched)
    if (next !== undefined) this.watch.within(next)
  }

  /** Outcomes have arrived of so many items from a position on. */
  reported(watched: Watched, from: number, count: number): void {
    this.see(watched, performance.now())
    for (let position = from; position < from + count; position++) watched.running?.delete(position)
  }

  interrupted(watched: Watched): void {
    watched.interruptedAt ??= performance.now()
    if (this.limits.killAfter !== undefined) this.watch.within(this.limits.killAfter)
  }

  stop(): void {
    this.watch.stop()
  }

  /** When to look next; `undefined` when there is nothing to look for. */
  private next(): number | undefined {
    let next: number | undefined
    for (const watched of this.chunks()) {
      const one = this.nextOf(watched)
      if (one !== undefined && (next === undefined || one < next)) next = one
    }
    return next
  }

  private nextOf({ cell, chunk, interruptedAt }: Watched): number | undefined {
    const { killAfter, startTimeout } = this.limits
    let next = Number.POSITIVE_INFINITY
    if (startTimeout !== undefined && cell.isKnown && cell.phase !== phases.loaded) next = interval(startTimeout)
    if (killAfter !== undefined) {
      if (interruptedAt !== undefined) next = Math.min(next, interruptedAt + killAfter - performance.now())
      if (chunk.timeout !== undefined && cell.isKnown) next = Math.min(next, interval(chunk.timeout + killAfter))
    }
    return next === Number.POSITIVE_INFINITY ? undefined : Math.max(1, next)
  }

  private overdue(): Overdue | undefined {
    const now = performance.now()
    const chunks = [...this.chunks()]
    const isWorking = chunks.some(({ cell }) => cell.phase === phases.loaded)
    for (const watched of chunks) {
      const found = this.loading(watched, isWorking, now) ?? this.item(watched, now)
      if (found !== undefined) return found
    }
    return undefined
  }

  private loading(watched: Watched, isWorking: boolean, now: number): Overdue | undefined {
    const { startTimeout } = this.limits
    const { cell, chunk } = watched
    const { phase } = cell
    // one that it has not seen yet waits for others; when there are none, something else keeps the worker
    if (!cell.isKnown || phase === phases.loaded || (phase === phases.unseen && isWorking)) {
      watched.stuckSince = undefined
      return undefined
    }
    watched.stuckSince ??= now
    if (startTimeout === undefined || now - watched.stuckSince < startTimeout) return undefined
    // the module does not load in time, or something keeps the worker from the chunk (T4)
    const what = phase === phases.loading ? "loading" : "interruption"
    const message =
      phase === phases.loading
        ? `The task's module did not load within ${startTimeout} milliseconds`
        : `The worker did not take an item up within ${startTimeout} milliseconds: something else keeps it`
    return { what, chunk, positions: [], cause: new Error(message) }
  }

  private item(watched: Watched, now: number): Overdue | undefined {
    const { killAfter } = this.limits
    const { chunk, interruptedAt, running } = watched
    if (killAfter === undefined) return undefined
    // what was interrupted does not yield: its worker is to be killed (C4)
    if (interruptedAt !== undefined && now - interruptedAt >= killAfter) {
      const cause = new Error(`An item did not yield within ${killAfter} milliseconds after it was interrupted`)
      return { what: "interruption", chunk, positions: [], cause }
    }
    if (running === undefined || chunk.timeout === undefined) return undefined
    this.see(watched, now)
    const most = chunk.timeout + killAfter
    // a worker interrupts such items itself: what still runs after `killAfter` keeps it from that (T2)
    const positions = [...running].filter(([, since]) => now - since >= most).map(([position]) => position)
    if (positions.length === 0) return undefined
    const cause = new Error(`An item did not yield within ${killAfter} milliseconds after its time was over`)
    return { what: "timeout", chunk, positions, cause }
  }

  /** Notes which items have started since it looked last. */
  private see(watched: Watched, now: number): void {
    const { started = 0 } = watched.cell
    for (; watched.seen < started; watched.seen++) watched.running?.set(watched.seen, now)
  }
}
