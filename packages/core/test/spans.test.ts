import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import { ObservedSpans } from "../src/internal/remote/observedSpans.ts"
import { Observations } from "../src/internal/remote/observations.ts"
import { forwardingTracer } from "../src/internal/served/forwardingTracer.ts"
import { ItemSpans } from "../src/internal/served/itemSpans.ts"
import { Observer } from "../src/internal/served/observer.ts"
import { nextSpanId } from "../src/internal/served/spanIds.ts"
import type { ObservedRecord } from "../src/internal/wire/observed.ts"
import type * as protocol from "../src/internal/wire/protocol.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { makePool } from "./support.ts"
import { left } from "./utils/garbage.ts"

const recording = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { tracer, spans, named: (name: string) => spans.filter((span) => span.name === name) }
}

const endOf = (span: Tracer.Span | undefined): Exit.Exit<unknown, unknown> | undefined =>
  span?.status._tag === "Ended" ? span.status.exit : undefined

/** Both ends of what is told of spans, without a worker between them: `deliver` lets the pool's end have what was told. */
const makeEnds = (tracer: Tracer.Tracer, offset = 0) => {
  const sent: Array<protocol.Observed> = []
  const sender = {
    observed: undefined,
    sendPlain: (message: protocol.FromWorker) => void sent.push(structuredClone(message) as protocol.Observed)
  }
  const observer = new Observer(sender, {})
  const around = new Tracer.NativeSpan({
    name: "chunk",
    parent: Option.none(),
    annotations: Context.empty(),
    links: [],
    startTime: BigInt(Date.now() - 1000) * BigInt(1_000_000),
    kind: "internal",
    sampled: true
  })
  const context = Context.make(Tracer.Tracer, tracer).pipe(Context.add(Tracer.ParentSpan, around))
  /** The chunks that have not ended. */
  const chunks = new Map<number, Context.Context<never>>([[0, context]])
  const spans = new ObservedSpans({
    itemOf: (chunk, index) => {
      const own = chunks.get(chunk)
      return own && { context: own, index }
    },
    hasChunk: (chunk) => chunks.has(chunk)
  })
  const observations = new Observations({ id: 0, generation: 1 }, Context.empty(), spans, {
    contextOf: (chunk) => chunks.get(chunk),
    ageOf: () => undefined
  })
  const flush = (): void => {
    observer.ending()
    for (const message of sent.splice(0)) observations.receive({ ...message, at: message.at + offset })
  }
  const external = Tracer.externalSpan({ traceId: around.traceId, spanId: around.spanId })
  return {
    around,
    chunks,
    context,
    flush,
    observations,
    observer,
    spans,
    /** Runs an Effect as a worker would. */
    run: <A, E>(effect: Effect.Effect<A, E>, chunk = 0) =>
      effect.pipe(
        Effect.withParentSpan(external),
        Effect.withTracer(forwardingTracer(observer, { chunk, position: 0 })),
        Effect.provideService(References.TracerTimingEnabled, true)
      ),
    endChunk: (chunk: number) => {
      spans.chunkEnded(chunk)
      chunks.delete(chunk)
    }
  }
}

const told = (records: ReadonlyArray<unknown>): protocol.Observed => ({
  _tag: "Observed",
  first: 0,
  records: records as ReadonlyArray<ObservedRecord>,
  at: Date.now()
})

