/**
 * Writes what was logged in a worker with the loggers of its caller, as if it had been logged in the caller's fiber (O3).
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { safely, startOf } from "../common/usersSpan.ts"
import { withWorker } from "../common/withWorker.ts"
import { arrived } from "../wire/arrived.ts"
import { decodeCause } from "../wire/crossing.ts"
import * as failure from "../wire/failure.ts"
import { type Around, type LogRecord, type LogsDropped, mostLines } from "../wire/observed.ts"
import { LineClock } from "./lineClock.ts"
import type { Told } from "./observations.ts"
import type { ObservedSpans } from "./observedSpans.ts"
import { corrected } from "./workerClock.ts"

/** Which span a line belongs to. */
type Spans = Pick<ObservedSpans, "spanOf">

/** Writes a line, and returns when that was, as it says. Whatever a logger does about it is its own affair. */
export const write = ([, chunk, , level, time, carried, around]: LogRecord, told: Told, spans: Spans): number => {
  if (!levels.has(level) || typeof time !== "number" || !Array.isArray(carried)) throw new Error("It logged no line")
  const parts = carried.map(arrived)
  const inherited = Context.getOrUndefined(told.context, Tracer.ParentSpan)
  const span = around?.span === undefined ? inherited : spans.spanOf(chunk, around.span, told.context)
  const began = startOf(span)
  const date = dateOf(time, told, began)
  if (around === undefined) {
    log(level as Severity, date, began, parts, Cause.empty, withWorker(told.context, told.worker.id))
    return date
  }
  const { errors } = around
  const cause = arrived(around.cause) as Around["cause"]
  for (const n of errors ?? []) parts[n] = failure.decodeOrDescribe(parts[n] as failure.EncodedValue)
  const decoded = cause === undefined ? Cause.empty : decodeCause(cause, undefined, undefined, undefined)
  const own = withOwn(around, told, date - time)
  const within = span === inherited || span === undefined ? own : Context.add(own, Tracer.ParentSpan, span)
  log(level as Severity, date, began, parts, decoded, within)
  return date
}

/** When the line was logged, and no earlier than the span that it is in began: Effect's spans have a clock of their own. */
const dateOf = (time: number, told: Told, began: bigint): number =>
  told.isOther ? Math.max(corrected(time, told), Number(began / nanosPerMilli)) : time

const nanosPerMilli = BigInt(1_000_000)

const levels: ReadonlySet<string> = new Set(["Fatal", "Error", "Warn", "Info", "Debug", "Trace"])

/** Says how many lines a worker did not tell of because there were too many. */
export const writeDropped = ({ count, time }: LogsDropped, told: Told): void => {
  const message = [`${count} lines below Warn were left out: more than ${mostLines} came within a second`]
  log("Warn", corrected(time, told), zero, message, Cause.empty, withWorker(told.context, told.worker.id))
}

const log = (
  logLevel: Severity,
  time: number,
  began: bigint,
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
  const clock = new LineClock(time, nanosOf(time, began), Context.get(context, Clock.Clock))
  Effect.runForkWith(Context.add(context, Clock.Clock, clock))(written)
}

/** A time in nanoseconds, within the span that began then: of one that was, and of none that is yet to begin. */
const nanosOf = (millis: number, began: bigint): bigint => {
  const nanos = Number.isFinite(millis) ? BigInt(Math.floor(millis)) * nanosPerMilli : zero
  return nanos < began ? began : nanos
}

const zero = BigInt(0)

/** The context as it was around the line in the worker, whose times are corrected as the line's, so that lengths stay. */
const withOwn = ({ annotations, spans, without }: Around, told: Told, correction: number): Context.Context<never> => {
  const inherited = Context.get(withWorker(told.context, told.worker.id), References.CurrentLogAnnotations)
  const all: Record<string, unknown> = { ...inherited, ...(arrived(annotations) as Around["annotations"]) }
  for (const name of without ?? []) delete all[name]
  const annotated = Context.add(told.context, References.CurrentLogAnnotations, all)
  if (spans === undefined) return annotated
  const own = spans.map(([label, start]): [string, number] => [label, start + correction])
  const inheritedSpans = safely(() => [...Context.get(told.context, References.CurrentLogSpans)]) ?? []
  return Context.add(annotated, References.CurrentLogSpans, [...own, ...inheritedSpans])
}
