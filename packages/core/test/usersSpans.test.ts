/** Spans that users' tracers make: a member throws, or they are none. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as usersSpan from "../src/internal/common/usersSpan.ts"
import { callerOf, linksOf } from "../src/internal/wire/caller.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { layerInThisThread } from "./utils/inThisThread.ts"

type SpanOptions = Parameters<Tracer.Tracer["span"]>[0]

/** Makes a span that is hostile once it is armed. */
type Make = (options: SpanOptions, isArmed: () => boolean) => Tracer.Span

const members = [
  "_tag",
  "name",
  "spanId",
  "traceId",
  "parent",
  "annotations",
  "status",
  "attributes",
  "links",
  "sampled",
  "kind",
  "end",
  "attribute",
  "event",
  "addLinks"
] as const

/** A span one of whose members is `value`, or what that throws. */
const having =
  (member: string, value: (span: any) => unknown): Make =>
  (options, isArmed) => {
    const span: any = new Tracer.NativeSpan(options)
    let own: unknown = member in span ? undefined : span[member]
    if (Object.hasOwn(span, member)) own = span[member]
    const inherited = Object.getOwnPropertyDescriptor(Tracer.NativeSpan.prototype, member)
    return Object.defineProperty(span, member, {
      get: () => {
        if (isArmed()) return value(span)
        return inherited?.get === undefined ? (own ?? inherited?.value) : (inherited.get.call(span) as unknown)
      },
      set: (changed: unknown) => {
        own = changed
      },
      configurable: true
    })
  }

const fails = (): never => {
  throw new Error("the span")
}

const once = (make: () => unknown): Make => {
  return (options, isArmed) => (isArmed() ? (make() as Tracer.Span) : new Tracer.NativeSpan(options))
}

const hostile: ReadonlyArray<readonly [what: string, make: Make]> = [
  ...members.map((member) => [`whose ${member} throws`, having(member, fails)] as const),
  ...["end", "attribute", "event", "addLinks"].flatMap((member) => [
    [`whose ${member} throws when it is called`, having(member, () => fails)] as const,
    [`whose ${member} is none`, having(member, () => undefined)] as const
  ]),
  ...["status", "parent", "annotations", "spanId", "traceId", "sampled"].flatMap((member) => [
    [`without ${member}`, having(member, () => undefined)] as const,
    [`whose ${member} is null`, having(member, () => null)] as const
  ]),
  ["whose start is no time", having("status", () => ({ _tag: "Started", startTime: "now" }))],
  ["within itself", having("parent", (span) => Option.some(span))],
  ["that is frozen", (options) => Object.freeze(new Tracer.NativeSpan(options))],
  ["that is undefined", once(() => undefined)],
  ["that is null", once(() => null)],
  ["that is a number", once(() => 5)],
  ["that is frozen and empty", once(() => Object.freeze({}))],
  ["all of which throws", once(() => new Proxy({}, { get: fails, set: fails, has: fails, ownKeys: fails }))],
  ["that its tracer does not make", once(fails)]
]

let gate: Deferred.Deferred<void> = Deferred.makeUnsafe()

const work = Portable.make("test:usersSpans", "work", (n: number) =>
  Effect.gen(function* () {
    yield* Effect.logInfo("line", n)
    yield* Deferred.await(gate)
    yield* Effect.annotateCurrentSpan("own", n)
    yield* Effect.withSpan(Effect.logInfo(`in ${n}`), "inner", { attributes: { n } })
    return n
  }).pipe(Effect.withSpan("outer"), Effect.tap(Effect.annotateCurrentSpan("after", n)))
)