describe("spans that are told of", () => {
  it.live("O3 are made again in order, each in what it is part of, and leave nothing behind when they have ended", () =>
    Effect.gen(function* () {
      const { named, spans, tracer } = recording()
      const ends = makeEnds(tracer)
      const inner = Effect.withSpan(Effect.void, "inner")
      yield* ends.run(Effect.withSpan(Effect.andThen(inner, inner), "outer"))
      ends.flush()
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag]),
        [
          ["outer", "Ended"],
          ["inner", "Ended"],
          ["inner", "Ended"]
        ]
      )
      for (const span of named("inner")) assert.strictEqual(Option.getOrUndefined(span.parent), named("outer")[0])
      assert.strictEqual(Option.getOrUndefined(named("outer")[0]!.parent), ends.around)
      assert.strictEqual(ends.spans.size, 0)
    })
  )

  it.live("O3 end though something begins in them after they have, and though they were told of before they have", () =>
    Effect.gen(function* () {
      const { named, spans, tracer } = recording()
      const ends = makeEnds(tracer)
      const span = yield* ends.run(Effect.makeSpan("early"))
      ends.flush()
      assert.strictEqual(named("early")[0]?.status._tag, "Started")
      span.end(BigInt(Date.now()) * BigInt(1_000_000), Exit.fail("late"))
      const other = yield* ends.run(Effect.makeSpan("whole"))
      other.end(BigInt(Date.now()) * BigInt(1_000_000), Exit.void)
      yield* ends.run(Effect.withParentSpan(Effect.withSpan(Effect.void, "after"), other))
      ends.flush()
      assert.deepStrictEqual(
        spans.map(({ name, status }) => [name, status._tag]),
        [
          ["early", "Ended"],
          ["whole", "Ended"],
          ["after", "Ended"]
        ]
      )
      assert.deepStrictEqual(endOf(named("early")[0]), Exit.fail("late"))
      assert.strictEqual(named("after")[0]?.traceId, ends.around.traceId)
      assert.strictEqual(ends.spans.size, 0)
    })
  )

  it.live(
    "O3 end with their worker, those of daemons too, of which no more than 1,000 are kept: others end before",
    () =>
      Effect.gen(function* () {
        const { named, tracer } = recording()
        const ends = makeEnds(tracer)
        const forwarded: Array<Tracer.Span> = []
        for (let n = 0; n < 1500; n++) forwarded.push(yield* ends.run(Effect.makeSpan("endless")))
        ends.flush()
        assert.strictEqual(ends.spans.size, 1500)
        ends.endChunk(0)
        assert.strictEqual(ends.spans.size, 1000)
        const endless = named("endless")
        const dropped = endless.filter((span) => endOf(span) !== undefined)
        assert.deepStrictEqual(dropped, endless.slice(0, 500))
        // what their worker tells of them later changes nothing
        forwarded[0]!.end(BigInt(Date.now()) * BigInt(1_000_000), Exit.fail("late"))
        ends.flush()
        for (const span of dropped) assert.deepStrictEqual(endOf(span), Exit.interrupt())
        ends.spans.workerEnded(Exit.fail("lost"))
        assert.strictEqual(ends.spans.size, 0)
        for (const span of endless.slice(500)) assert.deepStrictEqual(endOf(span), Exit.fail("lost"))
        // what comes after that is of no span
        yield* ends.run(Effect.withSpan(Effect.void, "too late"))
        ends.flush()
        assert.strictEqual(named("too late").length, 0)
      })
  )

  it.live("O3 that begin when their chunk has ended leave no more behind than those that began before", () =>
    Effect.gen(function* () {
      const { named, tracer } = recording()
      const ends = makeEnds(tracer)
      const caller = ends.context
      ends.endChunk(0)
      const observations = new Observations({ id: 0, generation: 1 }, Context.empty(), ends.spans, {
        // its call goes on
        contextOf: () => caller,
        ageOf: () => undefined
      })
      const begun = (n: number) => [1, "trace", undefined, `${n}`, "late", BigInt(1), undefined, ...none]
      const rows = Array.from({ length: 1500 }, (_, n) => begun(n)).flat()
      observations.receive(told([{ _tag: "Spans", chunk: 0, position: 0, rows }]))
      assert.strictEqual(named("late").length, 1500)
      assert.strictEqual(ends.spans.size, 1000)
      observations.receive({
        ...told([{ _tag: "Spans", chunk: 0, position: 0, rows: [2, "1499", BigInt(2), ...none.slice(1)] }]),
        first: 1
      })
      assert.strictEqual(ends.spans.size, 999)
      assert.deepStrictEqual(endOf(named("late")[1499]), Exit.void)
    })
  )

  it.live("O3 in one that their tracer has not sampled are not sampled either", () =>
    Effect.gen(function* () {
      const { named, spans, tracer } = recording()
      const sampling = Tracer.make({
        span: (options) => tracer.span({ ...options, sampled: options.sampled && options.name !== "health" })
      })
      const ends = makeEnds(sampling)
      const health = Effect.withSpan(Effect.withSpan(Effect.void, "query"), "health")
      yield* ends.run(Effect.withSpan(health, "outer"))
      ends.flush()
      // one that is told of when what it is in has been
      const open = yield* ends.run(Effect.makeSpan("health"))
      ends.flush()
      yield* ends.run(Effect.withParentSpan(Effect.withSpan(Effect.void, "query"), open))
      ends.flush()
      assert.deepStrictEqual(
        spans.map(({ name, sampled }) => [name, sampled]),
        [
          ["outer", true],
          ["health", false],
          ["query", false],
          ["health", false],
          ["query", false]
        ]
      )
      assert.lengthOf(named("query"), 2)
    })
  )

  it.live("O3 of items end with their results, or interrupted with their chunk", () =>
    Effect.gen(function* () {
      const { named, tracer } = recording()
      const ends = makeEnds(tracer)
      const items = new ItemSpans(0, ends.observer)
      for (const position of [0, 1, 2, 3]) items.begin(position)
      items.end(0)
      ends.flush()
      items.end(1)
      items.end(2)
      ends.flush()
      assert.strictEqual(ends.spans.size, 4)
      ends.spans.itemEnded(0, 0, Exit.void)
      ends.spans.itemEnded(0, 1, Exit.fail("no"))
      ends.endChunk(0)
      assert.strictEqual(ends.spans.size, 0)
      assert.deepStrictEqual(
        named("pool.item").map((span) => [span.attributes.get("index"), endOf(span)]),
        [
          [0, Exit.void],
          [1, Exit.fail("no")],
          [2, Exit.interrupt()],
          [3, Exit.interrupt()]
        ]
      )
    })
  )

  it.live.each([3_600_000, -3_600_000])("O3 are never outside of what they are in: a clock wrong by %d ms", (wrong) =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const ends = makeEnds(tracer)
      const shifted = BigInt(wrong) * BigInt(1_000_000)
      const at = (millis: number) => BigInt(Date.now() + millis) * BigInt(1_000_000) + shifted
      const rows = [
        1,
        ends.around.traceId,
        ends.around.spanId,
        "a",
        "outer",
        at(-50),
        undefined,
        ...none,
        1,
        0,
        "a",
        "b",
        "inner",
        at(-40),
        at(-20),
        ...none,
        2,
        "a",
        at(-10),
        ...none.slice(1)
      ]
      ends.observations.receive({ ...told([{ _tag: "Spans", chunk: 0, position: 0, rows }]), at: Date.now() + wrong })
      assert.deepStrictEqual(
        spans.map(({ name, spanId }) => [name, spanId]),
        [
          ["outer", "a"],
          ["inner", "b"]
        ]
      )
      for (const { parent, status } of spans) {
        const { status: around } = Option.getOrThrow(parent) as Tracer.Span
        assert.isTrue(around.startTime <= status.startTime)
        if (status._tag === "Started") throw new Error("It has not ended")
        assert.isTrue(status.startTime < status.endTime && status.endTime <= BigInt(Date.now() + 1) * BigInt(1_000_000))
        if (around._tag === "Ended") assert.isTrue(status.endTime <= around.endTime)
      }
    })
  )

  it.live("O3 harm nobody when the caller's tracer throws, or the worker tells nonsense of them", () =>
    Effect.gen(function* () {
      const throwing = Tracer.make({
        span: () => {
          throw new Error("the tracer")
        }
      })
      const ends = makeEnds(throwing)
      yield* ends.run(Effect.withSpan(Effect.void, "unseen"))
      ends.flush()
      const hostile = makeEnds(recording().tracer)
      let first = 0
      const nonsense = (record: unknown) =>
        Effect.exit(Effect.sync(() => hostile.observations.receive({ ...told([record]), first: first++ })))
      // rows that are none are the end of the worker (F6)
      assert.isTrue(Exit.isFailure(yield* nonsense({ _tag: "Spans", chunk: 0, position: 0, rows: ["row"] })))
      yield* nonsense({ _tag: "SpanChange", chunk: 0, position: 0, id: 7, attributes: [{}], events: 3, links: "none" })
      // and so is what is told to be added to a span, though that is done by users' code
      const change = { _tag: "SpanChange", chunk: 0, position: 0, id: hostile.around.spanId }
      assert.isTrue(Exit.isFailure(yield* nonsense({ ...change, events: 3 })))
      assert.isTrue(Exit.isFailure(yield* nonsense({ ...change, links: "none" })))
      assert.strictEqual(hostile.spans.size, 0)
    })
  )

  it("O3 have ids of 16 hexadecimal digits, no two the same", () => {
    const ids = new Set(Array.from({ length: 100_000 }, nextSpanId))
    assert.strictEqual(ids.size, 100_000)
    for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/)
  })
})

