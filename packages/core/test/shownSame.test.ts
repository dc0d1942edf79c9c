import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import { Headers } from "effect/http"
import * as Logger from "effect/Logger"
import * as Redactable from "effect/Redactable"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { Observations } from "../src/internal/remote/observations.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import { forwardingLogger } from "../src/internal/served/forwardingLogger.ts"
import { forwardingTracer } from "../src/internal/served/forwardingTracer.ts"
import { Observer } from "../src/internal/served/observer.ts"
import { CurrentOrigin, Origin } from "../src/internal/served/origin.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as v8 from "node:v8"

class Card implements Redactable.Redactable {
  readonly number = "4111-SECRET";
  [Redactable.symbolRedactable]() {
    return "card ****"
  }
}

class Account implements Redactable.Redactable {
  readonly number = "4111-SECRET";
  [Redactable.symbolRedactable]() {
    return { card: new Card(), owner: "ada" }
  }
}

class Denied extends Error implements Redactable.Redactable {
  readonly password = "SECRET";
  [Redactable.symbolRedactable]() {
    return { denied: true }
  }
}

const endless = (): object => ({ number: "SECRET", [Redactable.symbolRedactable]: endless })

class Login extends Error {
  readonly password = "SECRET"
  toJSON() {
    return { name: "Login", message: this.message }
  }
}

class Session {
  readonly token = "SECRET"
  readonly user = "ada"
  toJSON() {
    return { user: this.user }
  }
}

class Vault extends Map<string, unknown> {
  toJSON() {
    return { size: this.size }
  }
}

class Bad extends Data.TaggedError("Bad")<{ readonly code: number }> {}
class Wrapped extends Data.TaggedError("Wrapped")<{ readonly cause: unknown; readonly card?: Card }> {}

const Order = Schema.Struct({
  id: Schema.String,
  count: Schema.Int,
  due: Schema.Date,
  tags: Schema.Array(Schema.String)
})
const schemaError = Result.getOrThrow(Result.flip(Schema.decodeUnknownResult(Order)({ id: "A", count: "x" })))

const coded = Object.assign(new RangeError("coded"), { code: 7, card: new Card() })
const named = Object.assign(new TypeError("named"), { name: "Named" })

/** What is printed of these is the same, by whatever prints it. */
const values: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ["text", "text"],
  ["a number", 12.5],
  ["a bigint", 12n],
  ["undefined", undefined],
  ["null", null],
  ["data", { order: 4, tags: ["a", null, { b: true }] }],
  ["a Date", new Date(5)],
  ["a Map", new Map([["a", { b: 1 }]])],
  ["a Set", new Set([1, "b"])],
  ["an Error", new Error("plain")],
  ["an Error with fields", coded],
  ["an Error with a name of its own", named],
  ["an Error with a cause", new Error("outer", { cause: new RangeError("inner") })],
  ["an AggregateError", new AggregateError([new Bad({ code: 1 })], "many")],
  ["a TaggedError", new Bad({ code: 7 })],
  ["a TaggedError with a cause", new Wrapped({ cause: new Bad({ code: 7 }), card: new Card() })],
  ["an Error whose toJSON hides a field", new Login("denied")],
  ["a SchemaError", schemaError],
  ["a DateTime", DateTime.makeUnsafe(5)],
  ["a Redacted", Redacted.make("SECRET")],
  ["a Redacted with a label", Redacted.make("SECRET", { label: "api-key" })],
  ["a Redactable", new Card()],
  ["a Redactable that shows another", new Account()],
  ["a Redactable Error", new Denied("denied")],
  ["an object that hides a field", new Session()],
  ["a Map that hides its entries", new Vault([["key", "SECRET"]])],
  ["headers", Headers.fromInput({ authorization: "SECRET", accept: "text" })]
]

const throwing = Object.assign(new Error("throws"), {
  password: "SECRET",
  toJSON: () => {
    throw new Error("toJSON")
  }
})

