import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import * as Headers from "effect/http/Headers"
import * as UrlParams from "effect/http/UrlParams"
import { onlyReferences } from "../src/internal/fibers/references.ts"
import { Observer } from "../src/internal/served/observer.ts"
import { Observing } from "../src/internal/served/observing.ts"
import { callerOf } from "../src/internal/wire/caller.ts"
import type { Caller } from "../src/internal/wire/observed.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import { header } from "../src/testing/suite.logs.tasks.ts"
import * as spansTasks from "../src/testing/suite.spans.tasks.ts"

/** What a worker's Effects see of their caller, without a worker; `sent` is what it tells. */
const inWorker = <A, E>(
  effect: Effect.Effect<A, E>,
  services: Context.Context<never> = Context.empty(),
  item?: string
): Effect.Effect<{ readonly caller: Caller | undefined; readonly result: A; readonly sent: Array<unknown> }, E> =>
  Effect.contextWith((context: Context.Context<never>) => {
    const sent: Array<unknown> = []
    const sendPlain = (message: protocol.FromWorker) => {
      if (message._tag === "Observed") sent.push(...message.records)
    }
    const observer = new Observer({ observed: undefined, sendPlain }, {})
    const observing = new Observing(0, observer)
    observing.provide(services)
    const caller = structuredClone(callerOf(context))
    const fiber = Effect.runForkWith(observing.contextOf(0, 0, caller, item))(effect)
    return Effect.map(Fiber.join(fiber), (result) => {
      observer.ending()
      return { caller, result, sent }
    })
  })

const seen = spansTasks.seen("seen")

const recording = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })

type Change = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const none: Change = (effect) => effect

/** What a caller's tracing can be, and what a worker tells of what is added to its span. */
const tracings: ReadonlyArray<readonly [name: string, change: Change, told: "SpanChange" | undefined]> = [
  ["with the default tracer", none, undefined],
  ["with a tracer", Effect.withTracer(recording), "SpanChange"],
  ["where tracing is not enabled", Effect.withTracerEnabled(false), undefined],
  [
    "with a tracer, where tracing is not enabled",
    (effect) => effect.pipe(Effect.withTracerEnabled(false), Effect.withTracer(recording)),
    undefined
  ],
  [
    "without times",
    (effect) => effect.pipe(Effect.withTracerTiming(false), Effect.withTracer(recording)),
    "SpanChange"
  ],
  [
    "below the least level",
    (effect) => effect.pipe(Effect.provideService(Tracer.MinimumTraceLevel, "Error"), Effect.withTracer(recording)),
    undefined
  ]
]

const hidden = { annotations: Context.make(Tracer.DisablePropagation, true) }

/** The spans that a caller can be in. */
const spans: ReadonlyArray<readonly [name: string, change: Change]> = [
  ["a span", Effect.withSpan("request")],
  [
    "one within another, of another kind",
    (effect) => effect.pipe(Effect.withSpan("query", { kind: "client" }), Effect.withSpan("request"))
  ],
  ["one that is not sampled", Effect.withSpan("request", { sampled: false })],
  [
    "one within one that is not sampled",
    (effect) => effect.pipe(Effect.withSpan("query"), Effect.withSpan("request", { sampled: false }))
  ],
  ["one that is hidden", (effect) => effect.pipe(Effect.withSpan("hidden", hidden), Effect.withSpan("request"))],
  ["one that is hidden, in nothing", Effect.withSpan("hidden", hidden)],
  [
    "one that is hidden, in one that is too",
    (effect) =>
      effect.pipe(Effect.withSpan("inner", hidden), Effect.withSpan("outer", hidden), Effect.withSpan("request"))
  ],
  [
    "one that goes on with a span from elsewhere",
    (effect) =>
      effect.pipe(
        Effect.withSpan("request"),
        Effect.withParentSpan(Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) }))
      )
  ],
  [
    "a span from elsewhere",
    Effect.withParentSpan(Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) }))
  ],
  [
    "one that is not sampled and from elsewhere",
    Effect.withParentSpan(Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: false }))
  ],
  ["none", none]
]