const none = [undefined, undefined, undefined, undefined, undefined] as const

describe.each(["FiberPool", "WorkerPool"] as const)("spans of a %s", (kind) => {
  it.effect("O3 are timed by the caller's Clock", () =>
    Effect.gen(function* () {
      const { named, tracer } = recording()
      const pool = yield* makePool(kind, { size: 1 })
      const fiber = yield* Effect.forkChild(
        Effect.withTracer(
          pool.map([1], () => Effect.sleep(1000), { trace: "items" }),
          tracer
        )
      )
      yield* TestClock.adjust(1000)
      yield* Effect.yieldNow
      for (const name of ["pool.call", "pool.chunk", "pool.item"]) {
        const { status } = named(name)[0]!
        if (status._tag === "Started") throw new Error(`${name} has not ended`)
        assert.strictEqual(Number(status.endTime - status.startTime), 1_000_000_000, name)
      }
      assert.isDefined(fiber)
    })
  )

  it.effect("O3 end as their call does: with its failure, a stream that is ended early, a call that is refused", () =>
    Effect.gen(function* () {
      const { named, tracer } = recording()
      yield* Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 1 })
        yield* Effect.exit(pool.map([1, 2], (n: number) => (n === 1 ? Effect.fail("first") : Effect.never)))
        yield* Effect.exit(pool.map([1], () => Effect.void, { chunkSize: -1 }))
        yield* Effect.exit(pool.run(() => Effect.fail("run"), 1))
        yield* Stream.runHead(pool.stream([1, 2, 3, 4], (n: number) => Effect.succeed(n), { chunkSize: 1 }))
        yield* Stream.runDrain(pool.stream([1, 2], (n: number) => Effect.succeed(n)))
      }).pipe(Effect.withTracer(tracer))
      assert.deepStrictEqual(
        named("pool.call").map((span) => {
          const exit = endOf(span)
          if (exit === undefined || Exit.isSuccess(exit)) return exit?._tag
          return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : tagOf(Cause.squash(exit.cause))
        }),
        ["first", "InvalidOptions", "run", "Success", "Success"]
      )
      for (const span of named("pool.chunk")) assert.strictEqual(span.status._tag, "Ended")
    })
  )

  describe("O3 of a stream's call end as that of `Stream.withSpan` does", () => {
    const never = Effect.callback<never>(() => {})
    const shapes: Readonly<Record<string, (stream: Stream.Stream<number, string>) => Effect.Effect<unknown, unknown>>> =
      {
        "read to its end": Stream.runDrain,
        "of which three are taken": (stream) => Stream.runDrain(Stream.take(stream, 3)),
        "of which the first is taken": Stream.runHead,
        "of which as many are taken as another has": (stream) => Stream.runDrain(Stream.zip(stream, Stream.make(1, 2))),
        "within another that is ended early": (stream) =>
          Stream.runDrain(
            Stream.take(
              Stream.flatMap(Stream.make(1, 2), () => stream),
              3
            )
          ),
        "whose consumer fails": (stream) => Stream.runForEach(stream, () => Effect.fail("consumer")),
        "whose consumer dies": (stream) => Stream.runForEach(stream, () => Effect.die("consumer")),
        "a later step of which fails, which is caught": (stream) =>
          stream.pipe(
            Stream.mapEffect(() => Effect.fail("step")),
            Stream.catchCause(() => Stream.empty),
            Stream.runDrain
          ),
        "whose consumer is interrupted": (stream) =>
          Effect.raceFirst(
            Stream.runForEach(stream, () => never),
            Effect.yieldNow.pipe(Effect.repeat({ times: 50 }))
          )
      }
    const tasks: Readonly<Record<string, (n: number) => Effect.Effect<number, string>>> = {
      "all items of which succeed": Effect.succeed,
      "the first item of which fails": () => Effect.fail("item")
    }
    for (const [how, run] of Object.entries(shapes)) {
      for (const [items, task] of Object.entries(tasks)) {
        it.effect(`one ${how}, ${items}`, () =>
          Effect.gen(function* () {
            const { named, tracer } = recording()
            const pool = yield* makePool(kind, { size: 1 })
            const inputs = Array.from({ length: 10 }, (_, n) => n)
            const own = Stream.fromIterable(inputs).pipe(Stream.mapEffect(task), Stream.withSpan("own"))
            for (const stream of [own, pool.stream(inputs, task, { chunkSize: 1 })]) {
              yield* Effect.withTracer(Effect.exit(run(stream as typeof own)), tracer)
            }
            const shown = (name: string) =>
              named(name).map((span) => {
                const exit = endOf(span)
                if (exit === undefined || Exit.isSuccess(exit)) return exit?._tag
                return exit.cause.reasons.map((reason) =>
                  reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : reason._tag
                )
              })
            assert.deepStrictEqual(shown("pool.call"), shown("own"))
          })
        )
      }
    }
  })

  it.effect("O3 a tracer that throws harms no call", () =>
    Effect.gen(function* () {
      const throwing = Tracer.make({
        span: () => {
          throw new Error("the tracer")
        }
      })
      const results = yield* Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 1, trace: "items" })
        return [
          yield* pool.map([1, 2], (n: number) => Effect.succeed(n * n)),
          yield* pool.run((n: number) => Effect.succeed(n + 1), 1)
        ]
      }).pipe(Effect.withTracer(throwing))
      assert.deepStrictEqual(results, [[1, 4], 2])
    })
  )

  it.effect("O3 are not there for the default tracer", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, trace: "items" })
      const parents = yield* Effect.withSpan(
        pool.map([1], () => Effect.map(Effect.orDie(Effect.currentSpan), ({ name }) => name)),
        "caller"
      )
      assert.deepStrictEqual(parents, ["caller"])
    })
  )
})

