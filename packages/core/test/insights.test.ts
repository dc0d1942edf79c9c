import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Numbers } from "../src/Insights.ts"
import * as Insights from "../src/Insights.ts"
import * as errors from "../src/internal/common/errors.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import type { Usage } from "../src/Channel.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { driven, integer, kinds, makePool, optional, type Pool, reasons, runs, settle } from "./support.ts"

const sleep = (millis: number) => Effect.as(Effect.sleep(millis), millis)

const times = ({ times }: Numbers) => times

/** Runs an Effect while just so much time passes, after which it has to have ended. */
const within = <A, E>(millis: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* settle
    yield* TestClock.adjust(millis)
    yield* settle
    assert.isDefined(fiber.pollUnsafe(), "it has ended")
    return yield* Fiber.join(fiber)
  })

/** That what was timed is all of the workers' time, and nothing negative. */
const assertWhole = ({ live, ratios, times }: Numbers) => {
  const all = Object.values(times)
  for (const time of all) assert.isAtLeast(time, -1e-6)
  assert.closeTo(
    all.reduce((sum, time) => sum + time, 0),
    live,
    1e-6
  )
  const ratio = Object.values(ratios).reduce((sum, ratio) => sum + ratio, 0)
  assert.closeTo(ratio, live > 0 ? 1 : 0, 0.01)
}

const noTime = { startUp: 0, init: 0, waiting: 0, working: 0, exit: 0 }

