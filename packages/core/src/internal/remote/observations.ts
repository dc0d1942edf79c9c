/**
 * What a worker tells of its Effects, done again here in the context of its caller: it is written by the caller's loggers,
 * told to the caller's tracer and counted in the caller's registry, once and in order (O3).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import type { ObservedRecord } from "../wire/observed.ts"
import type * as protocol from "../wire/protocol.ts"
import * as logs from "./observedLogs.ts"
import * as metrics from "./observedMetrics.ts"
import type { ObservedSpans } from "./observedSpans.ts"
import type { RemoteChunks } from "./remoteChunks.ts"

/** What a record is told with. */
export interface Told {
  readonly worker: WorkerIdentity
  /** The context of its caller, or of the pool. */
  readonly context: Context.Context<never>
  /** What to add to a time of the worker's, in milliseconds: the clocks of two machines differ. */
  readonly offset: number
  /** It happened no earlier than this, in milliseconds by the Clock of the pool, ... */
  readonly earliest: number
  /** ... and no later. */
  readonly latest: number
}

/** What is known of chunks. */
type Chunks = Pick<RemoteChunks, "ageOf" | "contextOf">

/** The wall clocks of two machines differ by more than this, in milliseconds, or are not looked at. */
const sameClock = 1000

export class Observations {
  private readonly worker: WorkerIdentity
  /** Of the pool: for what its hooks and services tell, and what comes when an item's caller has gone. */
  context: Context.Context<never>
  private readonly spans: ObservedSpans
  private readonly chunks: Chunks
  /** The number of the next record. */
  private next = 0
  /** Records that have come aside, before those that were sent before them. */
  private readonly early = new Map<number, ObservedRecord>()
  private offset = Number.POSITIVE_INFINITY
  /** What the pool's Clock said when the last message came, in milliseconds. */
  private now = Number.POSITIVE_INFINITY
  /** When the last line was written, as it says: what is corrected better and better would put the next one before it. */
  private lastLine = Number.NEGATIVE_INFINITY

  constructor(worker: WorkerIdentity, context: Context.Context<never>, spans: ObservedSpans, chunks: Chunks) {
    this.worker = worker
    this.context = context
    this.spans = spans
    this.chunks = chunks
  }

  /** The worker has told of something. Throws when that is nothing that a worker tells. */
  receive({ aside, at, first, records }: protocol.Observed): void {
    this.spans.arrived()
    // messages take time, so the one that took least says most about the clocks
    this.now = Context.get(this.context, Clock.Clock).currentTimeMillisUnsafe()
    this.offset = Math.min(this.offset, this.now - at)
    if (aside === true) {
      records.forEach((record, n) => {
        if (first + n >= this.next) this.early.set(first + n, record)
      })
      return
    }
    records.forEach((record, n) => {
      const number = first + n
      // what has come again after a message could not be read
      if (number < this.next) return
      this.next = number + 1
      if (this.early.size > 0) this.early.delete(number)
      this.tell(record)
    })
  }

  /** The worker has ended: what it sent aside is all that comes. */
  workerEnded(): void {
    for (const [number, record] of [...this.early].toSorted(([left], [right]) => left - right)) {
      if (number >= this.next) this.tell(record)
    }
    this.early.clear()
  }

  private tell(record: ObservedRecord): void {
    const { chunks, lastLine, now, spans } = this
    const isLine = "length" in record
    const [chunk, position] = isLine ? [record[1], record[2]] : [record.chunk, record.position]
    const told: Told = {
      worker: this.worker,
      context: chunks.contextOf(chunk, position) ?? this.context,
      offset: this.offset < 0 || this.offset > sameClock ? this.offset : 0,
      earliest: isLine ? Math.max(lastLine, now - (chunks.ageOf(chunk) ?? Number.POSITIVE_INFINITY)) : lastLine,
      latest: now
    }
    if (isLine) {
      this.lastLine = logs.write(record, told, spans)
      return
    }
    switch (record._tag) {
      case "LogsDropped":
        return logs.writeDropped(record, told)
      case "Metric":
        return metrics.update(record, told)
      case "MetricRemoved":
        return metrics.remove(record, told)
      case "Spans":
      case "SpanChange":
      case "Items":
      case "ItemsEnded":
        return spans.tell(record, told)
      default:
        throw new Error("It told of what no worker tells")
    }
  }
}
