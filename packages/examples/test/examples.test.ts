import type { WorkerRuntime } from "@effect-mpire/core"
import { FiberPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Array, Effect, Fiber, Layer, Logger, Metric, Option, Order, References } from "effect"
import { HttpClient } from "effect/http"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"
import * as appLayers from "../src/app-layers.ts"
import * as arrays from "../src/arrays.ts"
import * as bind from "../src/bind.ts"
import * as cancel from "../src/cancel.ts"
import * as crashes from "../src/crashes.ts"
import * as events from "../src/events.ts"
import * as insights from "../src/insights.ts"
import * as keepAlive1 from "../src/keep-alive-1.ts"
import * as keepAlive2 from "../src/keep-alive-2.ts"
import * as keepAlive3 from "../src/keep-alive-3.ts"
import * as keepAliveLifespan from "../src/keep-alive-lifespan.ts"
import * as keepAliveRestart from "../src/keep-alive-restart.ts"
import * as lifespan from "../src/lifespan.ts"
import * as logs from "../src/logs.ts"
import * as measuredRunner from "../src/measured-runner.ts"
import * as metrics from "../src/metrics.ts"
import * as patterns from "../src/patterns.ts"
import * as pool from "../src/pool.ts"
import * as progress from "../src/progress.ts"
import * as quotes from "../src/quotes.ts"
import * as schemas from "../src/schemas.ts"
import { Invoice } from "../src/schemas.tasks.ts"
import * as services from "../src/services.ts"
import * as streaming from "../src/streaming.ts"
import * as taskMetrics from "../src/task-metrics.ts"
import * as timeouts from "../src/timeouts.ts"
import * as tracing from "../src/tracing.ts"
import * as withoutEffect from "../src/without-effect.ts"
import * as workerState from "../src/worker-state.ts"

/** An example, on threads where nothing else is said, and what has to become of it. */
const example = <A, E>(
  name: string,
  program: Effect.Effect<A, E, WorkerRuntime.WorkerRuntime>,
  check: (result: A) => void,
  runtime = NodeWorkerRuntime.layerThreads()
) =>
  it.live(
    name,
    () =>
      program.pipe(
        Effect.map(check),
        Effect.provide(runtime),
        // the warnings are part of the examples, but not of the tests' report
        Effect.provideService(References.MinimumLogLevel, "Error")
      ),
    60_000
  )

const sorted = (texts: ReadonlyArray<string>): ReadonlyArray<string> => Array.sort(texts, Order.String)

const workers = (size: number, generation: number): ReadonlyArray<string> =>
  Array.makeBy(size, (id) => `worker ${id}.${generation}`)