const revoked = (() => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
})()

/** Of these no more need be said than that nothing is told. */
const secrets: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ...values,
  ["an Error whose toJSON throws", throwing],
  ["Errors within an AggregateError", new AggregateError([new Login("denied"), new Card(), throwing])],
  [
    "a Redactable that throws",
    {
      number: "SECRET",
      [Redactable.symbolRedactable]: () => {
        throw new Error("redact")
      }
    }
  ],
  ["a Redactable that never ends", endless()],
  ["a Redactable function", Object.assign(() => "SECRET", { [Redactable.symbolRedactable]: () => new Card() })],
  ["what is within a Redactable", { [Redactable.symbolRedactable]: () => [new Login("denied"), { card: new Card() }] }],
  ["a secret key", new Map<unknown, unknown>([[new Card(), 1]])]
]

const places: ReadonlyArray<readonly [name: string, put: (value: unknown) => Effect.Effect<void>]> = [
  ["a message", (value) => Effect.log(value)],
  ["a part of a message", (value) => Effect.log("part", value)],
  ["an object", (value) => Effect.log("part", { within: value })],
  ["an array", (value) => Effect.log("part", [value, [value]])],
  ["a Map", (value) => Effect.log("part", new Map([["key", value]]))],
  ["a Set", (value) => Effect.log("part", new Set([value]))],
  ["a field of an error", (value) => Effect.log(Object.assign(new Error("around"), { value, all: [value] }))],
  ["the cause of an error", (value) => Effect.log(new Error("around", { cause: value }))],
  ["an annotation", (value) => Effect.annotateLogs(Effect.log("annotated"), "value", value)],
  ["within an annotation", (value) => Effect.annotateLogs(Effect.log("annotated"), { value: { within: value } })],
  ["a failure", (value) => Effect.log("failed", Cause.fail(value))],
  ["a defect", (value) => Effect.log("failed", Cause.die(value))],
  [
    "a span's attribute",
    (value) => Effect.void.pipe(Effect.withSpan("span", { attributes: { value, within: { value } } }))
  ],
  [
    "an event's attribute",
    (value) =>
      Effect.currentSpan.pipe(
        Effect.tap((span) => Effect.sync(() => span.event("event", BigInt(1), { value, within: [value] }))),
        Effect.orDie,
        Effect.withSpan("span")
      )
  ],
  ["what a span fails with", (value) => Effect.fail(value).pipe(Effect.withSpan("span"), Effect.exit, Effect.asVoid)]
]

/** The limits that docs/guide/logs.md names: text in quotes, or a toString of its own. */
const limits: ReadonlyArray<readonly [value: RegExp, place: RegExp, printer: RegExp]> = [
  // what has become text is printed with quotes, or without them, as text is
  [/Redacted|DateTime|headers/, /an object|an array|Map|Set|within|field|cause/, /logfmt/],
  [/Redactable$|headers/, /failure|defect|fails/, /.*/],
  [/Redactable$|headers/, /.*/, /logfmt/],
  // a Cause shows of an error what it would hide elsewhere
  [/Redactable Error/, /failure|defect|fails/, /.*/],
  // a class of which nothing is left but what its toJSON shows
  [/DateTime/, /.*/, /logfmt/],
  [/DateTime/, /failure|defect|fails/, /.*/],
  [/that hides/, /.*/, /logfmt/]
]

const isLimit = (value: string, place: string, printer: string): boolean =>
  limits.some(([one, other, last]) => one.test(value) && other.test(place) && last.test(printer))

