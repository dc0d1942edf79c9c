/**
 * Events as a trace of what workers did and when (O2), in the format of Chrome's tracing that Perfetto opens too. Pure.
 */
import { shortened } from "./failureText.ts"
import type { ChunkDone, ChunkSent, PoolEvent, WorkerStarting } from "./poolEvent.ts"
import { SlotTrack } from "./slotTrack.ts"

/**
 * An entry of a trace: a slice (`X`), a mark (`i`) or a name (`M`). Times are in microseconds.
 *
 * @category tracing
 * @since 0.1.0
 */
export interface TraceEvent {
  readonly name: string
  readonly ph: "X" | "i" | "M"
  /** Of the pool. */
  readonly pid: number
  /** Of the track: the slot + 1, and more where a worker runs several chunks at once. */
  readonly tid: number
  /** When it began, since the earliest event. */
  readonly ts: number
  /** How long a slice lasted. */
  readonly dur?: number | undefined
  /** How far a mark reaches: over its track (`t`), or all (`g`). */
  readonly s?: "t" | "g" | undefined
  readonly args?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
}

/**
 * A trace, to be written as JSON.
 *
 * @category tracing
 * @since 0.1.0
 */
export interface ChromeTrace {
  readonly traceEvents: ReadonlyArray<TraceEvent>
  readonly displayTimeUnit: "ms"
  readonly otherData: {
    /** When the earliest event happened. */
    readonly began: string
    /** How many slices and marks there were beyond the limit. */
    readonly leftOut: number
    /** How many events the listener had missed. */
    readonly missed: number
    /** How many chunks were left out because their beginning was not heard. */
    readonly withoutBeginning: number
  }
}

const defaultLimit = 100_000

/** The most characters of a task's name. */
const longestName = 60

/** One pool of the trace. */
interface PoolTrack {
  readonly pid: number
  readonly tasks: Map<number, string>
  readonly slots: Map<number, SlotTrack>
}

class Trace {
  private readonly limit: number
  /** By their ids, since several pools may have one name. */
  private readonly pools = new Map<string, PoolTrack>()
  private readonly entries: Array<TraceEvent> = []
  private readonly tracks = new Map<string, TraceEvent>()
  /** When the earliest event happened: not always the first one, where events of several pools come one after another. */
  private readonly origin: number
  private last = 0
  private leftOut = 0
  private missed = 0
  private withoutBeginning = 0

  constructor(limit: number, origin: number) {
    this.limit = limit
    this.origin = origin
  }

  add(event: PoolEvent): void {
    this.last = Math.max(this.last, event.time)
    const pool = this.poolOf(event)
    switch (event._tag) {
      case "CallStarted":
        if (event.task !== undefined) pool.tasks.set(event.call, event.task)
        return
      case "CallEnded":
        pool.tasks.delete(event.call)
        return
      case "Missed":
        this.missed += event.count
        // the ends of what runs may be among them
        return this.cut(pool, event.time)
      case "WorkerStarting":
        this.slotOf(pool, event.worker).starting = event
        return
      case "WorkerInitialised":
      case "WorkerReleased":
        return this.started(pool, event.worker, event.time)
      case "WorkerLost":
      case "WorkerKilled": {
        this.started(pool, event.worker, event.time)
        const { _tag, generation, worker } = event
        const why = _tag === "WorkerLost" ? { exitCode: event.exitCode, signal: event.signal, cause: event.cause } : {}
        const name = _tag === "WorkerLost" ? "lost" : "killed"
        return this.write({
          ...this.entry(pool, worker, 0, name, event.time),
          ph: "i",
          s: "t",
          args: { generation, ...why }
        })
      }
      case "ChunkSent":
        return this.slotOf(pool, event.worker).sent(event)
      case "ChunkDone":
        return this.done(pool, event)
      case "ItemFailed":
      case "Progressed":
        return
    }
  }

  get chrome(): ChromeTrace {
    for (const pool of this.pools.values()) this.cut(pool, this.last)
    const { leftOut, missed, origin, withoutBeginning } = this
    const counts = { leftOut, missed, withoutBeginning }
    const isWhole = leftOut + missed + withoutBeginning === 0
    const said: TraceEvent = {
      name: `not in this trace: ${leftOut} slices and marks beyond the limit, ${missed} events that were missed, ${withoutBeginning} chunks without a beginning`,
      ph: "i",
      s: "g",
      pid: 1,
      tid: 1,
      ts: this.micros(this.last),
      args: counts
    }
    return {
      traceEvents: [...this.tracks.values(), ...this.entries, ...(isWhole ? [] : [said])],
      displayTimeUnit: "ms",
      otherData: { began: new Date(origin).toISOString(), ...counts }
    }
  }

  // ---------------------------------------------------------------------------
  // Slices
  // ---------------------------------------------------------------------------