describe("examples on threads", () => {
  example("pool", pool.program, (result) => assert.deepStrictEqual(result, [75_025, 121_393, 196_418, 317_811]))

  example("keep-alive 1: workers are reused", keepAlive1.program, ({ first, second }) => {
    assert.deepStrictEqual(sorted(first), workers(4, 1))
    assert.deepStrictEqual(sorted(second), workers(4, 1))
  })

  example("keep-alive 2: workers are restarted until the call after setKeepAlive", keepAlive2.program, (calls) => {
    const [first = [], second = [], third = [], fourth = []] = calls
    // free workers may have done all before one of the four had started, which is there still in the next call
    for (const call of calls) assert.isNotEmpty(call)
    assert.isTrue(first.every((worker) => worker.endsWith(".1")))
    assert.isEmpty(Array.intersection(first, second))
    assert.isEmpty(Array.intersection(second, third))
    const slotOf = (worker: string) => worker.split(".")[0]
    for (const worker of fourth) {
      const before = third.find((other) => slotOf(other) === slotOf(worker))
      if (before !== undefined) assert.strictEqual(worker, before)
    }
  })

  example("keep-alive 3: init1 ran, init2 did not, exit2 does", keepAlive3.program, (lives) =>
    assert.deepStrictEqual(
      lives,
      Array.makeBy(4, () => ["init1", "exit2"])
    )
  )

  example("keep-alive and lifespan: exit1 for the worker recycled first", keepAliveLifespan.program, (lives) =>
    assert.deepStrictEqual(lives, [
      ["init1", "exit1"],
      ["init1", "exit2"],
      ["init2", "exit2"]
    ])
  )

  example("keep-alive and restart: what is bound to init changes", keepAliveRestart.program, (prices) =>
    assert.deepStrictEqual(prices, { before: [5, 10], stale: [5, 10], after: [10, 20] })
  )

  example("worker-state", workerState.program, (counts) => {
    assert.strictEqual(counts.size, 13)
    assert.strictEqual(counts.get("merrily"), 4)
    assert.strictEqual(counts.get("row"), 3)
  })

  example("lifespan", lifespan.program, ({ leaks, shouted }) => {
    assert.strictEqual(shouted, 100)
    assert.isTrue(leaks.every(({ leaked }) => leaked >= 1 && leaked <= 25))
    assert.strictEqual(
      leaks.reduce((sum, { leaked }) => sum + leaked, 0),
      100
    )
    assert.strictEqual(new Set(leaks.map(({ worker }) => worker)).size, leaks.length)
  })

  example("insights", insights.program, ({ advice, text }) => {
    assert.match(text, /^film: working ratio \d+\.\d %/)
    assert.match(text, /\d s {2}item 59 of insights\.tasks\.ts#render in worker \d: frame-59$/m)
    // whatever else a busy machine has it say
    for (const one of advice) if (one._tag === "Straggler") assert.strictEqual(one.item.index, 59)
  })

  it.live("logs", () =>
    Effect.gen(function* () {
      const lines: Array<{ readonly level: string; readonly message: unknown; readonly annotations: object }> = []
      const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
        lines.push({ level: logLevel, message, annotations: fiber.getRef(References.CurrentLogAnnotations) })
      })
      const sent = yield* Effect.provide(logs.program, [NodeWorkerRuntime.layerThreads(), Logger.layer([logger])])
      assert.deepStrictEqual(sent, [true, true, true, false, true, true, true, false])
      assert.sameDeepMembers(
        lines.map(({ level, message }) => ({ level, message })),
        [4, 8].map((order) => ({ level: "Warn", message: ["no address", { order }] }))
      )
      for (const { annotations } of lines) assert.containsAllKeys(annotations, ["batch", "worker"])
    })
  )

  example("events", events.program, ({ events, trace }) => {
    const ended = events.at(-1)
    assert.deepInclude(ended, { _tag: "CallEnded", outcome: "succeeded", succeeded: 60 })
    const slices = trace.traceEvents.filter(({ ph }) => ph === "X")
    const chunks = slices.filter(({ name }) => name === "insights.tasks.ts#render")
    // but for those that waited behind others, and were given to the other worker
    const ran = events.filter((event) => event._tag === "ChunkDone" && event.succeeded > 0)
    assert.strictEqual(chunks.length, ran.length)
    assert.strictEqual(slices.filter(({ name }) => name === "start").length, 2)
  })

  it.live("events: says which items fail", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      const pool = yield* FiberPool.make({ size: 1, name: "odd" })
      const watching = yield* Effect.forkChild(Effect.provide(events.watched(pool), Logger.layer([logger])), {
        startImmediately: true
      })
      yield* pool.mapExit([1, 2, 3], (n) => (n % 2 === 0 ? Effect.fail("even") : Effect.succeed(n)))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(watching)
      assert.deepStrictEqual(logged, [['odd: item 1 (2) failed: "even"']])
    }).pipe(Effect.scoped)
  )

  it.live(
    "metrics: Prometheus reads them",
    () =>
      Effect.gen(function* () {
        const before = yield* HttpClient.get("/metrics").pipe(Effect.flatMap(({ text }) => text))
        assert.include(before, 'effect_mpire_items_total{pool="app/Film",outcome="succeeded"} 0')
        yield* metrics.scene(30)
        const after = yield* HttpClient.get("/metrics").pipe(Effect.flatMap(({ text }) => text))
        assert.include(after, 'effect_mpire_items_total{pool="app/Film",outcome="succeeded"} 30')
        assert.include(after, 'effect_mpire_workers{pool="app/Film",state="idle"} 2')
        assert.include(after, 'effect_mpire_item_seconds_count{pool="app/Film"} 30')
      }).pipe(
        Effect.provide(Layer.provideMerge(metrics.app, [NodeWorkerRuntime.layerThreads(), NodeHttpServer.layerTest]))
      ),
    60_000
  )

  example(
    "measured-runner: Prometheus reads how many slots are free and wanted",
    HttpClient.get("/metrics").pipe(
      Effect.flatMap(({ text }) => text),
      Effect.provide(
        Layer.provideMerge(
          measuredRunner.measuredRunner({ listen: "127.0.0.1:0", slots: 3, insecure: true }),
          NodeHttpServer.layerTest
        )
      ),
      Effect.provideService(Metric.MetricRegistry, new Map())
    ),
    (text) => {
      assert.match(text, /effect_mpire_runner_slots\{listen="127\.0\.0\.1:\d+",state="free"\} 3/)
      assert.match(text, /effect_mpire_runner_wanted\{listen="127\.0\.0\.1:\d+"\} 0/)
    }
  )

  example(
    "task-metrics: Prometheus reads what tasks measure",
    Effect.gen(function* () {
      yield* taskMetrics.program
      return yield* HttpClient.get("/metrics").pipe(Effect.flatMap(({ text }) => text))
    }).pipe(
      Effect.provide(Layer.provideMerge(taskMetrics.server, NodeHttpServer.layerTest)),
      Effect.provideService(Metric.MetricRegistry, new Map())
    ),
    (text) => {
      for (const line of [
        'shop_orders_total{shop="North"} 500',
        'shop_orders_total{shop="South"} 2000',
        'shop_goods{shop="South",key="pears"} 1333',
        'shop_amount_bucket{shop="North",le="100"} 101',
        'shop_amount_sum{shop="South"} 1999000'
      ]) {
        assert.include(text, line)
      }
    }
  )

  it.live(
    "progress",
    () => {
      const told: Array<readonly [label: string, percent: number]> = []
      const layer = progress.percents((label, percent) => Effect.sync(() => void told.push([label, percent])))
      return Effect.gen(function* () {
        const result = yield* Effect.provide(progress.program, [NodeWorkerRuntime.layerThreads(), layer])
        assert.deepStrictEqual(result, { files: 40, lines: 6_900 })
        for (const label of ["Encoding", "Subtitles"]) {
          const percents = told.filter(([of]) => of === label).map(([, percent]) => percent)
          assert.deepStrictEqual([percents[0], percents.at(-1)], [0, 100])
          assert.deepStrictEqual(percents, Array.sort(new Set(percents), Order.Number))
        }
      })
    },
    60_000
  )

  it.live("tracing", () =>
    Effect.gen(function* () {
      interface Span {
        readonly traceId: string
        readonly spanId: string
        readonly parentSpanId?: string
        readonly name: string
      }
      const spans: Array<Span> = []
      const logs: Array<Pick<Span, "spanId" | "traceId">> = []
      const server = createServer((request, response) => {
        void json(request).then((body: any) => {
          for (const { scopeSpans } of body.resourceSpans ?? []) spans.push(...scopeSpans[0].spans)
          for (const { scopeLogs } of body.resourceLogs ?? []) logs.push(...scopeLogs[0].logRecords)
          response.end("{}")
        })
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      server.listen(0, "127.0.0.1")
      yield* Effect.promise(() => once(server, "listening"))
      const { port } = server.address() as AddressInfo
      const telemetry = tracing.telemetry(`http://127.0.0.1:${port}`)
      const resized = yield* Effect.provide(tracing.program, [NodeWorkerRuntime.layerThreads(), telemetry])
      assert.deepStrictEqual(resized, ["a.small.png", "b.small.png", "c.small.png"])
      const path = (id: string | undefined): ReadonlyArray<string> => {
        const span = spans.find(({ spanId }) => spanId === id)
        return span === undefined ? [] : [span.name, ...path(span.parentSpanId)]
      }
      const around = ["resize", "pool.item", "pool.chunk", "pool.call", "album"]
      const encoded = spans.filter(({ name }) => name === "encode")
      assert.deepStrictEqual(
        encoded.map(({ spanId }) => path(spanId)),
        Array.makeBy(3, () => ["encode", ...around])
      )
      assert.deepStrictEqual(
        logs.map(({ spanId }) => path(spanId)),
        Array.makeBy(3, () => around)
      )
      assert.strictEqual(new Set([...encoded, ...logs].map(({ traceId }) => traceId)).size, 1)
    }).pipe(Effect.scoped)
  )

  example("bind", bind.program, (unknown) => assert.strictEqual(unknown, 6000))

  example("arrays", arrays.program, (result) => assert.deepStrictEqual(result, { samples: 2_646_000, loudest: 32_767 }))

  example("services", services.program, (result) =>
    assert.deepStrictEqual(result, { prices: [420, 30, 250], unknown: "no product cake" })
  )

  example("schemas", schemas.program, ({ answer, invoices }) => {
    assert.isTrue(invoices.every((invoice) => invoice instanceof Invoice && Option.isOption(invoice.order.coupon)))
    assert.deepStrictEqual(
      invoices.map(({ text }) => text),
      ["10 × apple: 2.70", "2 × bread: 5.00"]
    )
    assert.isTrue(invoices.every(({ due }) => due instanceof Date))
    assert.strictEqual(answer, "no cake today")
  })

  example("streaming", streaming.program, ({ primes, pulled }) => {
    const offsets = [39, 61, 63, 91, 121]
    assert.deepStrictEqual(
      primes,
      offsets.map((offset) => 1_000_000_000_000 + offset)
    )
    // only odd numbers are tested, and at most eight of them ahead
    assert.isAtMost(pulled, (121 + 1) / 2 + 8)
  })

  example("timeouts", timeouts.program, ([fast, stuck, slow]) => {
    assert.deepStrictEqual([fast, slow], ["<h1>/fast</h1>", "<h1>/slow</h1>"])
    assert.match(stuck ?? "", /^given up: Item 1 of file:.*\.tasks\.ts#\w+ timed out/)
  })

  example("patterns", patterns.program, ({ answers, killed, lost }) => {
    const [plus, nested, letter, alternatives, end] = answers
    assert.deepStrictEqual([plus, letter, end], ["matches", "does not match", "matches"])
    assert.match(nested ?? "", /^given up: Item 1 of file:.*\.tasks\.ts#\w+ timed out/)
    assert.match(alternatives ?? "", /^given up: Item 3 of file:.*\.tasks\.ts#\w+ timed out/)
    assert.deepStrictEqual({ killed, lost }, { killed: 2, lost: 0 })
  })

  example(
    "crashes",
    crashes.program,
    (result) => assert.deepStrictEqual(result, { read: 19, broken: ["image 13: SIGSEGV"] }),
    NodeWorkerRuntime.layerProcesses()
  )

  example("cancel", cancel.program, ({ cancelled, winner }) => {
    assert.strictEqual(winner, "answered after 1000 ms")
    assert.strictEqual(cancelled.length, 2)
    assert.strictEqual(
      cancelled.reduce((sum, n) => sum + n, 0),
      1
    )
  })

  example("app-layers", appLayers.program, (stored) => {
    assert.strictEqual(new Set(stored.map(({ digest }) => digest)).size, 3)
    assert.isTrue(stored.every(({ bytes, digest }) => bytes > 0 && digest.length === 64))
  })

  example(
    "quotes",
    // the same service over a pool with one of its options replaced
    quotes.program.pipe(
      Effect.provide(quotes.Quotes.layerNoDeps.pipe(Layer.provide(quotes.Askers.layerWith({ timeout: "200 millis" }))))
    ),
    (lowest) => assert.deepStrictEqual(lowest, Option.some(99))
  )
})

describe("without Effect", () => {
  afterAll(() => withoutEffect.dispose())

  it("counts, answers requests, and gives results one by one", async () => {
    assert.strictEqual(await withoutEffect.countPrimes(10_000), 1229)
    const server = withoutEffect.serve().listen(0)
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    assert.strictEqual(await (await fetch(`http://localhost:${port}/1000`)).text(), "168\n")
    server.close()
    const counts: Array<number> = []
    for await (const count of withoutEffect.countEach(800)) counts.push(count)
    assert.deepStrictEqual([counts.length, counts.reduce((sum, count) => sum + count)], [8, 139])
    for await (const count of withoutEffect.countEach(800)) {
      assert.isAbove(count, 0)
      break
    }
  })

  it("gives up when it is told to", async () => {
    const controller = new AbortController()
    const counting = withoutEffect.countPrimes(1_000_000_000, controller.signal)
    controller.abort()
    const error: unknown = await counting.then(
      () => undefined,
      (error: unknown) => error
    )
    assert.strictEqual((error as Error).name, "AbortError")
  })
})
