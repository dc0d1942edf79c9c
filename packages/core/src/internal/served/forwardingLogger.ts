/**
 * A logger in a worker that tells the pool what is logged, which writes it with the caller's own loggers (O3).
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Carrier } from "../wire/carried.ts"
import { type Around, type LogRecord, mostLines } from "../wire/observed.ts"
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
    if (!isUrgent && !lines.admits(origin, time)) return
    const carrier = new Carrier()
    const parts = Array.isArray(message) ? message : [message]
    const around: Mutable<Around> = {}
    const carried = carriedParts(parts, carrier, around)
    if (cause.reasons.length > 0) around.cause = carrier.cause(cause)
    addOwn(around, fiber, origin, carrier)
    const whose = ["Log", origin.chunk, origin.position, logLevel, time, carried] as const
    const record: LogRecord = isEmpty(around) ? whose : [...whose, around]
    observer.add(() => record, isUrgent)
  })
}

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
  /** When the second began in which lines are counted, in milliseconds by the Clock. */
  private second = Number.NEGATIVE_INFINITY
  private count = 0
  private dropped = 0

  constructor(observer: Observer) {
    this.observer = observer
  }

  /** Whether a line is told of; else it is counted, and how many were is told when the second is over. */
  admits(origin: Origin, time: number): boolean {
    if (time - this.second >= 1000 || time < this.second) {
      this.second = time
      this.count = 0
    }
    if (++this.count <= mostLines) return true
    if (this.dropped++ === 0) {
      const { chunk, position } = origin
      // told when it is known how many there were
      this.observer.addLater(
        () => {
          const { dropped } = this
          this.dropped = 0
          return { _tag: "LogsDropped", chunk, position, count: dropped, time }
        },
        1000 - (time - this.second)
      )
    }
    return false
  }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Most lines have nothing around them but what their caller has. */
const isEmpty = (around: Around): boolean => {
  for (const _ in around) return false
  return true
}

const isError = (value: unknown): boolean => {
  try {
    return value instanceof Error
  } catch {
    // a revoked Proxy
    return false
  }
}

/** The parts of a message as they cross; notes which of them are errors, taken apart. */
const carriedParts = (
  parts: ReadonlyArray<unknown>,
  carrier: Carrier,
  around: Mutable<Around>
): ReadonlyArray<unknown> => {
  const carried: Array<unknown> = []
  parts.forEach((part, n) => {
    if (typeof part !== "object" || !isError(part)) return void carried.push(carrier.safely(part))
    carried.push(carrier.part(part))
    around.errors = [...(around.errors ?? []), n]
  })
  return carried
}

/** Adds what is around a line that is not its caller's own. */
const addOwn = (
  around: Mutable<Around>,
  fiber: Fiber.Fiber<unknown, unknown>,
  origin: Origin,
  carrier: Carrier
): void => {
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  if (annotations !== origin.annotations) addDifferences(around, annotations, origin.annotations, carrier)
  const logSpans = fiber.getRef(References.CurrentLogSpans)
  const { logSpans: inherited = [] } = origin
  if (logSpans !== inherited && logSpans.length > 0) around.spans = logSpans.filter((span) => !inherited.includes(span))
  const { span } = fiber.cache
  tellsOf(span)
  if (span?.spanId !== origin.caller?.span?.spanId) around.span = span?.spanId
}

/** The annotations that are not as the caller has them: what it has need not cross, and is told as it is there. */
const addDifferences = (
  around: Mutable<Around>,
  annotations: Readonly<Record<string, unknown>>,
  inherited: Readonly<Record<string, unknown>>,
  carrier: Carrier
): void => {
  const own = Object.entries(annotations).filter(([key, value]) => inherited[key] !== value)
  const without = Object.keys(inherited).filter((key) => !Object.hasOwn(annotations, key))
  if (own.length > 0) around.annotations = carrier.record(Object.fromEntries(own))
  if (without.length > 0) around.without = without
}
