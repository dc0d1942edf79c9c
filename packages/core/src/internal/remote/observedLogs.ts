/**
 * Writes what was logged in a worker with the loggers of its caller, as if it had been logged in the caller's fiber (O3).
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { withWorker } from "../common/withWorker.ts"
import { decodeCause } from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import { type Around, type LogRecord, type LogsDropped, mostLines } from "../wire/observed.ts"
import type { Told } from "./observations.ts"
import { type ObservedSpans, startOf } from "./observedSpans.ts"

/** Which span a line belongs to. */
type Spans = Pick<ObservedSpans, "spanOf">

/** Writes a line, and returns when that was, as it says. Whatever a logger does about it is its own affair. */
export const write = ([, chunk, , level, time, parts, around]: LogRecord, told: Told, spans: Spans): number => {
  if (!levels.has(level) || typeof time !== "number" || !Array.isArray(parts)) throw new Error("It logged no line")
  const inherited = Context.getOrUndefined(told.context, Tracer.ParentSpan)
  const span = around?.span === undefined ? inherited : spans.spanOf(chunk, around.span, told.context)
  const date = corrected(time, told, span)
  if (around === undefined) {
    log(level as Severity, date, parts, Cause.empty, withWorker(told.context, told.worker.id))
    return date
  }
  const { cause, errors } = around
  const message = errors === undefined ? parts : [...parts]
  for (const n of errors ?? []) message[n] = failure.decodeOrDescribe(message[n] as failure.EncodedValue)
  const decoded = cause === undefined ? Cause.empty : decodeCause(cause, undefined, undefined, undefined)
  const own = withOwn(around, told, date - time)
  const within = span === inherited || span === undefined ? own : Context.add(own, Tracer.ParentSpan, span)
  log(level as Severity, date, message, decoded, within)
  return date
}

/**
 * A time of the worker's by the caller's Clock, where the worker's is another: no earlier than the span that the line is in
 * began, and what else is known to have been before it. Effect's spans have a clock of their own, which can be ahead.
 */
const corrected = (time: number, { earliest, latest, offset }: Told, span: Tracer.AnySpan | undefined): number => {
  // what it says is true, also of a task that has a Clock of its own
  if (offset === 0) return time
  const own = Number.isFinite(time) ? Math.min(time + offset, latest) : latest
  return Math.max(own, earliest, Number(startOf(span) / nanosPerMilli))
}

const nanosPerMilli = BigInt(1_000_000)

const levels: ReadonlySet<string> = new Set(["Fatal", "Error", "Warn", "Info", "Debug", "Trace"])

/** Says how many lines a worker did not tell of because there were too many. */
export const writeDropped = ({ count, time }: LogsDropped, told: Told): void => {
  const message = [`${count} lines below Warn were left out: more than ${mostLines} came within a second`]
  const date = corrected(time, told, undefined)
  log("Warn", date, message, Cause.empty, withWorker(told.context, told.worker.id))
}

const log = (
  logLevel: Severity,
  time: number,
  message: ReadonlyArray<unknown>,
  cause: Cause.Cause<unknown>,
  context: Context.Context<never>
): void => {
  const written = Effect.withFiber((fiber) => {
    const date = new Date(time)
    for (const logger of fiber.getRef(References.CurrentLoggers)) {
      logger.log({ cause, date, fiber, logLevel, message })
    }
    return Effect.void
  })
  Effect.runForkWith(context)(written)
}

/** The context as it was around the line in the worker, whose times are corrected as the line's, so that lengths stay. */
const withOwn = ({ annotations, spans, without }: Around, told: Told, correction: number): Context.Context<never> => {
  const inherited = Context.get(withWorker(told.context, told.worker.id), References.CurrentLogAnnotations)
  const all: Record<string, unknown> = { ...inherited, ...annotations }
  for (const name of without ?? []) delete all[name]
  const annotated = Context.add(told.context, References.CurrentLogAnnotations, all)
  if (spans === undefined) return annotated
  const own = spans.map(([label, start]): [string, number] => [label, start + correction])
  return Context.add(annotated, References.CurrentLogSpans, [
    ...own,
    ...Context.get(told.context, References.CurrentLogSpans)
  ])
}
