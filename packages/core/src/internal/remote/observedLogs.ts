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
import type { ObservedSpans } from "./observedSpans.ts"

/** Which span a line belongs to. */
type Spans = Pick<ObservedSpans, "spanOf">

/** Writes a line. Whatever a logger does about it is its own affair. */
export const write = ([, chunk, , level, time, parts, around]: LogRecord, told: Told, spans: Spans): void => {
  if (!levels.has(level) || typeof time !== "number" || !Array.isArray(parts)) throw new Error("It logged no line")
  const context = withWorker(told.context, told.worker.id)
  if (around === undefined) return log(level as Severity, time + told.offset, parts, Cause.empty, context)
  const { cause, errors, span } = around
  const message = errors === undefined ? parts : [...parts]
  for (const n of errors ?? []) message[n] = failure.decodeOrDescribe(message[n] as failure.EncodedValue)
  const decoded = cause === undefined ? Cause.empty : decodeCause(cause, undefined, undefined, undefined)
  const own = withOwn(around, told)
  const within = span === undefined ? own : Context.add(own, Tracer.ParentSpan, spans.spanOf(chunk, span, told.context))
  log(level as Severity, time + told.offset, message, decoded, within)
}

const levels: ReadonlySet<string> = new Set(["Fatal", "Error", "Warn", "Info", "Debug", "Trace"])

/** Says how many lines a worker did not tell of because there were too many. */
export const writeDropped = ({ count, time }: LogsDropped, told: Told): void => {
  const message = [`${count} lines below Warn were left out: more than ${mostLines} came within a second`]
  log("Warn", time + told.offset, message, Cause.empty, withWorker(told.context, told.worker.id))
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

/** The context as it was around the line in the worker. */
const withOwn = ({ annotations, spans, without }: Around, told: Told): Context.Context<never> => {
  const inherited = Context.get(withWorker(told.context, told.worker.id), References.CurrentLogAnnotations)
  const all: Record<string, unknown> = { ...inherited, ...annotations }
  for (const name of without ?? []) delete all[name]
  const annotated = Context.add(told.context, References.CurrentLogAnnotations, all)
  if (spans === undefined) return annotated
  const own = spans.map(([label, start]): [string, number] => [label, start + told.offset])
  return Context.add(annotated, References.CurrentLogSpans, [
    ...own,
    ...Context.get(told.context, References.CurrentLogSpans)
  ])
}
