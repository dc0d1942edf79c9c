/** Whose it is what fibers tell that items have detached: their caller's until its call ends, and then the pool's. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { EndedChunks } from "../src/internal/remote/endedChunks.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { left } from "./utils/garbage.ts"
import { layerInThisThread } from "./utils/inThisThread.ts"

/** What is told to somebody, with the span around each line. */
const makeListener = (who: string) => {
  const lines: Array<string> = []
  const spans: Array<string> = []
  const registry: Metric.MetricRegistry = new Map()
  /** Done when the last line of a fiber has come, and with it all that it told before. */
  let last = Deferred.makeUnsafe<void>()
  const logger = Logger.make<unknown, void>(({ fiber, message }) => {
    const text = String(message)
    if (text === "last") {
      Deferred.doneUnsafe(last, Effect.void)
      return
    }
    const annotations = fiber.getRef(References.CurrentLogAnnotations)
    const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
    lines.push(
      `${text} of ${String(annotations["of"])} in ${span?._tag === "Span" ? span.name : (span?._tag ?? "no span")}`
    )
  })
  const tracer = Tracer.make({
    span: (options) => {
      spans.push(options.name)
      return new Tracer.NativeSpan(options)
    }
  })
  const tell = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.annotateLogs("of", who),
      Effect.provideService(References.CurrentLoggers, new Set([logger])),
      Effect.withTracer(tracer),
      Effect.provideService(Metric.MetricRegistry, registry)
    )
  const take = () => {
    const count = Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry)).find(({ id }) => id === "told")
    const taken = {
      lines: lines.splice(0),
      spans: spans.splice(0).filter((name) => !name.startsWith("pool.")),
      count: count?.type === "Counter" ? Number(count.state.count) : 0
    }
    registry.clear()
    return taken
  }
  const heard = Effect.suspend(() => Deferred.await(last)).pipe(
    Effect.andThen(Effect.sync(() => (last = Deferred.makeUnsafe())))
  )
  return { tell, take, heard }
}

const nothing = { lines: [], spans: [], count: 0 }

/** Lets detached fibers tell something, as often as it is completed. */
let goOn: Array<Deferred.Deferred<void>> = []

let gate: Deferred.Deferred<void> = Deferred.makeUnsafe()

const counter = Metric.counter("told")

const telling = Effect.gen(function* () {
  for (const go of goOn) {
    yield* Deferred.await(go)
    yield* Effect.logInfo("line")
    yield* Metric.update(counter, 1)
    yield* Effect.withSpan(Effect.void, "span")
    yield* Effect.logInfo("last")
  }
})

const detach = Portable.make("test:detached", "detach", (n: number) =>
  n === 0 ? Effect.as(Deferred.await(gate), n) : Effect.as(Effect.forkDetach(telling, { startImmediately: true }), n)
)

const again = (times: number) => {
  goOn = Array.from({ length: times }, () => Deferred.makeUnsafe())
  gate = Deferred.makeUnsafe()
}

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["fibers", WorkerRuntime.layerFibers()],
  ["workers", layerInThisThread]
]

describe.each(runtimes)("a fiber of %s that an item has detached", (name, runtime) => {
  it.live("O3 tells its caller while the call goes on, and then the pool, which is in no span", () =>
    Effect.gen(function* () {
      again(2)
      const callers = makeListener("caller")
      const pools = makeListener("pool")
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
        const first = yield* Deferred.make<void>()
        // one item goes on in the other worker
        const items = Stream.runForEach(pool.streamUnordered([0, 1], detach, { chunkSize: 1 }), (n) =>
          n === 1 ? Deferred.succeed(first, undefined) : Effect.void
        )
        const call = yield* Effect.forkChild(callers.tell(items))
        yield* Deferred.await(first)
        yield* Deferred.succeed(goOn[0]!, undefined)
        yield* callers.heard
        assert.deepStrictEqual(callers.take(), { lines: ["line of caller in pool.chunk"], spans: ["span"], count: 1 })
        assert.deepStrictEqual(pools.take(), nothing)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(call)
        yield* Deferred.succeed(goOn[1]!, undefined)
        // nothing crosses there, and the caller is simply there
        if (name === "fibers") {
          yield* callers.heard
          return
        }
        yield* pools.heard
        assert.deepStrictEqual(pools.take(), { lines: ["line of pool in no span"], spans: ["span"], count: 1 })
        assert.deepStrictEqual(callers.take(), nothing)
      }).pipe(Effect.scoped, pools.tell, Effect.provide(runtime))
    })
  )
})

describe("what is known of chunks that have ended", () => {
  it.live("O3 goes with their call", () =>
    Effect.gen(function* () {
      again(0)
      const references: Array<WeakRef<object>> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          references.push(new WeakRef(span))
          return span
        }
      })
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      const calls = Array.from({ length: 50 }, (_, n) => n)
      yield* Effect.forEach(calls, () => pool.map([1, 2, 3, 4], detach, { chunkSize: 1 }), { discard: true }).pipe(
        Effect.withTracer(tracer)
      )
      assert.isAtLeast(references.length, 250)
      // those of the last call may be known still
      assert.isAtMost(yield* Effect.promise(() => left(references, 10)), 10)
    }).pipe(Effect.scoped, Effect.provide(layerInThisThread))
  )

  it("O3 is no more than what is known of 256, of calls that go on", () => {
    const ended = new EndedChunks()
    const atCallEnd = new Set<() => void>()
    const context = Context.empty()
    for (let id = 0; id < 1000; id++) ended.add(id, context, atCallEnd)
    assert.strictEqual(atCallEnd.size, 256)
    assert.strictEqual(ended.contextOf(743), undefined)
    assert.strictEqual(ended.contextOf(744), context)
    const others = new Set<() => void>()
    ended.add(1000, context, others)
    for (const end of atCallEnd) end()
    assert.strictEqual(ended.contextOf(999), undefined)
    assert.strictEqual(ended.contextOf(1000), context)
    // a worker that has ended is not kept by calls that go on
    ended.clear()
    assert.strictEqual(others.size, 0)
    assert.strictEqual(ended.contextOf(1000), undefined)
  })
})
