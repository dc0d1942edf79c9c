/**
 * A logger in a worker that tells the pool what is logged, which writes it with the caller's own loggers (O3).
 */
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Carrier } from "../wire/carried.ts"
import type { LogRecord } from "../wire/observed.ts"
import type { Observer } from "./observer.ts"
import { CurrentOrigin, type Origin } from "./origin.ts"

/** From this level on lines arrive even if the worker ends at once, and none is left out. */
const urgent: ReadonlySet<string> = new Set(["Warn", "Error", "Fatal"])

/** How many lines below Warn a worker tells of in a second. */
const mostLines = 10_000

export const forwardingLogger = (observer: Observer): Logger.Logger<unknown, void> => {
  const lines = new Lines(observer)
  return Logger.make(({ cause, date, fiber, logLevel, message }) => {
    const origin = fiber.getRef(CurrentOrigin)
    const isUrgent = urgent.has(logLevel)
    const time = date.getTime()
    if (!isUrgent && !lines.admits(origin, time)) return
    const carrier = new Carrier()
    const parts = Array.isArray(message) ? message : [message]
    const record: LogRecord = {
      _tag: "Log",
      chunk: origin.chunk,
      position: origin.position,
      level: logLevel,
      time,
      message: parts.map((part) => carrier.part(part)),
      cause: cause.reasons.length === 0 ? undefined : carrier.cause(cause),
      ...around(fiber, origin, carrier)
    }
    observer.add(() => record, isUrgent)
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

const none = { annotations: undefined, without: undefined }

/** What is around a line that is not its caller's own. */
const around = (
  fiber: Fiber.Fiber<unknown, unknown>,
  origin: Origin,
  carrier: Carrier
): Pick<LogRecord, "annotations" | "span" | "spans" | "without"> => {
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  const logSpans = fiber.getRef(References.CurrentLogSpans)
  const span = fiber.cache.span?.spanId
  const { annotations: inherited, caller, logSpans: around = [] } = origin
  return {
    ...(annotations === inherited ? none : differences(annotations, inherited, carrier)),
    spans: logSpans === around || logSpans.length === 0 ? undefined : logSpans.filter((span) => !around.includes(span)),
    span: span === caller?.span?.spanId ? undefined : span
  }
}

/** The annotations that are not as the caller has them: what it has need not cross, and is told as it is there. */
const differences = (
  annotations: Readonly<Record<string, unknown>>,
  inherited: Readonly<Record<string, unknown>>,
  carrier: Carrier
): Pick<LogRecord, "annotations" | "without"> => {
  const own = Object.entries(annotations).filter(([key, value]) => inherited[key] !== value)
  const without = Object.keys(inherited).filter((key) => !Object.hasOwn(annotations, key))
  return {
    annotations: own.length === 0 ? undefined : carrier.record(Object.fromEntries(own)),
    without: without.length === 0 ? undefined : without
  }
}