  private started(pool: PoolTrack, worker: number, time: number): void {
    const slot = this.slotOf(pool, worker)
    const { starting } = slot
    if (starting === undefined) return
    slot.starting = undefined
    this.writeStart(pool, starting, time)
  }

  private writeStart(pool: PoolTrack, { generation, time: began, worker }: WorkerStarting, time: number): void {
    this.slice(pool, worker, 0, "start", began, time, { generation })
  }

  private done(pool: PoolTrack, event: ChunkDone): void {
    const run = this.slotOf(pool, event.worker).done(event.chunk, event.time)
    if (run === undefined) {
      this.withoutBeginning++
      return
    }
    const { began, lane, sent } = run
    const { failed, interrupted, succeeded } = event
    // it waited behind another one, and went elsewhere
    if (began === undefined && succeeded + failed + interrupted === 0) return
    this.chunk(pool, sent, lane, began ?? sent.time, event.time, { succeeded, failed, interrupted })
  }

  /** What has not ended by then lasts until then. */
  private cut(pool: PoolTrack, time: number): void {
    for (const [worker, slot] of pool.slots) {
      this.started(pool, worker, time)
      for (const { began, lane, sent } of slot.takeAll()) {
        if (began !== undefined) this.chunk(pool, sent, lane, began, time, { unfinished: true })
      }
    }
  }

  private chunk(
    pool: PoolTrack,
    { call, chunk, generation, items, worker }: ChunkSent,
    lane: number,
    from: number,
    to: number,
    more: NonNullable<TraceEvent["args"]>
  ): void {
    const task = pool.tasks.get(call)
    const name = task === undefined ? `call ${call}` : shortened(task.slice(task.lastIndexOf("/") + 1), longestName)
    this.slice(pool, worker, lane, name, from, to, { call, chunk, generation, items, ...more })
  }

  private slice(
    pool: PoolTrack,
    worker: number,
    lane: number,
    name: string,
    from: number,
    to: number,
    args: NonNullable<TraceEvent["args"]>
  ): void {
    const entry = this.entry(pool, worker, lane, name, from)
    this.write({ ...entry, ph: "X", dur: this.micros(to) - entry.ts, args })
  }

  private write(entry: TraceEvent): void {
    if (this.entries.length < this.limit) this.entries.push(entry)
    else this.leftOut++
  }

  // ---------------------------------------------------------------------------
  // Tracks
  // ---------------------------------------------------------------------------

  private poolOf({ pool: name, poolId }: PoolEvent): PoolTrack {
    // an event without an id may be one that a program has made itself
    const key = `${poolId ?? ""} ${name}`
    let pool = this.pools.get(key)
    if (pool === undefined) {
      pool = { pid: this.pools.size + 1, tasks: new Map(), slots: new Map() }
      this.pools.set(key, pool)
      this.name(pool.pid, 1, "process_name", { name })
    }
    return pool
  }

  private slotOf({ slots }: PoolTrack, worker: number): SlotTrack {
    let slot = slots.get(worker)
    if (slot === undefined) slots.set(worker, (slot = new SlotTrack()))
    return slot
  }

  private entry({ pid }: PoolTrack, worker: number, lane: number, name: string, time: number) {
    const tid = lane * 10_000 + worker + 1
    if (!this.tracks.has(`${pid} ${tid} thread_name`)) {
      this.name(pid, tid, "thread_name", { name: lane === 0 ? `worker ${worker}` : `worker ${worker} (${lane + 1})` })
      this.name(pid, tid, "thread_sort_index", { sort_index: worker * 1000 + lane })
    }
    return { name, pid, tid, ts: this.micros(time) }
  }

  private name(pid: number, tid: number, name: string, args: NonNullable<TraceEvent["args"]>): void {
    this.tracks.set(`${pid} ${tid} ${name}`, { name, ph: "M", pid, tid, ts: 0, args })
  }

  /** In microseconds since the earliest event. */
  private micros(time: number): number {
    return inEighths((time - this.origin) * 1000)
  }
}

/**
 * In multiples of 1/8, of which sums and differences are exact: or else a slice might seem to end a little after the one that
 * follows it begins, and viewers would take the second one for a part of the first.
 */
const inEighths = (micros: number): number => Math.round(micros * 8) / 8

const earlier = (origin: number | undefined, { time }: PoolEvent): number =>
  origin === undefined ? time : Math.min(origin, time)

export const toChromeTrace = (
  events: Iterable<PoolEvent>,
  options?: { readonly limit?: number | undefined }
): ChromeTrace => {
  const all = [...events]
  const trace = new Trace(options?.limit ?? defaultLimit, all.reduce(earlier, undefined) ?? 0)
  for (const event of all) trace.add(event)
  return trace.chrome
}
