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

/** What a record is told with. */
export interface Told {
  readonly worker: WorkerIdentity
  /** The context of its caller, or of the pool. */
  readonly context: Context.Context<never>
  /** What to add to a time of the worker's, in milliseconds: the clocks of two machines differ. */
  readonly offset: number
}

/** The wall clocks of two machines differ by more than this, in milliseconds, or are not looked at. */
const sameClock = 1000

export class Observations {
  private readonly worker: WorkerIdentity
  /** Of the pool: for what its hooks and services tell, and what comes when an item's caller has gone. */
  context: Context.Context<never>
  private readonly spans: ObservedSpans
  private readonly contextOf: (chunk: number, position: number) => Context.Context<never> | undefined
  /** The number of the next record. */
  private next = 0
  /** Records that have come aside, before those that were sent before them. */
  private readonly early = new Map<number, ObservedRecord>()
  private offset = Number.POSITIVE_INFINITY

  constructor(
    worker: WorkerIdentity,
    context: Context.Context<never>,
    spans: ObservedSpans,
    contextOf: (chunk: number, position: number) => Context.Context<never> | undefined
  ) {
    this.worker = worker
    this.context = context
    this.spans = spans
    this.contextOf = contextOf
  }

  /** The worker has told of something. Throws when that is nothing that a worker tells. */
  receive({ aside, at, first, records }: protocol.Observed): void {
    this.spans.arrived()
    // messages take time, so the one that took least says most about the clocks
    this.offset = Math.min(this.offset, Context.get(this.context, Clock.Clock).currentTimeMillisUnsafe() - at)
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
    const { spans } = this
    const isLine = "length" in record
    const [chunk, position] = isLine ? [record[1], record[2]] : [record.chunk, record.position]
    const context = this.contextOf(chunk, position) ?? this.context
    const told: Told = {
      worker: this.worker,
      context,
      offset: this.offset < 0 || this.offset > sameClock ? this.offset : 0
    }
    if (isLine) return logs.write(record, told, spans)
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
