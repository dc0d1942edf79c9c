/** Tasks that log, trace and measure what cannot be read, or not as it seems. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

const throwing = (what: string) => () => {
  throw new Error(what)
}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const endless: object = new Proxy(
  {},
  {
    ownKeys: () => ["a", "b"],
    getOwnPropertyDescriptor: () => ({ value: endless, configurable: true, enumerable: true }),
    get: (_, key) => (key === "a" || key === "b" ? endless : undefined)
  }
)

const circle: { self?: unknown } = {}
circle.self = circle

const endlessJson = { toJSON: () => ({ ...endlessJson }) }

/** What is logged, traced or measured, by what it is. */
const values = {
  "a getter that throws": {
    get x() {
      throw new Error("getter")
    }
  },
  "a revoked Proxy": revoked(),
  "a Proxy whose traps throw": new Proxy(
    {},
    Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, throwing(name)]))
  ),
  "toJSON that throws": { toJSON: throwing("toJSON") },
  "toString that throws": { toString: throwing("toString") },
  "Symbol.toPrimitive that throws": { [Symbol.toPrimitive]: throwing("toPrimitive") },
  "what is within itself": circle,
  "one within another without end": endless,
  "toJSON without end": endlessJson,
  "a function": throwing("a function"),
  "a symbol": Symbol("s"),
  "an error that cannot be read": Object.defineProperty(new Error("broken"), "message", { get: throwing("message") }),
  "a number of very many digits": 10n ** 2000n,
  nothing: undefined
} as const

const elsewhere = Tracer.externalSpan({ spanId: "a".repeat(16), traceId: "b".repeat(32) })

const inSpan = (use: (span: Tracer.Span) => void): Effect.Effect<void, unknown> =>
  Effect.withSpan(
    Effect.flatMap(Effect.currentSpan, (span) => Effect.sync(() => use(span))),
    "within"
  )

/** Where that is, by its name. */
const places = {
  "a part of a message": (value: any) => Effect.logInfo("said", value),
  "within a part": (value: any) => Effect.logInfo("said", { value }),
  "an annotation": (value: any) => Effect.annotateLogs(Effect.logInfo("said"), "key", value),
  annotations: (value: any) => Effect.provideService(Effect.logInfo("said"), References.CurrentLogAnnotations, value),
  "a log span's label": (value: any) => Effect.withLogSpan(Effect.logInfo("said"), value),
  "log spans": (value: any) => Effect.provideService(Effect.logInfo("said"), References.CurrentLogSpans, value),
  "a log span": (value: any) => Effect.provideService(Effect.logInfo("said"), References.CurrentLogSpans, [value]),
  "the level of a line": (value: any) => Effect.provideService(Effect.log("said"), References.CurrentLogLevel, value),
  "a span's name": (value: any) => Effect.withSpan(Effect.void, value),
  "a span's kind": (value: any) => Effect.withSpan(Effect.void, "within", { kind: value }),
  "a span's attribute": (value: any) => Effect.withSpan(Effect.void, "within", { attributes: { value } }),
  "an attribute of the current span": (value: any) =>
    Effect.withSpan(Effect.annotateCurrentSpan("key", value), "within"),
  "an attribute of the caller's span": (value: any) => Effect.annotateCurrentSpan("key", value),
  "the name of an attribute": (value: any) => inSpan((span) => span.attribute(value, 1)),
  "the name of an event": (value: any) => inSpan((span) => span.event(value, BigInt(0))),
  "the time of an event": (value: any) => inSpan((span) => span.event("event", value)),
  "an attribute of an event": (value: any) => inSpan((span) => span.event("event", BigInt(0), { value })),
  "attributes of an event": (value: any) => inSpan((span) => span.event("event", BigInt(0), value)),
  "an attribute of a link": (value: any) =>
    Effect.withSpan(Effect.void, "within", { links: [{ span: elsewhere, attributes: { value } }] }),
  "attributes of a link": (value: any) =>
    Effect.withSpan(Effect.void, "within", { links: [{ span: elsewhere, attributes: value }] }),
  "the span of a link": (value: any) =>
    Effect.withSpan(Effect.void, "within", { links: [{ span: value, attributes: {} }] }),
  "the id of a link's span": (value: any) =>
    Effect.withSpan(Effect.void, "within", { links: [{ span: { ...elsewhere, spanId: value }, attributes: {} }] }),
  "the ids of a parent": (value: any) =>
    Effect.withSpan(Effect.logInfo("said"), "within", { parent: { ...elsewhere, spanId: value, traceId: value } }),
  "how a span ends": (value: any) => Effect.exit(Effect.withSpan(Effect.fail(value), "within")),
  "what a span ends with": (value: any) => Effect.exit(Effect.withSpan(Effect.die(value), "within")),
  "the Exit of a span": (value: any) => inSpan((span) => span.end(BigInt(1), value)),
  "the end of a span": (value: any) =>
    Effect.flatMap(Effect.makeSpan("within"), (span) =>
      Effect.map(Effect.exit(Effect.void), (exit) => span.end(value, exit))
    ),
  "an error that is logged": (value: any) => Effect.logInfo("said", Cause.fail(value)),
  "a defect that is logged": (value: any) => Effect.logInfo("said", Cause.die(value)),
  "the name of a metric": (value: any) => Metric.update(Metric.counter(value), 1),
  "a metric's description": (value: any) => Metric.update(Metric.counter("described", { description: value }), 1),
  "a metric's tag": (value: any) => Metric.update(Metric.counter("tagged", { attributes: { value } }), 1),
  "a metric's tags": (value: any) => Metric.update(Metric.counter("tagged", { attributes: value }), 1),
  "what a metric counts": (value: any) => Metric.update(Metric.frequency("words"), value),
  "what a metric adds": (value: any) => Metric.update(Metric.counter("amounts"), value),
  "the words of a metric": (value: any) =>
    Metric.update(Metric.frequency("begun", { preregisteredWords: [value] }), "a"),
  "the boundaries of a metric": (value: any) => Metric.update(Metric.histogram("bounded", { boundaries: [value] }), 1)
}

export type Place = keyof typeof places

export type Value = keyof typeof values

export const allPlaces = Object.keys(places) as ReadonlyArray<Place>

export const allValues = Object.keys(values) as ReadonlyArray<Value>

/** The value itself, for what a caller has around its call. */
export const valueOf = (value: Value): any => values[value]

const said = Metric.counter("said")

/** Says it there, with a line, a span and a counter before and after. */
export const say = ([place, value]: readonly [Place, Value]): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    yield* Effect.withSpan(Effect.logInfo("before", place, value), "before")
    yield* Metric.update(said, 1)
    const exit = yield* Effect.exit(Effect.suspend((): Effect.Effect<unknown, unknown> => places[place](values[value])))
    yield* Effect.withSpan(Effect.logInfo("after", place, value), "after")
    yield* Metric.update(said, 1)
    yield* exit
  })

export const nothing = (): Effect.Effect<void> => Effect.logInfo("nothing")