describe("the span that a caller is in", () => {
  for (const [tracing, traced, told] of tracings) {
    for (const [span, within] of spans) {
      it.live(`O3 ${tracing}: ${span} is in a task what it is in the caller's fiber`, () =>
        Effect.gen(function* () {
          const both = Effect.all([seen, inWorker(seen)])
          const [direct, { result, sent }] = yield* traced(within(both))
          assert.deepStrictEqual(result, direct)
          const isTold = told !== undefined && direct.current?.sampled === true
          const tags = new Set(sent.map((record) => (record as { readonly _tag: string })._tag))
          assert.strictEqual(tags.has("SpanChange"), isTold, "what is added to it is told where somebody looks")
          // what is in it is told of where that is sampled
          assert.strictEqual(tags.has("Spans"), told !== undefined && direct.child.sampled)
        })
      )
    }
  }

  it.live("O3 is carried only where there is one, and takes little", () =>
    Effect.gen(function* () {
      assert.isUndefined((yield* inWorker(Effect.void)).caller)
      const attributes = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`attribute ${n}`, "x".repeat(100)]))
      const { caller } = yield* inWorker(Effect.void).pipe(
        Effect.withSpan("request", { attributes }),
        Effect.withSpan("outer")
      )
      assert.deepStrictEqual(
        Object.keys(caller ?? {}).filter((key) => caller?.[key as keyof Caller] !== undefined),
        ["references", "span", "traced"]
      )
      const bytes = JSON.stringify(caller, (_, value) => (typeof value === "bigint" ? String(value) : value)).length
      assert.isBelow(bytes, 300)
    })
  )

  it.live("O3 is there beside a tracer of the services' own, and beside one's parent span of theirs", () =>
    Effect.gen(function* () {
      const { result, sent } = yield* inWorker(seen, Context.make(Tracer.Tracer, recording)).pipe(
        Effect.withSpan("request"),
        Effect.withTracer(recording)
      )
      assert.strictEqual(result.current?.name, "request")
      assert.deepStrictEqual(sent, [], "the services' own gets what tasks trace, and the caller's nothing")
      const own = Tracer.externalSpan({ traceId: "c".repeat(32), spanId: "d".repeat(16) })
      const { result: inOwn } = yield* inWorker(seen, Context.make(Tracer.ParentSpan, own)).pipe(
        Effect.withSpan("request")
      )
      assert.isUndefined(inOwn.current)
      assert.strictEqual(inOwn.child.parent, own.spanId)
    })
  )

  it.live("O3 is around an item's own, which began when the item did", () =>
    Effect.gen(function* () {
      const before = BigInt(Date.now() - 1000) * BigInt(1_000_000)
      const { caller, result } = yield* inWorker(seen, Context.empty(), "e".repeat(16)).pipe(
        Effect.withSpan("pool.chunk"),
        Effect.withTracer(recording)
      )
      assert.deepInclude(result.current, { name: "pool.item", spanId: "e".repeat(16), parent: caller?.span?.spanId })
      assert.isTrue(result.current!.startTime > before)
    })
  )

  it.live("O3 that cannot be read harms nobody", () =>
    Effect.gen(function* () {
      const span = Object.defineProperty(yield* Effect.makeSpan("request"), "status", {
        get: () => {
          throw new Error("the tracer")
        }
      })
      const name = Effect.map(Effect.currentSpan, (current) => current.name)
      const { result } = yield* Effect.withParentSpan(inWorker(name), span)
      assert.strictEqual(result, "request")
    })
  )
})

describe("the names that a caller has redacted", () => {
  const names = ["authorization", /^x-tenant/i]
  const log = header("x-tenant-key")

  it.live(
    "O3 are what a task's lines and spans go by, all of them however many, and cross only where they are its own",
    () =>
      Effect.gen(function* () {
        assert.isUndefined((yield* inWorker(Effect.void)).caller)
        const many = [...Array.from({ length: 3000 }, (_, n) => `header-${n}`), ...names]
        for (const reference of [Headers.CurrentRedactedNames, UrlParams.CurrentRedactedNames]) {
          const { result } = yield* inWorker(Effect.service(reference)).pipe(Effect.provideService(reference, many))
          assert.deepStrictEqual(result, many)
          const kept = onlyReferences(Context.make(reference, names))
          assert.strictEqual(Context.get(kept, reference), names)
        }
        const own = Effect.provideService(Headers.CurrentRedactedNames, names)
        const { sent } = yield* own(inWorker(log))
        assert.notInclude(JSON.stringify(sent), "SECRET")
        const { sent: others } = yield* inWorker(log)
        assert.include(JSON.stringify(others), "SECRET")
        // what the services say wins
        const services = Context.make(Headers.CurrentRedactedNames, ["other"])
        assert.include(JSON.stringify((yield* own(inWorker(log, services))).sent), "SECRET")
      })
  )

  it.live("O3 that are no names harm nobody", () =>
    Effect.gen(function* () {
      const { proxy, revoke } = Proxy.revocable([], {})
      revoke()
      for (const nonsense of [5, null, [Symbol("name")], proxy]) {
        const { result } = yield* inWorker(Effect.succeed(1)).pipe(
          Effect.provideService(Headers.CurrentRedactedNames, nonsense as never)
        )
        assert.strictEqual(result, 1)
      }
    })
  )
})
