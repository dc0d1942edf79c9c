/**
 * What a worker tells of what its Effects log, trace and measure (O3): the records, as types. They are made only where
 * Effect is loaded, from parts that any channel carries. Free of Effect.
 */
import type { EncodedReason } from "./failure.ts"
import type { Change, Series } from "./series.ts"

/** The chunk of the pool's own hooks and services. */
export const poolsOwn = -1

/** What of its caller's context the Effects of an item see; what is left out is as by default. */
export interface Caller {
  /** Values of the References that cross, by their number in `wire/caller.ts`. */
  readonly references: ReadonlyArray<readonly [reference: number, value: unknown]>
  /** The span that the caller is in. */
  readonly span?: CallerSpan | undefined
  /** Whether the caller's tracer is to be told of spans: with the default one nobody would see them. */
  readonly traced?: boolean | undefined
  /** What its spans are linked to. */
  readonly links?: ReadonlyArray<EncodedLink> | undefined
  /** Whether nobody gets the lines that it logs. */
  readonly unlogged?: boolean | undefined
}

export interface CallerSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
  /** Its name, where it is one of this program: events and attributes can be added to it. */
  readonly name?: string | undefined
  /** Left out where it is internal. */
  readonly kind?: SpanKind | undefined
  /** When it began, in nanoseconds by the caller's Clock. */
  readonly startTime?: bigint | undefined
  /** What it is in: its id. Of one that is hidden, whole, that which what is in it is in. */
  readonly parent?: string | CallerSpan | undefined
  /** Whether spans in it are not to know of it. */
  readonly isHidden?: boolean | undefined
}

type SpanKind = "internal" | "server" | "client" | "producer" | "consumer"

/** A span that another is linked to. */
export interface EncodedLink extends CallerSpan {
  readonly attributes: Readonly<Record<string, unknown>>
}

/** What says in a worker whose Effect runs: the Effects of a pool that a task makes in this process are the task's. */
export const originKey = "@effect-mpire/core/CurrentOrigin"

/**
 * Whose record it is: the number of a chunk and the position of an item among those that were sent, which says whose
 * context it is told in. Chunk -1 is the pool's own: its hooks and services.
 */
export interface Whose {
  readonly chunk: number
  readonly position: number
}

/**
 * A line of a log, as an array because there may be very many of them: whose it is, its level, its time in milliseconds by
 * the Clock in the worker, the parts of its message, and what is around it that is not its caller's own.
 */
export type LogRecord = readonly [
  tag: "Log",
  chunk: number,
  position: number,
  level: string,
  time: number,
  message: ReadonlyArray<unknown>,
  around?: Around | undefined
]

/** What a line has besides its message; left out is what it has not, or has of its caller. */
export interface Around {
  /** Which parts of the message are errors, taken apart. */
  readonly errors?: ReadonlyArray<number> | undefined
  readonly cause?: ReadonlyArray<EncodedReason> | undefined
  /** The annotations that are not the caller's own, and the names of those of the caller's that are gone. */
  readonly annotations?: Readonly<Record<string, unknown>> | undefined
  readonly without?: ReadonlyArray<string> | undefined
  /** The log spans that are not the caller's own: they come before those. */
  readonly spans?: ReadonlyArray<readonly [label: string, start: number]> | undefined
  /** The id of the span that it was logged in. */
  readonly span?: string | undefined
}

/** How many lines below Warn a worker tells of in a second. */
export const mostLines = 10_000

/** Lines below Warn that were not told because there were too many, within the second before. */
export interface LogsDropped extends Whose {
  readonly _tag: "LogsDropped"
  readonly count: number
  readonly time: number
}

/** What has been done to a series of a metric since the last record about it and that caller. */
export interface MetricRecord extends Whose {
  readonly _tag: "Metric"
  readonly series: Series
  readonly change: Change
}

/** A series has been removed from the registry of its caller. */
export interface MetricRemoved extends Whose {
  readonly _tag: "MetricRemoved"
  /** What Effect calls it in registries. */
  readonly key: string
}

/** What has been added to a span. */
export interface SpanAdditions {
  /** Names and values by turns. */
  readonly attributes: ReadonlyArray<unknown> | undefined
  readonly events: ReadonlyArray<SpanEvent> | undefined
  readonly links: ReadonlyArray<EncodedLink> | undefined
}

/** An event of a span, with its attributes as `SpanAdditions` has them. */
export type SpanEvent = readonly [name: string, time: bigint, attributes: ReadonlyArray<unknown> | undefined]

/** What stands before each row of `SpansRecord`. */
export const rows = { begun: 1, ended: 2 } as const

/** Stands in a row for what is as in the row before that has it. */
export const asBefore = 0

/**
 * Spans that have begun and ended, in the order in which they have. Rows of values one after another, because objects take
 * several times as long to cross. Times are in nanoseconds by the Clock in the worker, 0 where spans have none.
 *
 * - `rows.begun`, trace id, id of the parent, id, name, start, end, kind, attributes, events, links, reasons. One that has
 *   ended, with nothing told of within it, is told as a whole; otherwise the end is `undefined`, and so are the reasons, as
 *   they are of one that has succeeded: results are not told. The first two and the name may be `asBefore`; the kind is
 *   `undefined` for one that is internal.
 * - `rows.ended`, id, end, attributes, events, links, reasons
 */
export interface SpansRecord extends Whose {
  readonly _tag: "Spans"
  readonly rows: ReadonlyArray<unknown>
}

/** Something was added to a span that a caller had begun, or the pool for it. */
export interface SpanChange extends Whose, SpanAdditions {
  readonly _tag: "SpanChange"
  readonly id: string
}

/**
 * Items that have begun, in chunks whose items have spans; and have ended, where they had when it was told. How an item
 * ended, its result says.
 */
export interface ItemsRecord extends Whose {
  readonly _tag: "Items"
  readonly items: ReadonlyArray<readonly [position: number, id: string, start: number, end: number | undefined]>
}

/** Times at which items ended that had been told to have begun, in milliseconds. */
export interface ItemsEnded extends Whose {
  readonly _tag: "ItemsEnded"
  readonly items: ReadonlyArray<readonly [position: number, end: number]>
}

export type TraceRecord = SpansRecord | SpanChange | ItemsRecord | ItemsEnded

export type ObservedRecord = LogRecord | LogsDropped | MetricRecord | MetricRemoved | TraceRecord
