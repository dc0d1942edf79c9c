/**
 * A logger in a worker that tells the pool what is logged, which writes it with the caller's own loggers (O3).
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as realTime from "../task/realTime.ts"
import { attempt } from "../common/attempt.ts"
import { carriedLogSpans } from "../wire/caller.ts"
import { Carrier, nameText } from "../wire/carried.ts"
import { type Around, type LogRecord, type LogsDropped, mostLines, poolsOwn } from "../wire/observed.ts"
import { tellsOf } from "./forwardingTracer.ts"
import type { Observer } from "./observer.ts"
import { CurrentOrigin, type Origin } from "./origin.ts"

/** From this level on lines arrive even if the worker ends at once, and none is left out. */
const urgent: ReadonlySet<string> = new Set(["Warn", "Error", "Fatal"])

export const forwardingLogger = (observer: Observer): Logger.Logger<unknown, void> => {
  const lines = new Lines(observer)
  return make(({ cause, date, fiber, logLevel, message }) => {
    const origin = fiber.getRef(CurrentOrigin)
    const isUrgent = urgent.has(logLevel)
    const time = date.getTime()
    const now = realTime.now()
    if (!isUrgent && !lines.admits(origin, time, now)) return
    const carrier = new Carrier()
    const parts = Array.isArray(message) ? message : [message]
    const around: Mutable<Around> = {}
    const isAnnotated = fiber.getRef(References.CurrentLogAnnotations) !== origin.annotations ? 1 : 0
    // a long message leaves room for what it is about (O3)
    const isCaused = hasReasons(cause)
    carrier.keepFor(isCaused ? 1 + isAnnotated : isAnnotated)
    const carried = carriedParts(parts, carrier, around)
    carrier.keepFor(isAnnotated)
    if (isCaused) around.cause = carrier.cause(cause)
    carrier.keepFor(0)
    addOwn(around, fiber, origin, carrier)
    const whose = ["Log", origin.chunk, origin.position, logLevel, time, carried] as const
    const record: LogRecord = isEmpty(around) ? whose : [...whose, around]
    observer.add(() => record, isUrgent, now)
  })
}

const hasReasons = (cause: Cause.Cause<unknown>): boolean => attempt(() => cause.reasons.length > 0, true)

/**
 * As `Logger.make`, whose module takes 40 milliseconds to load: a worker's first Effect would wait for that. The loggers that
 * there are by default say what a logger is made of.
 */
const make = (log: (options: Logger.Options<unknown>) => void): Logger.Logger<unknown, void> => {
  const [byDefault] = Context.get(Context.empty(), References.CurrentLoggers)
  return Object.assign(Object.create(Object.getPrototypeOf(byDefault) as object) as Logger.Logger<unknown, void>, {
    log
  })
}

/** Counts lines, so that a task that logs without end does not keep the pool's thread busy. */
class Lines {
  private readonly observer: Observer
  /** When the second began in which lines are counted, by `realTime.now()`: a task can have a Clock of its own. */
  private second = Number.NEGATIVE_INFINITY
  private count = 0
  private dropped = 0
  /** Whose the last of those was, whose caller is there still if any is, and when. */
  private last = { chunk: poolsOwn, position: 0, time: 0 }

  constructor(observer: Observer) {
    this.observer = observer
  }

  /** Whether a line is told of; else it is counted, and how many were is told when the second is over, or its chunk. */
  admits(origin: Origin, time: number, now: number): boolean {
    if (now - this.second >= 1000) {
      // what computes lets no timer fire
      this.observer.tellLater()
      this.second = now
      this.count = 0
    }
    if (++this.count <= mostLines) return true
    this.last = { chunk: origin.chunk, position: origin.position, time }
    if (this.dropped++ === 0) this.observer.addLater(this.tell, 1000 - (now - this.second))
    return false
  }

  private readonly tell = (): LogsDropped => {
    const { dropped, last } = this
    this.dropped = 0
    return { _tag: "LogsDropped", count: dropped, ...last }
  }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Most lines have nothing around them but what their caller has. */
const isEmpty = (around: Around): boolean => {
  for (const _ in around) return false
  return true
}

const isError = (value: unknown): boolean => attempt(() => value instanceof Error, false)

/** The parts of a message as they cross; notes which of them are errors, taken apart. */
const carriedParts = (
  parts: ReadonlyArray<unknown>,
  carrier: Carrier,
  around: Mutable<Around>
): ReadonlyArray<unknown> => {
  const carried: Array<unknown> = []
  for (let n = 0; n < parts.length; n++) {
    if (carrier.isFull) {
      carried.push(carrier.rest(parts.length - n))
      break
    }
    const part: unknown = parts[n]
    if (typeof part === "object" && isError(part)) {
      carried.push(carrier.part(part))
      around.errors = [...(around.errors ?? []), n]
    } else carried.push(carrier.safely(part))
  }
  return carried
}

type Adding = (around: Mutable<Around>, fiber: Fiber.Fiber<unknown, unknown>, origin: Origin, carrier: Carrier) => void

/** Adds what is around a line that is not its caller's own; a task can have put anything there (F8). */
const addOwn: Adding = (around, fiber, origin, carrier) => {
  for (const add of adding) {
    try {
      add(around, fiber, origin, carrier)
    } catch {
      // then the line is without it
    }
  }
}

/** The annotations that are not as the caller has them: what it has need not cross, and is told as it is there. */
const addAnnotations: Adding = (around, fiber, { annotations: inherited }, carrier) => {
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  if (annotations === inherited) return
  const own = Object.entries(annotations).filter(
    ([key, value]) => inherited[key] !== value || !Object.hasOwn(inherited, key)
  )
  const without = Object.keys(inherited).filter((key) => !Object.hasOwn(annotations, key))
  if (own.length > 0) around.annotations = carrier.record(Object.fromEntries(own))
  if (without.length > 0) around.without = without
}

const addLogSpans: Adding = (around, fiber, { logSpans: inherited = [] }, carrier) => {
  const logSpans = fiber.getRef(References.CurrentLogSpans)
  if (logSpans === inherited || logSpans.length === 0) return
  const own = logSpans.filter((span) => !inherited.includes(span))
  around.spans = carriedLogSpans(own, carrier)
}

const addSpan: Adding = (around, fiber, { caller }) => {
  const { span } = fiber.cache
  tellsOf(span)
  if (span?.spanId !== caller?.span?.spanId) around.span = span && nameText(span.spanId)
}

const adding: ReadonlyArray<Adding> = [addAnnotations, addLogSpans, addSpan]