describe.each(kinds)("insights, %s", (kind) => {
  it.effect("O1 tells what workers' time is spent on, for each slot and in total", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, init: Effect.sleep(500), exit: () => Effect.sleep(200) })
      yield* driven(pool.map([100, 100, 300, 50], sleep, { chunkSize: 1 }))
      const { longest, size, slots, total } = yield* pool.insights
      assert.strictEqual(size, 2)
      assert.deepStrictEqual(slots.map(times), [
        { startUp: 0, init: 500, waiting: 0, working: 400, exit: 200 },
        { startUp: 0, init: 500, waiting: 250, working: 150, exit: 200 }
      ])
      assert.deepInclude(total, { items: 4, failed: 0, chunks: 4, fixedChunks: 4, workers: 2, live: 2200, runs: 0 })
      assert.closeTo(total.ratios.working, 550 / 2200, 1e-9)
      assert.deepStrictEqual(
        longest.map(({ index, input, items, millis }) => ({ index, input, items, millis })),
        [
          { index: 2, input: "300", items: 1, millis: 300 },
          { index: 0, input: "100", items: 1, millis: 100 },
          { index: 1, input: "100", items: 1, millis: 100 },
          { index: 3, input: "50", items: 1, millis: 50 }
        ]
      )
      // by a test's Clock, nobody knows how busy this thread was
      assert.isUndefined((yield* pool.insights).thread)
    })
  )

  it.effect("O1 tells nothing of a pool that has started nothing", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 3 })
      yield* pool.map([], sleep)
      yield* TestClock.adjust("1 hour")
      const insights = yield* pool.insights
      assert.strictEqual(insights.slots.length, 3)
      for (const numbers of [insights.total, ...insights.slots]) {
        assert.deepStrictEqual(numbers.times, noTime)
        assert.deepStrictEqual(numbers.ratios, noTime)
        assert.deepInclude(numbers, { items: 0, chunks: 0, workers: 0, live: 0 })
      }
      assert.deepStrictEqual(insights.longest, [])
      assert.deepStrictEqual(Insights.advice(insights), [])
    })
  )

  it.effect("O1 counts working as the time in which at least one item runs", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, tasksPerWorker: 4, keepAlive: true })
      yield* within(1000, pool.map([1000, 1000, 1000, 1000], sleep))
      const { longest, total } = yield* pool.insights
      assert.deepStrictEqual(times(total), { ...noTime, working: 1000 })
      assert.deepStrictEqual(
        longest.map(({ millis }) => millis),
        [1000, 1000, 1000, 1000]
      )
    })
  )

  it.effect("O1 can be read while items run: they work up to now", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true, init: Effect.sleep(10) })
      const fiber = yield* Effect.forkChild(pool.map([100, 1000], sleep, { chunkSize: 1 }))
      yield* settle
      yield* TestClock.adjust(5)
      assert.deepStrictEqual(times((yield* pool.insights).total), { ...noTime, init: 10 })
      yield* TestClock.adjust(55)
      assert.deepStrictEqual(times((yield* pool.insights).total), { ...noTime, init: 20, working: 100 })
      yield* TestClock.adjust(200)
      const { total } = yield* pool.insights
      assert.deepStrictEqual(times(total), { ...noTime, init: 20, working: 350, waiting: 150 })
      assert.strictEqual(total.items, 1)
      assertWhole(total)
      yield* TestClock.adjust(1000)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual((yield* pool.insights).total.times.working, 1100)
    })
  )

  it.effect("O1 counts items that fail, and what an interruption cuts short", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, keepAlive: true })
      const task = (n: number) =>
        n % 2 === 0 ? Effect.sleep(100) : Effect.andThen(Effect.sleep(50), Effect.fail("odd"))
      yield* within(150, pool.mapExit([0, 1, 2, 3], task, { chunkSize: 1 }))
      assert.deepInclude((yield* pool.insights).total, { items: 4, failed: 2 })
      // fails fast: the other item has run for 50 ms
      yield* within(50, Effect.exit(pool.map([0, 1], task, { chunkSize: 1 })))
      const { total } = yield* pool.insights
      assert.deepInclude(total, { items: 6, failed: 3 })
      assert.deepStrictEqual(times(total), { ...noTime, working: 400 })
      assertWhole(total)
    })
  )

  it.effect("O1 counts up to a kill, and nothing after it; the pool goes on", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true, exit: () => Effect.sleep(70) })
      const fiber = yield* Effect.forkChild(Effect.exit(pool.map([1000, 1000], sleep)))
      yield* settle
      yield* TestClock.adjust(300)
      yield* driven(pool.terminate)
      assert.strictEqual(reasons(yield* Fiber.join(fiber))[0]?._tag, "Terminated")
      yield* TestClock.adjust("1 hour")
      const { total } = yield* pool.insights
      assert.deepStrictEqual(times(total), { ...noTime, working: 300 })
      // whoever terminates a pool knows that
      assert.deepInclude(total, { items: 0, killed: 0, lost: 0, workers: 1 })
      yield* within(20, pool.run(sleep, 20))
      yield* within(70, pool.stop)
      const after = yield* pool.insights
      assert.deepStrictEqual(times(after.total), { ...noTime, working: 320, exit: 70 })
      assert.deepInclude(after.total, { items: 1, runs: 1, workers: 2 })
    })
  )

  it.effect("O1 keeps the numbers of slots that the pool has shrunk below, and of all generations", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 3, lifespan: 1, keepAlive: true, exit: () => Effect.sleep(10) })
      yield* driven(pool.map([100, 100, 100, 100, 100, 100], sleep, { chunkSize: 1 }))
      yield* driven(pool.setSize(1))
      const { size, slots, total } = yield* pool.insights
      assert.strictEqual(size, 1)
      assert.deepStrictEqual(
        slots.map(({ workers }) => workers),
        [2, 2, 2]
      )
      assert.deepInclude(total.times, { working: 600, exit: 60 })
      yield* driven(pool.setSize(5))
      assert.strictEqual((yield* pool.insights).slots.length, 5)
    })
  )

  it.effect("O1 can be read after the pool's Scope has closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(
        makePool(kind, { size: 1, keepAlive: true, exit: () => Effect.sleep(30) }),
        scope
      )
      yield* within(100, pool.map([100], sleep))
      yield* within(30, Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(times((yield* pool.insights).total), { ...noTime, working: 100, exit: 30 })
    })
  )

  it.effect("O1 counts the time of an init that fails, and of the finalizers that it has registered", () =>
    Effect.gen(function* () {
      const init = Effect.addFinalizer(() => Effect.sleep(5)).pipe(
        Effect.andThen(Effect.sleep(40)),
        Effect.andThen(Effect.fail("no"))
      )
      const pool = yield* makePool(kind, { size: 1, init })
      yield* driven(Effect.exit(pool.map([1], sleep)))
      assert.deepStrictEqual(times((yield* pool.insights).total), { ...noTime, init: 40, exit: 5 })
    })
  )

  it.effect("O1 names groups of short items, and never one of them", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 1, keepAlive: true })
      const task = (n: number) => (n === 60 ? sleep(300) : Effect.succeed(n))
      yield* driven(
        pool.map(
          Array.from({ length: 100 }, (_, n) => n),
          task,
          { chunkSize: 100 }
        )
      )
      const [first] = (yield* pool.insights).longest
      assert(first !== undefined)
      assert.strictEqual(first.millis, 300)
      assert.isAtMost(first.items, 16)
      if (first.items === 1) assert.strictEqual(first.index, 60)
      else {
        assert.isAtMost(first.index, 60)
        assert.isAbove(first.index + first.items, 60)
        assert.isUndefined(first.input)
      }
    })
  )

  it.effect("O1 names each of several items that run at once", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, { size: 2, tasksPerWorker: 8, keepAlive: true })
      yield* driven(
        pool.map(
          Array.from({ length: 40 }, (_, n) => (n === 29 ? 300 : 10)),
          sleep
        )
      )
      const [first] = (yield* pool.insights).longest
      assert.deepInclude(first, { index: 29, items: 1, millis: 300, input: "300" })
    })
  )

  it.effect("O1 describe says how items are shown, of the pool or of a call, and false shows none", () =>
    Effect.gen(function* () {
      const pool = yield* makePool(kind, {
        size: 1,
        keepAlive: true,
        describe: (user: { id: number }) => `user ${user.id}`
      })
      const task = ({ millis }: { readonly millis: number }) => sleep(millis)
      yield* driven(pool.map([{ id: 7, millis: 500 }], task))
      yield* driven(pool.map([{ id: 8, millis: 400 }], task, { describe: false }))
      yield* driven(pool.run(task, { id: 9, millis: 300 }))
      yield* driven(pool.run(task, { id: 10, millis: 200 }, { describe: ({ id }) => `guest ${id}` }))
      yield* driven(Stream.runDrain(pool.stream([{ id: 11, millis: 100 }], task, { describe: () => 1 as never })))
      const { longest } = yield* pool.insights
      assert.deepStrictEqual(
        longest.map(({ input, run }) => [input, run]),
        [
          ["user 7", false],
          [undefined, false],
          ["user 9", true],
          ["guest 10", true],
          [undefined, false]
        ]
      )
    })
  )

  it.effect("O1 describe may throw, and may ask the pool, without harm to the call", () =>
    Effect.gen(function* () {
      let seen = 0
      const pool: Pool = yield* makePool(kind, {
        size: 1,
        describe: () => {
          seen = Effect.runSync(pool.stats).size
          throw new Error("describe")
        }
      })
      assert.deepStrictEqual(yield* driven(pool.map([5, 6], sleep)), [5, 6])
      assert.strictEqual(seen, 1)
      assert.isUndefined((yield* pool.insights).longest[0]?.input)
    })
  )

  it.effect("O1 a secret in an item is not shown", () =>
    Effect.gen(function* () {
      // a Redacted crosses to no thread, but a FiberPool's items are what they are
      const pool = yield* makePool("FiberPool", { size: 1 })
      yield* driven(pool.map([{ key: Redacted.make("s3cret") }], () => Effect.sleep(10)))
      assert.strictEqual((yield* pool.insights).longest[0]?.input, "{ key: <redacted> }")
    })
  )

  it.effect("C8 O1 describe is a function or false", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(makePool(kind, { describe: "yes" as never }))
      assert.deepInclude(reasons(exit)[0], { option: "describe", value: "yes", expected: "a function or false" })
    })
  )
})