/** What the usual loggers and exporters print of what an Effect does, by what prints it. */
const printing = () => {
  const printed = new Map<string, string>()
  const add = (printer: string, text: string) => void printed.set(printer, `${printed.get(printer) ?? ""}${text}\n`)
  const unnumbered = (text: string): string =>
    text.replaceAll(/#\d+|\d{4}-\d\d-\d\dT[\d:.]+Z/g, (found) => (found.startsWith("1970") ? found : ""))
  const text = (value: unknown) => JSON.stringify(sorted(JSON.parse(Formatter.formatJson(value))))
  const loggers = [
    Logger.map(Logger.formatJson, (line) => add("json", JSON.stringify(sorted(JSON.parse(unnumbered(line)))))),
    Logger.map(Logger.formatLogFmt, (line) => add("logfmt", unnumbered(line))),
    Logger.map(Logger.formatSimple, (line) => add("simple (logfmt)", unnumbered(line))),
    Logger.map(Logger.formatStructured, ({ annotations, cause, message }) => {
      add("structured", text({ message, annotations }))
      add("cause", `${cause}`)
    })
  ]
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const end = () => {
    for (const { attributes, events, status } of spans) {
      add("attributes", text([...attributes]))
      for (const event of events) add("events", text(event[2]))
      if (status._tag === "Ended" && status.exit._tag === "Failure")
        add("cause", framesOut(Cause.pretty(status.exit.cause)))
    }
    return printed
  }
  return { loggers: new Set<Logger.Logger<unknown, void>>(loggers), tracer, end }
}

/** Without the frames of spans, which are no part of an error. */
const framesOut = (text: string): string => text.replaceAll(/\n +at span \([^)]*\)/g, "")

/** Keys in one order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)])
  )
}

const direct = (effect: Effect.Effect<void>): ReadonlyMap<string, string> => {
  const { end, loggers, tracer } = printing()
  Effect.runSync(
    effect.pipe(
      Effect.annotateLogs("worker", 0),
      Effect.withTracer(tracer),
      Effect.provideService(References.CurrentLoggers, loggers)
    )
  )
  return end()
}

/** Both ends of a worker without one, and what has crossed. */
const crossed = (effect: Effect.Effect<void>) => {
  const { end, loggers, tracer } = printing()
  const sent: Array<protocol.Observed> = []
  const sender = {
    observed: undefined,
    sendPlain: (message: protocol.FromWorker) => void sent.push(structuredClone(message) as protocol.Observed)
  }
  const observer = new Observer(sender, {})
  const origin = new Origin(0, 0, undefined, 0)
  Effect.runSync(
    effect.pipe(
      Effect.provideService(References.CurrentLogAnnotations, origin.annotations),
      Effect.withTracer(forwardingTracer(observer, { chunk: 0, position: 0 })),
      Effect.provideService(References.CurrentLoggers, new Set([forwardingLogger(observer)])),
      Effect.provideService(CurrentOrigin, origin)
    )
  )
  observer.ending()
  const context = Context.make(Tracer.Tracer, tracer).pipe(Context.add(References.CurrentLoggers, loggers))
  const observations = new Observations(
    { id: 0, generation: 1 },
    context,
    new ObservedSpans({ itemOf: () => undefined, hasChunk: () => false }),
    {
      contextOf: () => context,
      ageOf: () => undefined
    }
  )
  for (const message of sent) observations.receive(structuredClone(message))
  return { printed: end(), sent }
}

describe("what a worker's Effects log and trace", () => {
  for (const [place, put] of places) {
    it(`O3 is printed as if it had run in its caller's fiber: ${place}`, () => {
      const differing: Array<readonly [name: string, printer: string, text: string, expected: string | undefined]> = []
      for (const [name, value] of values) {
        const expected = direct(put(value))
        const { printed } = crossed(put(value))
        assert.deepStrictEqual([...printed.keys()], [...expected.keys()])
        for (const [printer, text] of printed) {
          const other = expected.get(printer)
          if (text !== other && !isLimit(name, place, printer)) differing.push([name, printer, text, other])
        }
      }
      assert.deepStrictEqual(differing, [])
    })

    it(`O3 no secret crosses: ${place}`, () => {
      for (const [name, value] of secrets) {
        const { printed, sent } = crossed(put(value))
        assert.notInclude(JSON.stringify(sent, inFull), "SECRET", `${name} in ${place}`)
        assert.notInclude([...printed.values()].join(""), "SECRET", `${name} in ${place}`)
      }
    })
  }
})