const tagOf = (error: unknown): unknown =>
  typeof error === "string" ? error : (error as { readonly reason: { readonly _tag: string } }).reason._tag

it.effect("O3 what no call can take fails with the same error, traced or not, and its span with it", () =>
  Effect.gen(function* () {
    const trap = new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap")
        }
      }
    )
    const pool: any = yield* WorkerPool.make({ size: 1, trace: "items" })
    const methods: ReadonlyArray<readonly [string, (task: unknown) => Effect.Effect<unknown, unknown>]> = [
      ["map", (task) => pool.map([1], task)],
      ["run", (task) => pool.run(task, 1)],
      ["stream", (task) => Stream.runCollect(pool.stream([1], task))],
      ["mapArray", (task) => pool.mapArray(new Float64Array(2), task)]
    ]
    for (const task of [undefined, null, 5, "text", (n: number) => n, {}, trap]) {
      for (const [method, call] of methods) {
        const { named, tracer } = recording()
        const plain = yield* Effect.flip(Effect.suspend(() => call(task)))
        const traced = yield* Effect.suspend(() => call(task)).pipe(Effect.flip, Effect.withTracer(tracer))
        assert.strictEqual(tagOf(plain), "NotPortable", method)
        assert.strictEqual(tagOf(traced), "NotPortable", method)
        for (const span of named("pool.call")) assert.strictEqual(endOf(span)?._tag, "Failure", method)
      }
    }
  }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()))
)

it.live("O3 1,000 calls, each in a span of its own, leave none of these in memory", () =>
  Effect.gen(function* () {
    const references: Array<WeakRef<object>> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        references.push(new WeakRef(span))
        return span
      }
    })
    const pool = yield* FiberPool.make({ size: 2, keepAlive: true })
    yield* Effect.forEach(
      Array.from({ length: 1000 }, (_, n) => n),
      (n) =>
        Effect.withSpan(
          pool.run((m: number) => Effect.withSpan(Effect.succeed(m), "own"), n),
          `caller ${n}`
        ),
      { concurrency: 10, discard: true }
    ).pipe(Effect.withTracer(tracer))
    assert.isAtLeast(references.length, 4000)
    // what the last calls were is known still: the last worker's, and the group that rests
    assert.isAtMost(yield* Effect.promise(() => left(references, 40)), 40)
  })
)