describe("the pool's own thread", () => {
  it.live("O1 is told of by real time on fibers, whose tasks run on it", () =>
    Effect.gen(function* () {
      for (const kind of kinds) {
        const pool = yield* makePool(kind, { size: 2, keepAlive: true })
        yield* pool.map([1, 2, 3], sleep)
        const { thread } = yield* pool.insights
        assert.isTrue(thread?.runsTasks, kind)
        assert.isAbove(thread.utilization, 0)
        assert.isAtMost(thread.utilization, 1)
      }
    })
  )
})

// -----------------------------------------------------------------------------
// Any pool
// -----------------------------------------------------------------------------

const anyPool = {
  size: integer(1, 3),
  tasksPerWorker: integer(1, 3),
  keepAlive: integer(0, 1),
  init: integer(0, 30),
  exit: integer(0, 30),
  lifespan: optional(integer(1, 6)),
  chunkSize: optional(integer(1, 5)),
  items: Arbitrary.array(integer(0, 60), { minLength: 0, maxLength: 25 }),
  fails: integer(0, 9),
  between: integer(0, 50)
}

/** How much of the time any of the stretches covers. */
const covered = (stretches: ReadonlyArray<readonly [from: number, to: number]>): number => {
  let sum = 0
  let until = 0
  for (const [from, to] of stretches.toSorted(([one], [other]) => one - other)) {
    sum += Math.max(0, to - Math.max(from, until))
    until = Math.max(until, to)
  }
  return sum
}

