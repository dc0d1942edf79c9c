/** K7: a runtime may have no place for a worker now, and may want a worker's place back. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import * as errors from "../src/internal/common/errors.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import { diligent, FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import { assertLaws } from "./utils/eventLaws.ts"
import { failures, hasEnded, makePool, type PoolOptions, reasons, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  return { pool, runtime }
})

const noRoom = new WorkerPoolError.NoRoom({ runners: 2, waited: 30_000 })

const unavailable = (giveUp = false, again?: Effect.Effect<void>) =>
  Effect.fail(new WorkerPoolError.Unavailable({ cause: noRoom, giveUp, again }))

const tens = (items: ReadonlyArray<number>) => items.map((n) => n * 10)

describe("a runtime that has no place for a worker", () => {
  it.effect("K7 fails nobody while the pool has a worker; the slot tries again every 200 ms", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 2, chunkSize: 2 })
      let room = 1
      runtime.start = () => Effect.suspend(() => (room-- > 0 ? Effect.void : unavailable(true)))
      const items = [0, 1, 2, 3, 4, 5]
      const fiber = yield* Effect.forkChild(pool.map(items, task))
      yield* settle
      assert.deepInclude(yield* pool.stats, { live: 1, lost: 0, starting: 0 })
      const [first] = runtime.workers
      const attempts = () => runtime.workers.length
      const before = attempts()
      yield* TestClock.adjust(199)
      yield* settle
      assert.strictEqual(attempts(), before)
      yield* TestClock.adjust(1)
      yield* settle
      assert.strictEqual(attempts(), before + 1)
      room = 1
      yield* TestClock.adjust(200)
      yield* settle
      const second = runtime.last
      // a worker that never was has no generation
      assert.deepStrictEqual([second.options.worker.id, second.options.worker.generation], [1, 1])
      assert.deepInclude(yield* pool.stats, { live: 2 })
      runtime.run = diligent
      second.work()
      first!.work()
      assert.deepStrictEqual(yield* Fiber.join(fiber), tens(items))
      const { slots } = yield* pool.insights
      assert.deepStrictEqual(
        slots.map(({ workers }) => workers),
        [1, 1]
      )
      assert.deepStrictEqual(runtime.breaches, [])
    })
  )

  it.effect(
    "K7 without any worker calls wait until the runtime gives up; then they fail with the cause, and the next tries",
    () =>
      Effect.gen(function* () {
        const { pool, runtime } = yield* setup({ size: 1 })
        let giveUp = false
        runtime.start = () => Effect.suspend(() => unavailable(giveUp))
        const calls = [pool.map([1], task), pool.run(task, 1), pool.start]
        const fibers = yield* Effect.forEach(calls, (call) => Effect.forkChild(call as Effect.Effect<unknown, unknown>))
        for (let n = 0; n < 10; n++) {
          yield* TestClock.adjust(200)
          for (const fiber of fibers) assert.isFalse(yield* hasEnded(fiber))
        }
        assert.strictEqual(runtime.workers.length, 11)
        giveUp = true
        yield* TestClock.adjust(200)
        for (const fiber of fibers) {
          const [reason] = reasons(yield* Fiber.await(fiber))
          assert.deepInclude(reason, { _tag: "StartFailed", worker: 0, generation: 1 })
          assert.strictEqual((reason as WorkerPoolError.StartFailed).cause, noRoom)
        }
        // no slot backs off for it: the runtime says how soon it may be asked
        for (let n = 0; n < 3; n++) {
          const tried = runtime.workers.length
          assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(task, 1))), ["StartFailed"])
          assert.strictEqual(runtime.workers.length, tried + 1)
        }
        runtime.start = () => Effect.void
        runtime.run = diligent
        assert.strictEqual(yield* pool.run(task, 1), 10)
      })
  )

  it.effect("K7 the slot tries again as soon as the runtime says that there may be room", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const mayBe = yield* Deferred.make<void>()
      let isRoom = false
      runtime.start = () => Effect.suspend(() => (isRoom ? Effect.void : unavailable(false, Deferred.await(mayBe))))
      runtime.run = diligent
      const fiber = yield* Effect.forkChild(pool.map([1, 2], task))
      yield* settle
      assert.isFalse(yield* hasEnded(fiber))
      isRoom = true
      yield* Deferred.succeed(mayBe, undefined)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20])
      assert.strictEqual(runtime.workers.length, 2)
    })
  )

  it.effect("K7 L2 start is content with what there is room for", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 3 })
      let room = 1
      runtime.start = () => Effect.suspend(() => (room-- > 0 ? Effect.void : unavailable()))
      const fiber = yield* Effect.forkChild(pool.start)
      yield* settle
      yield* TestClock.adjust(200)
      yield* Fiber.join(fiber)
      assert.deepInclude(yield* pool.stats, { live: 1, starting: 0 })
    })
  )

  it.effect("K7 F5 a pool closes while slots wait for room, its calls are settled, and nothing is tried any more", () =>
    Effect.gen(function* () {
      const runtime = new FakeRuntime()
      runtime.start = () => unavailable(false, Effect.never)
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(makePool("WorkerPool", { size: 2, keepAlive: true }, runtime.layer), scope)
      const map = yield* Effect.forkChild(pool.map([1, 2, 3], task))
      const start = yield* Effect.forkChild(pool.start)
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(failures(yield* Fiber.await(map)), ["PoolClosed"])
      assert.deepStrictEqual(failures(yield* Fiber.await(start)), ["PoolClosed"])
      const tried = runtime.workers.length
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(runtime.workers.length, tried)
    })
  )

  it.effect("K7 C5 an interrupted caller does not wait for room", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      runtime.start = () => unavailable()
      for (const call of [pool.map([1], task), pool.run(task, 1), pool.start]) {
        const fiber = yield* Effect.forkChild(call)
        yield* settle
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      }
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0 })
    })
  )
})

describe("a runtime that wants a worker's place back", () => {
  it.effect("K7 L3 gets an idle worker's at once, after its exit hook", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      runtime.run = diligent
      assert.strictEqual(yield* pool.run(task, 1), 10)
      runtime.last.options.onUnwanted()
      yield* settle
      assert.deepStrictEqual(runtime.log.slice(-3), ["0.1 exit", "0.1 close", "0.1 stop"])
      assert.deepInclude(yield* pool.stats, { live: 0, lost: 0, killed: 0 })
      // and starts another one when there is work
      assert.strictEqual(yield* pool.run(task, 1), 10)
      assert.strictEqual(runtime.last.name, "0.2")
      // what is said of a worker that has gone concerns nobody
      runtime.workers[0]!.options.onUnwanted()
      yield* settle
      assert.deepInclude(yield* pool.stats, { live: 1 })
    })
  )

  it.effect(
    "K7 gets a busy worker's when what has started has ended; the rest goes elsewhere, and nothing is lost",
    () =>
      Effect.gen(function* () {
        for (const isRemote of [false, true]) {
          const { pool, runtime } = yield* setup({ size: 1, chunkSize: 4 })
          runtime.isRemote = isRemote
          const items = [0, 1, 2, 3, 4, 5, 6, 7]
          const fiber = yield* Effect.forkChild(pool.map(items, task))
          yield* settle
          const first = runtime.last
          first.begin()
          first.options.onUnwanted()
          first.options.onUnwanted()
          assert.strictEqual(first.limitOf(first.chunk), 1)
          runtime.run = diligent
          first.succeed(0)
          assert.deepStrictEqual(yield* Fiber.join(fiber), tens(items))
          assert.strictEqual(runtime.last.name, "0.2")
          assert.isBelow(runtime.log.indexOf("0.1 exit"), runtime.log.indexOf("0.2 init"))
          assert.deepStrictEqual(runtime.breaches, [])
        }
      })
  )

  it.effect("K7 gets it before the worker is live, too: what waited for it waits for another", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, chunkSize: 2, init: () => Effect.void })
      runtime.run = diligent
      const init = yield* Deferred.make<void>()
      runtime.init = ({ name }) => (name === "0.1" ? Deferred.await(init) : Effect.void)
      const fiber = yield* Effect.forkChild(pool.map([1, 2, 3], task))
      yield* settle
      runtime.last.options.onUnwanted()
      yield* settle
      assert.include(runtime.log, "0.1 interruptInit")
      yield* Deferred.interrupt(init)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 20, 30])
      assert.strictEqual(runtime.last.name, "0.2")
      assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0, live: 1 })
    })
  )

  it.effect("K7 L2 start waits for another worker when the place is wanted back before its own is live", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1, init: () => Effect.void })
      const init = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      runtime.init = ({ options }) => Deferred.await(init[options.worker.generation - 1]!)
      const fiber = yield* Effect.forkChild(pool.start)
      yield* settle
      runtime.last.options.onUnwanted()
      yield* settle
      assert.isFalse(yield* hasEnded(fiber))
      yield* Deferred.interrupt(init[0]!)
      yield* settle
      assert.strictEqual(runtime.last.name, "0.2")
      assert.isFalse(yield* hasEnded(fiber), "the next one is not live yet")
      yield* Deferred.succeed(init[1]!, undefined)
      yield* Fiber.join(fiber)
      assert.deepInclude(yield* pool.stats, { live: 1, starting: 0, lost: 0, killed: 0 })
    })
  )

  it.effect("K7 O2 events tell nothing of attempts that found no room", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      let attempts = 0
      runtime.start = () => Effect.suspend(() => (attempts++ < 2 ? unavailable() : Effect.void))
      runtime.run = diligent
      const events: Array<PoolEvent> = []
      const listening = yield* Effect.forkChild(
        Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event)))
      )
      yield* settle
      const fiber = yield* Effect.forkChild(pool.map([1], task))
      yield* settle
      yield* TestClock.adjust(200)
      yield* TestClock.adjust(200)
      yield* Fiber.join(fiber)
      yield* pool.stop
      yield* settle
      yield* Fiber.interrupt(listening)
      assertLaws(events)
      const workers = () => events.map(({ _tag }) => _tag).filter((tag) => tag.startsWith("Worker"))
      assert.deepStrictEqual(workers(), ["WorkerStarting", "WorkerInitialised", "WorkerReleased"])
    })
  )
})

describe("what is seen of attempts to acquire a worker", () => {
  const recording = () => {
    const spans: Array<Tracer.NativeSpan> = []
    const span = (options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) => {
      const made = new Tracer.NativeSpan(options)
      spans.push(made)
      return made
    }
    const acquisitions = () =>
      spans
        .filter(({ name }) => name === "pool.worker.acquire")
        .map(({ startTime, status }) => {
          assert(status._tag === "Ended")
          return { from: Number(startTime) / 1e6, to: Number(status.endTime) / 1e6, exit: status.exit._tag }
        })
    return { spans, acquisitions, tracer: Tracer.make({ span }) }
  }

  const broken = (worker: FakeWorker) => Effect.fail(errors.startFailed(worker.options.worker, new Error("broken")))

  const placed = (worker: FakeWorker) => Effect.sync(() => worker.options.onPlaced?.())

  // each attempt takes 50 ms until there is a place or not, then 30; and 200 pass before the next one
  const attempts: Readonly<
    Record<
      string,
      {
        readonly start: FakeRuntime["start"]
        readonly seen: { readonly from: number; readonly to: number; readonly exit: string }
      }
    >
  > = {
    "that become workers at once": {
      start: () => Effect.void,
      seen: { from: 500, to: 500, exit: "Success" }
    },
    "that become workers": {
      start: () => Effect.sleep(80),
      seen: { from: 500, to: 580, exit: "Success" }
    },
    "that find a place, as they say, and become workers": {
      start: (worker: FakeWorker) =>
        Effect.sleep(50).pipe(Effect.andThen(placed(worker)), Effect.andThen(Effect.sleep(30))),
      seen: { from: 500, to: 580, exit: "Success" }
    },
    "that find a place and fail": {
      start: (worker: FakeWorker) =>
        Effect.sleep(50).pipe(
          Effect.andThen(placed(worker)),
          Effect.andThen(Effect.sleep(30)),
          Effect.andThen(broken(worker))
        ),
      seen: { from: 500, to: 580, exit: "Failure" }
    },
    "that fail": {
      start: (worker: FakeWorker) => Effect.andThen(Effect.sleep(80), broken(worker)),
      seen: { from: 500, to: 580, exit: "Failure" }
    }
  }

  for (const [what, { seen, start }] of Object.entries(attempts)) {
    it.effect(`K7 O3 O1 no span and no time of those that find no room, and all of those ${what}`, () =>
      Effect.gen(function* () {
        const { acquisitions, tracer } = recording()
        yield* Effect.gen(function* () {
          const { pool, runtime } = yield* setup({ size: 1, init: () => Effect.void })
          let before = 2
          runtime.start = (worker) =>
            Effect.suspend(() => (before-- > 0 ? Effect.andThen(Effect.sleep(50), unavailable()) : start(worker)))
          const fiber = yield* Effect.forkChild(Effect.exit(pool.start))
          yield* settle
          for (const millis of [50, 200, 50, 199]) {
            yield* TestClock.adjust(millis)
            yield* settle
          }
          assert.deepStrictEqual(acquisitions(), [])
          const { total } = yield* pool.insights
          assert.deepInclude(total, { workers: 0, live: 0 })
          assert.deepInclude(total.times, { startUp: 0, exit: 0 })
          for (const millis of [1, 50, 30]) {
            yield* TestClock.adjust(millis)
            yield* settle
          }
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(acquisitions(), [seen])
          const after = (yield* pool.insights).total
          assert.deepInclude(after, { workers: 1 })
          assert.deepInclude(after.times, { startUp: seen.to - seen.from, exit: 0 })
        }).pipe(Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
      })
    )
  }

  it.effect("K7 O3 a span that a runtime makes while it looks for a place is a child of the acquisition's", () =>
    Effect.gen(function* () {
      for (const becomes of [true, false]) {
        const { acquisitions, spans, tracer } = recording()
        yield* Effect.gen(function* () {
          const { pool, runtime } = yield* setup({ size: 1 })
          let parents: ReadonlyArray<string | undefined> = []
          runtime.start = () =>
            Effect.suspend(() => {
              const [, looking] = spans
              const parent = looking && Option.getOrUndefined(looking.parent)
              parents = [looking?.name, parent?.traceId, parent?.spanId]
              return becomes ? Effect.void : unavailable(true)
            }).pipe(Effect.withSpan("looking"))
          yield* Effect.exit(pool.start)
          const acquisition = spans.find(({ name }) => name === "pool.worker.acquire")
          assert.deepStrictEqual(parents, ["looking", acquisition?.traceId, acquisition?.spanId])
          assert.strictEqual(acquisition?.parent._tag, "None")
          assert.deepStrictEqual(acquisitions(), [{ from: 0, to: 0, exit: becomes ? "Success" : "Failure" }])
        }).pipe(Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
      }
    })
  )
})

describe("a runtime that gets more places", () => {
  /** A pool over a runtime that has so many places, as the test says. */
  const growing = Effect.fnUntraced(function* (places: number, options: PoolOptions = {}) {
    const runtime = new FakeRuntime()
    const state = { places }
    const changed: Array<() => void> = []
    runtime.parallelismAbove = (workers) =>
      Effect.callback<number>((resume) => {
        const look = () => state.places > workers && resume(Effect.succeed(state.places))
        changed.push(look)
        look()
      })
    const pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
    const grow = (to: number) =>
      Effect.suspend(() => {
        state.places = to
        for (const look of changed.splice(0)) look()
        return settle
      })
    return { grow, pool, size: Effect.map(pool.stats, ({ size }) => size) }
  })

  it.effect("K9 K7 is asked for as many workers, until somebody says how many the pool is to have", () =>
    Effect.gen(function* () {
      const { grow, pool, size } = yield* growing(2)
      assert.strictEqual(yield* size, 2)
      yield* grow(4)
      assert.strictEqual(yield* size, 4)
      yield* pool.setSize(3)
      assert.strictEqual(yield* size, 3)
      yield* grow(7)
      assert.strictEqual(yield* size, 3)
    })
  )

  it.effect("K9 a size that is refused has not been said: the pool goes on growing", () =>
    Effect.gen(function* () {
      for (const refused of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3" as unknown as number]) {
        const { grow, pool, size } = yield* growing(2)
        const exit = yield* Effect.exit(pool.setSize(refused))
        assert.deepStrictEqual(failures(exit), ["InvalidOptions"], String(refused))
        yield* grow(4)
        assert.strictEqual(yield* size, 4, String(refused))
        yield* grow(5)
        assert.strictEqual(yield* size, 5)
      }
    })
  )

  it.effect("K9 a pool that was made with a size does not grow", () =>
    Effect.gen(function* () {
      const { grow, pool, size } = yield* growing(2, { size: 1 })
      yield* grow(4)
      assert.strictEqual(yield* size, 1)
      yield* pool.setSize(2)
      yield* grow(5)
      assert.strictEqual(yield* size, 2)
    })
  )
})
