import { assert, describe, it, vi } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import { Events } from "../src/internal/events/events.ts"
import { PoolEvent } from "../src/PoolEvent.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { FakeRuntime } from "./fakeRuntime.ts"
import { assertLaws, of } from "./utils/eventLaws.ts"
import { driven, integer, kinds, makePool, noise, oneOf, type Pool, runs, settle } from "./support.ts"

const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

class Refused extends Data.TaggedError("Refused")<{ readonly message: string }> {}

interface Heard {
  readonly events: Array<PoolEvent>
  readonly fiber: Fiber.Fiber<void>
}

/** Listens to a pool from now on, until its Scope closes. */
const listen = (pool: { readonly events: Stream.Stream<PoolEvent> }): Effect.Effect<Heard> =>
  Effect.gen(function* () {
    const events: Array<PoolEvent> = []
    const fiber = yield* Effect.forkDetach(
      Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
      { startImmediately: true }
    )
    return { events, fiber }
  })

/** An event in a line: all but which pool it is of. */
const line = (event: PoolEvent): string => {
  const { _tag, pool: _, poolId: __, time, ...fields } = event
  const told = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} ${String(value)}`]
  )
  return [`${time} ${_tag}`, ...told].join(", ")
}

const roundTrip = Schema.fromJsonString(PoolEvent)

describe.each(kinds)("events, %s", (kind) => {
  it.effect("O2 tells what happens in a pool, with the Clock's times, until its Scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const made = makePool(kind, { size: 1, name: "one", init: Effect.sleep(5), exit: () => Effect.sleep(3) })
      const pool = yield* Scope.provide(made, scope)
      const { events, fiber } = yield* listen(pool)
      yield* driven(pool.map([10, 20], sleep, { chunkSize: 1 }))
      yield* driven(Scope.close(scope, Exit.void))
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(events.filter(({ _tag }) => _tag !== "CallStarted").map(line), [
        "0 WorkerStarting, worker 0, generation 1",
        "5 WorkerInitialised, worker 0, generation 1",
        "5 ChunkSent, worker 0, generation 1, call 1, chunk 1, index 0, items 1, queued false",
        "15 ChunkDone, worker 0, generation 1, call 1, chunk 1, succeeded 1, failed 0, interrupted 0",
        "15 ChunkSent, worker 0, generation 1, call 1, chunk 2, index 1, items 1, queued false",
        "35 ChunkDone, worker 0, generation 1, call 1, chunk 2, succeeded 1, failed 0, interrupted 0",
        "38 WorkerReleased, worker 0, generation 1",
        "38 CallEnded, call 1, outcome succeeded, succeeded 2, failed 0, interrupted 0, refused 0, chunks 2"
      ])
      const [started] = of(events, "CallStarted")
      assert.deepInclude(started, { time: 0, call: 1, length: 2, runs: false })
      assert.isDefined(started?.task)
      assert.isTrue(events.every(({ pool }) => pool === "one"))
    })
  )

  it.effect("O2 events are data: JSON carries them there and back", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true, init: Effect.sleep(1) })
      const { events } = yield* listen(pool)
      const task = (n: number) => (n % 3 === 0 ? Effect.fail(`no ${n}`) : Effect.as(Effect.sleep(150), n))
      yield* driven(pool.mapExit([1, 2, 3, 4, 5, 6], task))
      yield* driven(Effect.exit(pool.map([1, 2, 3], task)))
      yield* Effect.exit(pool.map(undefined as any, task))
      yield* driven(pool.run(task, 1))
      const fiber = yield* Effect.forkChild(pool.map([1, 1, 1], sleep))
      yield* settle
      yield* pool.terminate
      yield* Fiber.await(fiber)
      yield* settle
      const tags = new Set(events.map(({ _tag }) => _tag))
      for (const tag of ["WorkerKilled", "ItemFailed", "Progressed", "CallEnded"] as const)
        assert.isTrue(tags.has(tag), tag)
      for (const event of events) {
        const json = yield* Schema.encodeEffect(roundTrip)(event)
        const back = yield* Schema.decodeEffect(roundTrip)(json)
        assert.deepStrictEqual(JSON.parse(JSON.stringify(back)), JSON.parse(JSON.stringify(event)))
      }
    })
  )

  it.effect("O2 tells the first 100 items of a call that fail, and counts all", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 3, keepAlive: true })
      const { events } = yield* listen(pool)
      const items = Array.from({ length: 250 }, (_, n) => n)
      const task = (n: number) => (n % 2 === 0 ? Effect.fail(`no ${n}`) : Effect.succeed(n))
      for (const call of [1, 2]) {
        yield* pool.mapExit(items, task)
        yield* settle
        const failed = of(events, "ItemFailed").filter((event) => event.call === call)
        assert.strictEqual(failed.length, 100)
        for (const { failure, index, input } of failed) {
          assert.deepStrictEqual([input, failure], [String(index), `"no ${index}"`])
        }
        const ended = of(events, "CallEnded").find((event) => event.call === call)
        assert.deepInclude(ended, { outcome: "succeeded", succeeded: 125, failed: 125, interrupted: 0 })
      }
    })
  )

  it.effect("O2 shows items that fail as `describe` has it, and with `false` neither them nor their failures", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true, describe: ({ id }: any) => `order ${id}` })
      const { events } = yield* listen(pool)
      const task = (order: { readonly id: number }) => new Refused({ message: `out of ${order.id}` })
      const order = { id: 7, secret: "s3cr3t" }
      const shown = (describe?: any) =>
        Effect.gen(function* () {
          yield* Effect.exit(pool.map([order], task, describe === undefined ? {} : { describe }))
          yield* Effect.exit(pool.run(task, order, describe === undefined ? {} : { describe }))
          yield* settle
          const ofItems = of(events.splice(0), "ItemFailed")
          assert.isTrue(ofItems.every(({ index, worker }) => index === 0 && worker === 0))
          return ofItems.map(({ failure, input }) => [input, failure])
        })
      const failure = "[Refused: out of 7]"
      assert.deepStrictEqual(yield* shown(), [
        ["order 7", failure],
        ["order 7", failure]
      ])
      assert.deepStrictEqual(
        yield* shown(() => {
          throw new Error("describe")
        }),
        [
          [undefined, failure],
          [undefined, failure]
        ]
      )
      assert.deepStrictEqual(yield* shown(false), [
        [undefined, undefined],
        [undefined, undefined]
      ])
    })
  )

  it.effect("O2 shows no item and no failure of a call with `describe: false`, however it fails", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, describe: false })
      const { events } = yield* listen(pool)
      const task = (secret: string) => new Refused({ message: secret })
      yield* Effect.exit(pool.map(["s3cr3t"], task))
      yield* Effect.exit(pool.run(task, "s3cr3t"))
      yield* Effect.exit(pool.map(["s3cr3t"], (secret) => Effect.die(secret)))
      yield* settle
      assert.strictEqual(of(events, "ItemFailed").length, 3)
      assert.strictEqual(of(events, "CallEnded").filter(({ outcome }) => outcome === "failed").length, 3)
      assert.notInclude(JSON.stringify(events), "s3cr3t")
    })
  )

  it.effect(
    "F8 O2 what `describe` asks of the pool is done after the turn; that it throws or listens harms nobody",
    () =>
      Effect.gen(function* () {
        const pool: Pool = yield* makePool(kind, { size: 1, keepAlive: true })
        const { events } = yield* listen(pool)
        const asked: Array<unknown> = []
        const describe = (n: number) => {
          Effect.runFork(Effect.map(Stream.runHead(Stream.take(pool.events, 1)), (head) => asked.push(head)))
          asked.push(Effect.runSync(pool.stats).calls)
          if (n === 2) throw new Error("describe")
          return `item ${n}`
        }
        yield* pool.mapExit([1, 2, 3], (n: number) => Effect.fail(n), { describe, chunkSize: 3 })
        yield* settle
        assert.deepStrictEqual(
          of(events, "ItemFailed").map(({ input }) => input),
          ["item 1", undefined, "item 3"]
        )
        assert.deepStrictEqual(yield* pool.map([1], (n: number) => Effect.succeed(n)), [1])
        yield* settle
        assert.strictEqual(asked.length, 6)
      })
  )

  it.effect("O2 a redacted item stays so, and a failure's getters are not called", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 1 })
      const { events } = yield* listen(pool)
      const error = Object.defineProperty({}, "secret", {
        enumerable: true,
        get: () => assert.fail("it was called")
      })
      yield* Effect.exit(pool.map([Redacted.make("s3cr3t")], () => Effect.fail(error)))
      yield* settle
      const [failed] = of(events, "ItemFailed")
      assert.strictEqual(failed?.input, "<redacted>")
      assert.strictEqual(failed?.failure, "{ secret: [Getter] }")
    })
  )

  it.effect("O2 tells how a call comes on, at most ten times a second, and nothing while nothing changes", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true })
      const { events } = yield* listen(pool)
      // 50 items of 10 ms in one chunk, then one of an hour
      const items = [...Array(50).fill(10), 3_600_000]
      const fiber = yield* Effect.forkChild(pool.map(items, sleep, { chunkSize: items.length }))
      yield* settle
      for (let millis = 0; millis < 1000; millis += 10) {
        yield* TestClock.adjust(10)
        yield* settle
      }
      const told = of(events, "Progressed").map(({ succeeded, time }) => ({ succeeded, time }))
      assert.isAtLeast(told.length, 4)
      for (const [n, { succeeded, time }] of told.entries()) {
        assert.isAtLeast(time - (told[n - 1]?.time ?? 0), 100)
        assert.closeTo(succeeded, Math.min(50, time / 10), 1)
      }
      assert.strictEqual(told.at(-1)?.succeeded, 50)
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      yield* settle
      assert.strictEqual(of(events, "Progressed").length, told.length)
      assert.deepInclude(of(events, "CallEnded")[0], { succeeded: 51, chunks: 1 })
    })
  )

  it.effect("O2 a listener that is slow gets how many events it has missed, and then the newest 2,048", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true })
      const quick = yield* listen(pool)
      const slow: Array<PoolEvent> = []
      const open = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(pool.events, (event) =>
          Effect.andThen(
            Effect.sync(() => void slow.push(event)),
            slow.length === 1 ? Deferred.await(open) : Effect.void
          )
        ),
        { startImmediately: true }
      )
      for (let n = 0; n < 40; n++) {
        yield* pool.map(Array(60).fill(n), (n: number) => Effect.succeed(n), { chunkSize: 1 })
        yield* settle
      }
      yield* Deferred.succeed(open, undefined)
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(of(quick.events, "Missed").length, 0)
      const missed = of(slow, "Missed")
      assert.strictEqual(missed.length, 1)
      assert.isAbove(missed[0]!.count, 1000)
      assert.strictEqual(slow.length - 1 + missed[0]!.count, quick.events.length)
      const at = slow.indexOf(missed[0]!)
      assert.deepStrictEqual(slow.slice(at + 1), quick.events.slice(-2048))
      assert.deepStrictEqual(slow.slice(0, at), quick.events.slice(0, at))
      // whoever missed the rest learns what the calls came to
      assert.isTrue(of(slow, "CallEnded").every(({ chunks, succeeded }) => chunks === 60 && succeeded === 60))
    })
  )

  it.effect(
    "O2 who begins to listen late, or again, hears what happens from then on, and the whole call's counts",
    () =>
      Effect.gen(function* () {
        const pool = yield* makePool(kind, { size: 1, keepAlive: true })
        const fiber = yield* Effect.forkChild(pool.map([10, 10, 10], sleep, { chunkSize: 1 }))
        yield* settle
        yield* TestClock.adjust(15)
        const { events, fiber: listening } = yield* listen(pool)
        yield* TestClock.adjust(100)
        yield* Fiber.join(fiber)
        yield* settle
        yield* Fiber.interrupt(listening)
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          ["ChunkDone", "ChunkSent", "ChunkDone", "CallEnded"]
        )
        assert.deepInclude(of(events, "CallEnded")[0], { call: 1, succeeded: 3, chunks: 3 })
        yield* driven(pool.map([1], sleep))
        assert.strictEqual(events.length, 4)
        const again = yield* listen(pool)
        yield* driven(pool.map([1], sleep))
        assert.deepStrictEqual(
          again.events.filter(({ _tag }) => _tag !== "Progressed").map((event) => ("call" in event ? event.call : 0)),
          [3, 3, 3, 3]
        )
      })
  )

  it.effect("O2 ends after the last event when the pool's Scope closes, and at once afterwards", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(makePool(kind, { size: 2, keepAlive: true }), scope)
      const { events, fiber } = yield* listen(pool)
      const calls = [
        yield* Effect.forkChild(pool.map([1e9, 1e9], sleep)),
        yield* Effect.forkChild(pool.run(sleep, 1e9))
      ]
      yield* settle
      yield* driven(Scope.close(scope, Exit.void))
      yield* Fiber.join(fiber)
      for (const call of calls) yield* Fiber.await<unknown, unknown>(call)
      assert.strictEqual(of(events, "CallStarted").length, 2)
      assert.deepStrictEqual(
        of(events, "CallEnded").map(({ outcome }) => outcome),
        ["failed", "failed"]
      )
      assert.strictEqual(of(events, "WorkerReleased").length, of(events, "WorkerStarting").length)
      assert.deepStrictEqual(yield* Stream.runCollect(pool.events), [])
    })
  )

  it.effect("O2 tells that an acquisition or a release failed, and why", () =>
    Effect.gen(function* () {
      const pool = yield* makePool<any, any>(kind, {
        size: 1,
        name: "broken",
        init: Effect.fail("no database"),
        exit: () => Effect.fail("no exit")
      })
      const { events } = yield* listen(pool)
      yield* Effect.exit(pool.map([1], sleep))
      yield* driven(Effect.exit(pool.map([1], sleep, { init: Effect.void })))
      yield* settle
      assert.deepStrictEqual(
        of(events, "WorkerReleased").map(({ failure }) => failure),
        [
          `init failed in worker 0 (generation 1) of broken: "no database"`,
          `exit failed in worker 0 (generation 2) of broken: "no exit"`
        ]
      )
      assert.deepStrictEqual(
        of(events, "CallEnded").map(({ failure, outcome, succeeded }) => [outcome, succeeded, failure]),
        [
          ["failed", 0, `init failed in worker 0 (generation 1) of broken: "no database"`],
          ["failed", 1, `exit failed in worker 0 (generation 2) of broken: "no exit"`]
        ]
      )
    })
  )

  it.effect("O2 counts `run`s that no worker could be had for", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, init: Effect.fail("no") })
      const { events } = yield* listen(pool)
      yield* Effect.exit(Effect.all([pool.run(sleep, 1), pool.run(sleep, 1)], { concurrency: 2 }))
      yield* settle
      const ended = of(events, "CallEnded")
      assert.isTrue(ended.every(({ outcome, succeeded }) => outcome === "failed" && succeeded === 0))
      assert.isAtLeast(
        ended.reduce((sum, { refused }) => sum + refused, 0),
        1
      )
    })
  )

  it.effect("O2 while nobody listens no event is made, nor anything counted for it by the item", () =>
    Effect.gen(function* () {
      const made = (Object.getOwnPropertyNames(Events.prototype) as Array<keyof Events>)
        .filter((name) => /^(worker|chunk|item|call)/.test(name))
        .map((name) => vi.spyOn(Events.prototype, name as "workerKilled"))
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.restoreAllMocks()))
      const pool: Pool = yield* makePool(kind, { size: 1, keepAlive: true })
      const work = Effect.gen(function* () {
        yield* Effect.exit(pool.map([1, 2], (n: number) => Effect.fail(n)))
        yield* pool.run(sleep, 0)
        yield* pool.terminate
        yield* pool.map([1], sleep, { chunkSize: 1 })
      })
      const called = () => made.filter(({ mock }) => mock.calls.length > 0).length
      yield* driven(work)
      assert.strictEqual(called(), 0)
      const { fiber } = yield* listen(pool)
      yield* driven(work)
      const most = called()
      // all but a loss and a release
      assert.strictEqual(most, made.length - 2)
      yield* Fiber.interrupt(fiber)
      for (const spy of made) spy.mockClear()
      yield* driven(work)
      assert.strictEqual(called(), 0)
    })
  )
})

// -----------------------------------------------------------------------------
// Whatever calls run
// -----------------------------------------------------------------------------

const anyCall = Arbitrary.all([
  oneOf("map", "mapUnordered", "mapExit", "forEach", "run", "stream", "interrupt", "terminate", "restart"),
  integer(0, 12),
  integer(1, 5),
  integer(0, 1000)
])

describe.each(kinds)("events of any calls, %s", (kind) => {
  it.effect.prop(
    "O2 what is sent is done, workers that start end, and the counts agree with the results",
    {
      calls: Arbitrary.array(anyCall, { minLength: 1, maxLength: 6 }),
      size: integer(1, 3),
      tasksPerWorker: integer(1, 2),
      keepAlive: oneOf(true, false)
    },
    ({ calls, keepAlive, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const options = { size, tasksPerWorker, keepAlive, init: Effect.sleep(1) }
        const pool: Pool = yield* Scope.provide(makePool(kind, options), scope)
        const { events, fiber } = yield* listen(pool)
        const truth = { succeeded: 0, failed: 0 }
        const task = ([seed, n]: readonly [number, number]) =>
          Effect.andThen(
            Effect.sleep(noise(seed, n) % 20),
            Effect.suspend(() => {
              const isGood = noise(seed, n + 50) % 4 !== 0
              if (isGood) truth.succeeded++
              else truth.failed++
              return isGood ? Effect.succeed(n) : Effect.fail(n)
            })
          )
        yield* driven(
          Effect.forEach(
            calls,
            ([what, length, chunkSize, seed]) => {
              const items = Array.from({ length }, (_, n) => [seed, n] as const)
              const called = (): Effect.Effect<unknown, unknown> => {
                switch (what) {
                  case "run":
                    return Effect.forEach(items, (item) => Effect.exit(pool.run(task, item)), { concurrency: 4 })
                  case "stream":
                    return Stream.runDrain(Stream.take(pool.stream(items, task, { chunkSize }), 3))
                  case "interrupt":
                    return Effect.timeout(pool.map(items, task, { chunkSize }), 15)
                  case "terminate":
                    return Effect.andThen(Effect.sleep(seed % 50), pool.terminate)
                  case "restart":
                    return Effect.andThen(Effect.sleep(seed % 50), pool.restart)
                  default:
                    return (pool as any)[what](items, task, { chunkSize })
                }
              }
              return Effect.exit(Effect.andThen(Effect.sleep(seed % 7), Effect.suspend(called)))
            },
            { concurrency: "unbounded" }
          )
        )
        const { killed } = yield* pool.stats
        const { total } = yield* pool.insights
        yield* driven(Scope.close(scope, Exit.void))
        yield* Fiber.join(fiber)
        assert.deepInclude(assertLaws(events), truth)
        assert.strictEqual(of(events, "WorkerKilled").length, killed)
        assert.strictEqual(of(events, "WorkerStarting").length, total.workers)
      }),
    runs(60)
  )
})

describe("events of lost workers", () => {
  it.effect("O2 tells the loss, then what it did to items, then that their chunks are done", () =>
    Effect.gen(function* () {
      const runtime = new FakeRuntime()
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1, keepAlive: true, name: "fake" }), runtime.layer)
      const { events } = yield* listen(pool)
      const task = Portable.make("test:events", "task", (n: number) => n)
      const fiber = yield* Effect.forkChild(pool.map([1, 2, 3], task, { chunkSize: 3 }))
      yield* settle
      const worker = runtime.workers[0]!
      worker.succeed(worker.begin())
      worker.begin()
      worker.lose({ closed: { exitCode: 9, signal: undefined, cause: new Error("gone") } })
      yield* settle
      assert(Exit.isFailure(yield* Fiber.await(fiber)))
      yield* settle
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag).filter((tag) => tag !== "CallStarted"),
        ["WorkerStarting", "WorkerInitialised", "ChunkSent", "WorkerLost", "ItemFailed", "ChunkDone", "CallEnded"]
      )
      assert.deepInclude(of(events, "WorkerLost")[0], { exitCode: 9, cause: "[Error: gone]", generation: 1 })
      assert.deepInclude(of(events, "ItemFailed")[0], { index: 1, input: "2", worker: 0 })
      assert.include(of(events, "ItemFailed")[0]?.failure, "was lost (exit code 9, gone)")
      assert.deepInclude(of(events, "ChunkDone")[0], { succeeded: 1, failed: 1, interrupted: 0 })
      assert.deepInclude(of(events, "CallEnded")[0], { outcome: "failed", succeeded: 1, failed: 1 })
    })
  )
})

describe("times of events", () => {
  it.live("O2 never go back from one listener to the next, though the wall clock is read anew, or set back", () =>
    Effect.gen(function* () {
      const real = yield* Clock.Clock
      const late = [0, 0.9, 0.2, 3000, 0.5]
      let reads = 0
      // coarser than the monotonic clock, as it is
      const coarse = () => Math.floor(1e12 + performance.now()) - late[reads++ % late.length]!
      const clock: Clock.Clock = Object.assign(Object.create(real) as Clock.Clock, { currentTimeMillisUnsafe: coarse })
      for (const kind of kinds) {
        const pool = yield* Effect.provideService(makePool(kind, { size: 1, keepAlive: true }), Clock.Clock, clock)
        const times: Array<number> = []
        for (let n = 0; n < 10; n++) {
          const { events, fiber } = yield* listen(pool)
          yield* pool.run(() => Effect.void, undefined)
          yield* settle
          yield* Fiber.interrupt(fiber)
          times.push(...events.map(({ time }) => time))
        }
        assert.isAbove(times.length, 10)
        assert.deepStrictEqual(
          times,
          times.toSorted((one, other) => one - other)
        )
      }
    })
  )
})

describe("names", () => {
  it.effect("O2 events of pools with one name tell which of them they are of", () =>
    Effect.gen(function* () {
      const pools = yield* Effect.all(
        kinds.flatMap((kind) => [1, 2].map(() => makePool(kind, { size: 1, name: "same" })))
      )
      const heard = yield* Effect.all(pools.map(listen))
      for (const pool of pools) yield* driven(pool.map([1, 2], sleep))
      yield* settle
      const ids = heard.map(({ events }) => new Set(events.map(({ poolId }) => poolId)))
      assert.isTrue(ids.every((ids) => ids.size === 1 && !ids.has(undefined)))
      assert.strictEqual(new Set(ids.flatMap((ids) => [...ids])).size, pools.length)
    })
  )

  it.effect("O2 pools without a name are called pool-1, pool-2, …; those of a service as it", () =>
    Effect.gen(function* () {
      const one = yield* FiberPool.make({ size: 1 })
      const two = yield* WorkerPool.make({ size: 1 })
      const [, first] = /^pool-(\d+)$/.exec(one.name) ?? []
      assert.strictEqual(two.name, `pool-${Number(first) + 1}`)
      assert.strictEqual((yield* FiberPool.make({ size: 1, name: "mine" })).name, "mine")
      class Images extends WorkerPool.Service<Images>()("app/Images", { size: 1 }) {}
      const name = Effect.map(Images, ({ name }) => name)
      assert.strictEqual(yield* Effect.provide(name, Images.layer), "app/Images")
      assert.strictEqual(yield* Effect.provide(name, Images.layerWith({ name: "yours" })), "yours")
      assert.strictEqual((yield* two.insights).pool, two.name)
      const cause = yield* Effect.flip(Effect.sandbox(one.map([1], () => Effect.fail("no"))))
      assert.isTrue(Cause.hasFails(cause))
    }).pipe(Effect.provide(Layer.fresh(WorkerRuntime.layerFibers())))
  )
})