describe("insights of any pool", () => {
  it.effect.prop(
    "O1 agree with what tasks and hooks have seen themselves",
    anyPool,
    ({ between, chunkSize, exit, fails, init, items, keepAlive, lifespan, size, tasksPerWorker }) =>
      Effect.gen(function* () {
        const ran: Array<ReadonlyArray<readonly [number, number]>> = []
        const counts = { inits: 0, exits: 0, items: 0 }
        const pool = yield* makePool("FiberPool", {
          size,
          tasksPerWorker,
          keepAlive: keepAlive === 1,
          lifespan,
          init: Effect.suspend(() => {
            counts.inits++
            return Effect.sleep(init)
          }),
          exit: () => {
            counts.exits++
            return Effect.sleep(exit)
          }
        })
        const task = (millis: number, { id }: WorkerContext<void>) =>
          Effect.gen(function* () {
            const from = yield* Clock.currentTimeMillis
            yield* Effect.sleep(millis)
            const to = yield* Clock.currentTimeMillis
            ran[id] = [...(ran[id] ?? []), [from, to]]
            counts.items++
            return millis % 10 < fails ? millis : yield* Effect.fail(millis)
          })
        const run = driven(pool.mapExit(items, task, { chunkSize }))
        yield* run
        yield* TestClock.adjust(between)
        yield* run
        yield* driven(pool.stop)
        const { longest, slots, total } = yield* pool.insights
        for (const numbers of [total, ...slots]) assertWhole(numbers)
        const { times } = total
        assert.deepInclude(total, {
          items: counts.items,
          failed: 2 * items.filter((millis) => millis % 10 >= fails).length,
          workers: counts.inits,
          lost: 0,
          killed: 0
        })
        assert.closeTo(times.init, counts.inits * init, 1e-6)
        assert.closeTo(times.exit, counts.exits * exit, 1e-6)
        for (const { times, worker } of slots) assert.closeTo(times.working, covered(ran[worker] ?? []), 1e-6)
        // the five longest, each where it is known that it was just that one
        const sorted = [...items, ...items].toSorted((one, other) => other - one)
        for (const [n, { index, items: many, millis }] of longest.entries()) {
          if (many === 1) assert.strictEqual(millis, items[index])
          // a group may hold more than one of them
          if (longest.every(({ items }) => items === 1)) assert.strictEqual(millis, sorted[n])
        }
        assert.isAtMost(longest.length, 5)
      }),
    runs(120)
  )
})

// -----------------------------------------------------------------------------
// Lost workers
// -----------------------------------------------------------------------------