describe.each(["from the start", "while an item runs"] as const)("spans that are hostile %s", (when) => {
  it.live.each(hostile)("F8 a span %s harms neither the worker nor who shares it", ([, make]) =>
    Effect.gen(function* () {
      gate = Deferred.makeUnsafe()
      const begun = { hostile: yield* Deferred.make<void>(), innocent: yield* Deferred.make<void>() }
      let isArmed = when === "from the start"
      const tracing = (begun: Deferred.Deferred<void>, span: (options: SpanOptions) => Tracer.Span) =>
        Effect.withTracer(
          Tracer.make({
            span: (options) => {
              if (options.name === "outer") Deferred.doneUnsafe(begun, Exit.void)
              return span(options)
            }
          })
        )
      const spans: Array<Tracer.NativeSpan> = []
      const recorded = tracing(begun.innocent, (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      })
      const harmed = tracing(begun.hostile, (options) => make(options, () => isArmed))
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, tasksPerWorker: 8, trace: "items" })
      const results = (n: number) =>
        Effect.exit(Effect.all([pool.map([n, n + 1], work), pool.run(work, n + 2)], { concurrency: "unbounded" }))
      const innocent = yield* Effect.forkChild(recorded(results(10)), { startImmediately: true })
      // its own parent is made by that tracer too
      const around = usersSpan.safely(() => make({ ...noOptions, name: "around" }, () => isArmed))
      const within =
        around === undefined || around === null
          ? noChange
          : <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Tracer.ParentSpan, around)
      const other = yield* Effect.forkChild(harmed(within(results(0))), { startImmediately: true })
      yield* Deferred.await(begun.hostile)
      yield* Deferred.await(begun.innocent)
      isArmed = true
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.await(other)
      const exit = yield* Fiber.join(innocent)
      assert.deepStrictEqual(Exit.isSuccess(exit) ? exit.value : exit.cause, [[10, 11], 12])
      const { killed, lost } = yield* pool.stats
      assert.deepStrictEqual([lost, killed], [0, 0])
      const names = spans.map(({ name, status }) => [name, status._tag].join(" ")).toSorted()
      const times = (name: string, count: number) => Array.from({ length: count }, () => `${name} Ended`)
      assert.deepStrictEqual(names, [
        ...times("inner", 3),
        ...times("outer", 3),
        ...times("pool.call", 2),
        ...times("pool.chunk", spans.filter(({ name }) => name === "pool.chunk").length),
        ...times("pool.item", 3)
      ])
      for (const span of spans) {
        if (span.name === "inner")
          assert.deepStrictEqual(
            span.events.map(([name]) => name),
            [`in ${span.attributes.get("n")}`]
          )
        if (span.name === "outer") assert.isTrue(span.attributes.has("own"))
      }
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([Logger.tracerLogger])), Effect.provide(layerInThisThread))
  )
})

const noChange = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => effect

const noOptions: SpanOptions = {
  name: "",
  parent: Option.none(),
  annotations: Context.empty(),
  links: [],
  startTime: BigInt(1),
  kind: "internal",
  root: true,
  sampled: true
}

describe("what is read of a span", () => {
  it.each(hostile)("F8 of one %s is told what it says", (_, make) => {
    const span = usersSpan.safely(() => make(noOptions, () => true))
    // what no tracer made is no caller's
    if (span === undefined || span === null) return
    const context = Context.make(Tracer.ParentSpan, span).pipe(
      Context.add(Tracer.Tracer, Tracer.make({ span: () => span }))
    )
    assert.isTrue(callerOf(context)?.traced)
    linksOf([{ span, attributes: {} }])
    assert.strictEqual(usersSpan.above(span, "of none"), undefined)
    assert.strictEqual(typeof usersSpan.startOf(span), "bigint")
    for (const text of [usersSpan.spanIdOf(span), usersSpan.traceIdOf(span), usersSpan.nameOf(span)]) {
      assert.include(["string", "undefined"], typeof text)
    }
    usersSpan.attribute(span, "key", 1)
    usersSpan.event(span, "event", BigInt(1), undefined)
    usersSpan.addLinks(span, [])
    usersSpan.adopt(span, "trace", "span")
    usersSpan.end(span, BigInt(1), Exit.void)
  })

  it("O3 is who it is within, however many that are", () => {
    let span: Tracer.Span = new Tracer.NativeSpan({ ...noOptions, name: "outermost" })
    const outermost = span
    for (let n = 0; n < 9000; n++) span = new Tracer.NativeSpan({ ...noOptions, parent: Option.some(span) })
    assert.strictEqual(usersSpan.above(span, outermost.spanId), outermost)
    const hidden = new Tracer.NativeSpan({
      ...noOptions,
      parent: Option.some(span),
      annotations: Context.make(Tracer.DisablePropagation, true)
    })
    assert.strictEqual(usersSpan.propagated(hidden), span)
  })
})
