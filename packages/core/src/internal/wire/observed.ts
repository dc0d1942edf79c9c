/**
 * What a worker tells of what its Effects log, trace and measure (O3): the records, as types. They are made only where
 * Effect is loaded, from parts that any channel carries. Free of Effect.
 */
import type { EncodedReason } from "./failure.ts"
import type { Change, Series } from "./series.ts"

/** What of its caller's context the Effects of an item see; what is left out is as by default. */
export interface Caller {
  /** Values of the References that cross, by their number in `wire/caller.ts`. */
  readonly references: ReadonlyArray<readonly [reference: number, value: unknown]>
  /** The span that the caller is in. */
  readonly span?: CallerSpan | undefined
  /** Whether the caller's tracer is to be told of spans: with the default one nobody would see them. */
  readonly traced?: boolean | undefined
}

export interface CallerSpan {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
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

export type ObservedRecord = LogRecord | LogsDropped | MetricRecord | MetricRemoved