const long = "x".repeat(17_000)

const isBelow = (effect: Effect.Effect<void>, size: number): void =>
  assert.isBelow(v8.serialize(crossed(effect).sent).length, size)

describe("how much crosses of a line", () => {
  it("O3 a long message leaves room for the line's annotations, and for what failed and why", () => {
    const failed = new Bad({ code: 7 })
    const line = Effect.log(long, long, Cause.fail(new Error("told", { cause: failed }))).pipe(
      Effect.annotateLogs({ order: "A-17", customer: { id: 4 } })
    )
    const { printed } = crossed(line)
    assert.include(printed.get("structured"), `"annotations":{"customer":{"id":4},"order":"A-17","worker":0}`)
    assert.include(printed.get("cause"), "Error: told")
    assert.include(printed.get("cause"), "[cause]: Bad")
    isBelow(line, 24_000)
    const cut = crossed(Effect.log("short", Cause.fail(new Error(long))).pipe(Effect.annotateLogs("order", "A-17")))
    assert.include(cut.printed.get("logfmt"), "order=A-17")
  })

  it("O3 a line without anything else has all the room for its message", () => {
    const text = "x".repeat(16 * 1024 - 100)
    assert.include(crossed(Effect.log(text)).printed.get("structured"), `"message":"${text}"`)
  })

  it("O3 an error that is within others in many ways crosses once", () => {
    let error: unknown = new Bad({ code: 0 })
    for (let n = 0; n < 5; n++) error = new Wrapped({ cause: error })
    const { printed } = crossed(Effect.log("deep", error))
    assert.strictEqual(printed.get("json"), direct(Effect.log("deep", error)).get("json"))
    isBelow(Effect.log("deep", error), 20_000)
  })

  const few = new Set(["a part of a message", "a field of an error", "a failure"])
  const circle: Array<unknown> = []
  circle.push(...Array.from({ length: 20_000 }, () => circle))
  const deep = Array.from({ length: 40 }).reduce<unknown>(
    (inner) => [inner],
    Array.from({ length: 20_000 }, () => [])
  )
  const got = Object.defineProperty(new Array<unknown>(20_000), 5, { get: () => 1, enumerable: true })
  const many: ReadonlyArray<readonly [name: string, value: unknown]> = [
    ["nulls", Array.from({ length: 20_000 }, () => null)],
    ["holes and getters", got],
    ["texts of nothing", Array.from({ length: 20_000 }, () => "")],
    ["circles", circle],
    ["what is too deep", deep],
    ["objects with nothing", Array.from({ length: 20_000 }, () => ({}))],
    ["a Set of symbols", new Set(Array.from({ length: 20_000 }, () => Symbol("")))],
    ["a Map of texts", new Map(Array.from({ length: 3000 }, (_, n) => [n, long]))],
    ["what cannot be read", Array.from({ length: 20_000 }, () => revoked)],
    ["errors", new AggregateError(Array.from({ length: 20_000 }, () => null))],
    ["errors that cannot be read", new AggregateError(Array.from({ length: 20_000 }, () => revoked))],
    ["one error", Array.from({ length: 20_000 }, () => throwing)],
    ["cards", Array.from({ length: 20_000 }, () => new Card())]
  ]
  for (const [name, value] of many) {
    it(`O3 no member is carried for nothing: ${name}`, () => {
      for (const [, put] of places.filter(([place]) => few.has(place))) isBelow(put(value), 8 * 16 * 1024)
    })
  }
})

/** JSON of what is in Maps, Sets and errors too. */
const inFull = (_: string, value: unknown): unknown => {
  if (value instanceof Map || value instanceof Set) return [...value]
  if (value instanceof Error) return { ...value, name: value.name, message: value.message, stack: value.stack }
  return typeof value === "bigint" ? `${value}` : value
}
