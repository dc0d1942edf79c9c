/**
 * What a worker tells of its Effects, done again here in the context of its caller: it is written by the caller's loggers,
 * told to the caller's tracer and counted in the caller's registry, once and in order (O3).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import { safely } from "../common/usersSpan.ts"
import type { ObservedRecord } from "../wire/observed.ts"
import type * as protocol from "../wire/protocol.ts"
import { isObserved } from "../wire/wellObserved.ts"
import * as logs from "./observedLogs.ts"
import * as metrics from "./observedMetrics.ts"
import type { ObservedSpans } from "./observedSpans.ts"
import type { RemoteChunks } from "./remoteChunks.ts"
import { type Happened, WorkerClock } from "./workerClock.ts"

/** What a record is told with. */
export interface Told extends Happened {
  readonly worker: WorkerIdentity
  /** The context of its caller, or of the pool. */
  readonly context: Context.Context<never>
}

/** What is known of chunks. */
type Chunks = Pick<RemoteChunks, "ageOf" | "contextOf">

/** How many records are kept that have come aside, the newest of them: those before them may never come. */
const mostEarly = 100_000

export class Observations {
  private readonly worker: WorkerIdentity
  /** Of the pool: for what comes when an item's caller has gone. */
  private readonly context: Context.Context<never>
  private readonly spans: ObservedSpans
  private readonly chunks: Chunks
  /** The number of the next record. */
  private next = 0
  /** Records that have come aside, before those that were sent before them. */
  private readonly early = new Map<number, ObservedRecord>()
  private readonly clock: WorkerClock
  /** What the pool's Clock said when the last message came, in milliseconds. */
  private now = 0
  /** When the last line was written by the pool's Clock: what is corrected better and better would put the next before it. */
  private lastLine = Number.NEGATIVE_INFINITY

  constructor(
    worker: WorkerIdentity,
    context: Context.Context<never>,
    spans: ObservedSpans,
    chunks: Chunks,
    clock = new WorkerClock(false)
  ) {
    this.worker = worker
    this.clock = clock
    this.context = context
    this.spans = spans
    this.chunks = chunks
  }

  /** The worker has told of something. Throws when that is nothing that a worker tells. */
  receive({ aside, at, first, records }: protocol.Observed): void {
    this.spans.arrived()
    this.now = Context.get(this.context, Clock.Clock).currentTimeMillisUnsafe()
    this.clock.heard(this.now, at)
    if (aside === true) {
      records.forEach((record, n) => {
        if (first + n >= this.next) this.early.set(first + n, record)
      })
      for (const number of this.early.keys()) {
        if (this.early.size <= mostEarly) return
        this.early.delete(number)
      }
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
    if (!isObserved(record)) throw new Error("It told of what no worker tells")
    const { chunks, clock, spans } = this
    const isLine = "length" in record
    const [chunk, position] = isLine ? [record[1], record[2]] : [record.chunk, record.position]
    const context = chunks.contextOf(chunk, position) ?? this.context
    const between = this.between(context)
    const latest = this.now + between
    const sent = latest - (chunks.ageOf(chunk) ?? Number.POSITIVE_INFINITY)
    const told: Told = {
      worker: this.worker,
      context,
      isOther: clock.isOther || between !== 0,
      offset: clock.offset + between,
      earliest: isLine ? Math.max(sent, this.lastLine + between) : sent,
      latest
    }
    if (isLine) {
      const written = logs.write(record, told, spans) - between
      // not what a task with a Clock of its own says that is yet to come
      this.lastLine = written <= this.now ? written : this.now
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
    }
  }

  /** How far a caller's Clock is ahead of the pool's, in milliseconds: it can have one of its own. */
  private between(context: Context.Context<never>): number {
    const clock = Context.get(context, Clock.Clock)
    const pools = Context.get(this.context, Clock.Clock)
    if (clock === pools) return 0
    // it is users' code (F8)
    const between = safely(() => clock.currentTimeMillisUnsafe() - pools.currentTimeMillisUnsafe()) ?? 0
    // a millisecond may have begun in between
    return Math.abs(between) > 1 && Number.isFinite(between) ? between : 0
  }
}