describe("insights of workers that are lost", () => {
  const clocked = (isRemote: boolean) => {
    const runtime = new FakeRuntime()
    runtime.isRemote = isRemote
    return runtime
  }

  it.effect("O1 count up to the loss, and say which", () =>
    Effect.gen(function* () {
      const runtime = clocked(false)
      runtime.start = () => Effect.sleep(40)
      const pool = yield* makePool("WorkerPool", { size: 2, keepAlive: true }, runtime.layer)
      const fiber = yield* Effect.forkChild(Effect.exit(pool.map([1, 2, 3, 4], sleep, { chunkSize: 4 })))
      yield* settle
      yield* TestClock.adjust(40)
      const worker = runtime.last
      worker.begin()
      yield* TestClock.adjust(200)
      worker.lose({ ended: Effect.sleep(1000) })
      yield* settle
      const { slots, total } = yield* pool.insights
      assert.deepStrictEqual(times(total), { ...noTime, startUp: 40, working: 200 })
      // the item that ran is lost, the others were not started
      assert.deepInclude(slots[0], { lost: 1, killed: 0, items: 1, failed: 1 })
      yield* TestClock.adjust(5000)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(times((yield* pool.insights).slots[0]!), times(slots[0]!))
    })
  )

  it.effect("O1 a worker does not work while it loads the module of what is interrupted, lost or cannot start", () =>
    Effect.gen(function* () {
      const ends: Record<string, (runtime: FakeRuntime, pool: Pool) => Effect.Effect<void>> = {
        interrupted: () => Effect.void,
        lost: ({ last }) => Effect.sync(() => last.lose()),
        terminated: (_, pool) => Effect.ignore(pool.terminate),
        "cannot start": ({ last }) =>
          Effect.sync(() => {
            const { worker } = last.options
            for (const chunk of [...last.chunks]) last.end(chunk, errors.startFailed(worker, new Error("no such file")))
          })
      }
      for (const [how, end] of Object.entries(ends)) {
        for (const hasBegun of [false, true]) {
          const runtime = clocked(false)
          const pool = yield* makePool("WorkerPool", { size: 1, keepAlive: true }, runtime.layer)
          const fiber = yield* Effect.forkChild(Effect.exit(pool.map([1, 2, 3], sleep, { chunkSize: 3 })))
          yield* settle
          yield* TestClock.adjust(300)
          assert.deepStrictEqual(times((yield* pool.insights).total), { ...noTime, startUp: 300 })
          if (hasBegun) runtime.last.begin()
          if (hasBegun && how === "cannot start") continue
          yield* end(runtime, pool)
          yield* Fiber.interrupt(fiber)
          const { total } = yield* pool.insights
          assert.deepStrictEqual(times(total), { ...noTime, [hasBegun ? "working" : "startUp"]: 300 }, how)
        }
      }
    })
  )

  it.effect("O1 count those that are killed, and those that are lost before they were ready", () =>
    Effect.gen(function* () {
      const runtime = clocked(false)
      runtime.init = (worker) =>
        worker.name === "0.1"
          ? Effect.andThen(
              Effect.sleep(30),
              Effect.suspend(() => {
                worker.lose({ killed: true })
                return Effect.never
              })
            )
          : Effect.void
      const pool = yield* makePool("WorkerPool", { size: 1, keepAlive: true }, runtime.layer)
      yield* driven(Effect.exit(pool.start))
      const { total } = yield* pool.insights
      assert.deepInclude(total, { killed: 1, lost: 0, items: 0, workers: 1 })
      assert.deepStrictEqual(times(total), { ...noTime, init: 30 })
    })
  )
})

// -----------------------------------------------------------------------------
// What platforms tell of workers
// -----------------------------------------------------------------------------

describe("usage", () => {
  /** A pool whose workers' platform answers with `usage`, and how often it has been asked. */
  const asked = Effect.fnUntraced(function* (usage: Effect.Effect<Usage | undefined>) {
    const seen = { times: 0 }
    const runtime = new FakeRuntime()
    runtime.run = diligent
    runtime.start = ({ worker }) =>
      Effect.sync(() => {
        Object.assign(worker, {
          usage: Effect.suspend(() => {
            seen.times++
            return usage
          })
        })
      })
    const pool = yield* makePool("WorkerPool", { size: 1, keepAlive: true }, runtime.layer)
    return { pool, runtime, seen }
  })

  it.live("O1 is asked for by who watches alone, and at most once a second", () =>
    Effect.gen(function* () {
      const usage = { memory: 1000, cpu: 20, active: 30 }
      const { pool, seen } = yield* asked(Effect.succeed(usage))
      yield* pool.map([1, 2, 3], sleep)
      assert.strictEqual(seen.times, 0)
      const watchers = yield* Effect.all([pool.insights, pool.insights, pool.insights], { concurrency: "unbounded" })
      for (const { slots } of watchers) assert.deepInclude(slots[0]!.usage, { ...usage, generation: 1 })
      assert.strictEqual(seen.times, 1)
      yield* Effect.sleep(1010)
      yield* pool.insights
      assert.strictEqual(seen.times, 2)
    })
  )

  it.live("O1 that nobody can tell, or that does not come, keeps nobody waiting", () =>
    Effect.gen(function* () {
      for (const usage of [Effect.succeed(undefined), Effect.never]) {
        const { pool, seen } = yield* asked(usage)
        yield* pool.map([1, 2, 3], sleep)
        const { slots, total } = yield* pool.insights
        assert.strictEqual(seen.times, 1)
        assert.isUndefined(slots[0]!.usage)
        assert.strictEqual(total.items, 3)
      }
    })
  )

  it.live("O1 is kept when its worker has gone, and says which one that was", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* asked(Effect.succeed({ memory: 1, cpu: 2, active: undefined }))
      yield* pool.start
      yield* pool.insights
      runtime.last.lose()
      yield* pool.start
      const { slots } = yield* pool.insights
      assert.deepInclude(slots[0], { workers: 2, lost: 1 })
      assert.strictEqual(slots[0]!.usage?.generation, 1)
    })
  )
})
