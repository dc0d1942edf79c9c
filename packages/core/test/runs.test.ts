import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Turn } from "../src/internal/common/turn.ts"
import type { Hooks } from "../src/internal/slot/hooks.ts"
import type { Call } from "../src/internal/call/call.ts"
import { Isolation } from "../src/internal/call/isolation.ts"
import { ItemTime } from "../src/internal/call/itemTimes.ts"
import * as errors from "../src/internal/common/errors.ts"
import { ItemSeconds } from "../src/internal/insights/itemSeconds.ts"
import { LongestItems } from "../src/internal/insights/longestItems.ts"
import { Runs } from "../src/internal/runs/runs.ts"
import * as Portable from "../src/Portable.ts"
import type * as WorkerPool from "../src/WorkerPool.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { failures, hasEnded, makePool, outcome, type Pool, type PoolOptions, settle, unheard } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

/** A pool whose remote workers do what the test says, after a task that is known to be short. */
const setup = Effect.fnUntraced(function* (options: PoolOptions, measured = 100, itemTime = 0.01) {
  const runtime = new FakeRuntime()
  runtime.isRemote = true
  runtime.itemTime = itemTime
  runtime.run = diligent
  const pool: Pool = yield* makePool("WorkerPool", { keepAlive: true, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  yield* pool.start
  for (let n = 0; n < measured; n++) yield* pool.run(task, -1)
  /** What workers are sent from now on. */
  const sent: Array<ReadonlyArray<unknown>> = []
  runtime.run = (_, chunk) => void sent.push(chunk.items)
  return { pool, runtime, sent }
})

const start = Effect.fnUntraced(function* (pool: Pool, items: ReadonlyArray<number>, options?: WorkerPool.RunOptions) {
  const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  for (const item of items) {
    fibers.push(yield* Effect.forkChild(pool.run(task, item, options), { startImmediately: true }))
  }
  return fibers
})

const results = (fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>) =>
  Effect.map(
    Effect.forEach(fibers, (fiber) => Fiber.await(fiber)),
    (exits) => exits.map(outcome)
  )

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

describe("runs that share a chunk", () => {
  it.effect("P3 those that wait are cut into half of a worker's share each; a lone one is sent at once", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 1 })
      const fibers = yield* start(pool, range(0, 10))
      // one runs, one is there ahead of its need, the others wait
      assert.deepStrictEqual(sent, [[0], [1]])
      assert.deepInclude(yield* pool.stats, { calls: 10, pending: 8, busy: 1 })
      while (sent.length > 0 && runtime.last.chunks.length > 0) runtime.last.work()
      assert.deepStrictEqual(sent, [[0], [1], [2, 3, 4, 5], [6, 7], [8], [9]])
      assert.deepStrictEqual(
        yield* results(fibers),
        range(0, 10).map((n) => ({ success: n * 10 }))
      )
      assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, idle: 1 })
    })
  )

  it.effect("P3 no more share than four times what has been measured", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 1 }, 0)
      yield* start(pool, range(0, 40))
      for (let n = 0; n < 3; n++) runtime.last.work()
      assert.deepStrictEqual(
        sent.map(({ length }) => length),
        [1, 4, 4, 16, 8]
      )
    })
  )

  it.effect("P3 C5 long ones are not shared, nor sent ahead, nor any where several run at once", () =>
    Effect.gen(function* () {
      for (const [options, itemTime] of [
        [{ size: 1 }, 2],
        [{ size: 1, tasksPerWorker: 2 }, 0.01]
      ] as const) {
        const { pool, runtime, sent } = yield* setup(options, 9, itemTime)
        const fibers = yield* start(pool, range(0, 6))
        assert.strictEqual(sent.length, options.size * ("tasksPerWorker" in options ? 2 : 1))
        while (runtime.last.chunks.length > 0) runtime.last.work()
        yield* results(fibers)
        assert.deepStrictEqual(
          sent,
          range(0, 6).map((n) => [n])
        )
      }
    })
  )

  it.effect("C6 each has its own outcome", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const fibers = yield* start(pool, range(0, 8))
      runtime.last.work()
      runtime.last.work()
      const { chunk } = runtime.last
      assert.deepStrictEqual(chunk.items, [2, 3, 4])
      for (const n of [0, 1, 2]) {
        runtime.last.begin()
        if (n === 1) chunk.onFailure(n, Cause.fail("three"))
        else runtime.last.succeed(n)
      }
      assert.deepStrictEqual(
        (yield* results(fibers.slice(2, 5))).map((one: any) => one.success ?? one.failures),
        [20, ["three"], 40]
      )
    })
  )
})

describe("a run that nobody wants any more", () => {
  /** Four runs in one chunk, whose worker has begun the first two; the first two of all have ended. */
  const shared = Effect.fnUntraced(function* (options: WorkerPool.RunOptions = {}, size = 1) {
    const made = yield* setup({ size })
    const fibers = yield* start(made.pool, range(0, 10), options)
    return { ...made, fibers, worker: made.runtime.last }
  })

  it.effect("C5 that waits, or has not started in its chunk, is over at once; its neighbours are done, once each", () =>
    Effect.gen(function* () {
      const { fibers, sent, worker } = yield* shared()
      yield* Fiber.interrupt(fibers[9]!)
      yield* Fiber.interrupt(fibers[1]!)
      worker.work()
      assert.deepStrictEqual(worker.chunk.items, [2, 3, 4, 5])
      worker.begin()
      yield* Fiber.interrupt(fibers[4]!)
      worker.succeed(0)
      while (worker.chunks.length > 0) worker.work()
      assert.deepStrictEqual(
        (yield* results(fibers)).map((one: any) => one.success ?? one.failures[0]),
        [0, "Interrupt", 20, 30, "Interrupt", 50, 60, 70, 80, "Interrupt"]
      )
      const kept = sent.flat().filter((n, at, all) => all.indexOf(n) === at)
      assert.notInclude(kept, 9)
    })
  )

  it.effect("C5 it is interrupted, though one before it has ended and that is not known here yet", () =>
    Effect.gen(function* () {
      const { fibers, pool, runtime, worker } = yield* shared()
      worker.work()
      worker.work()
      worker.begin()
      worker.begin()
      // what has ended there is told with the chunk's end
      runtime.interrupt = (worker, chunk) => {
        worker.succeed(0, chunk)
        worker.end(chunk)
      }
      yield* Fiber.interrupt(fibers[3]!)
      assert.include(runtime.log, "0.1 interrupt")
      assert.deepStrictEqual(yield* results([fibers[2]!]), [{ success: 20 }])
      while (worker.chunks.length > 0) worker.work()
      yield* results(fibers)
      assert.deepInclude(yield* pool.stats, { calls: 0, busy: 0 })
    })
  )

  it.effect("F8 C5 it is over though the runtime throws when it is asked what has started", () =>
    Effect.gen(function* () {
      const { fibers, pool, worker } = yield* shared()
      worker.work()
      worker.work()
      worker.begin()
      Object.assign(worker.worker, {
        started: () => {
          throw new Error("It cannot tell")
        }
      })
      const interruption = yield* Effect.forkChild(Fiber.interrupt(fibers[2]!), { startImmediately: true })
      assert.isTrue(yield* hasEnded(interruption))
      while (worker.chunks.length > 0) worker.work()
      yield* results(fibers)
      assert.deepInclude(yield* pool.stats, { calls: 0, busy: 0 })
    })
  )

  it.effect("F2 C5 it is not sent again when its worker is lost before it has started", () =>
    Effect.gen(function* () {
      const { fibers, pool, runtime, sent, worker } = yield* shared({ onWorkerLost: { retries: 1 } })
      runtime.canTakeBack = () => false
      worker.work()
      worker.work()
      worker.begin()
      yield* Fiber.interrupt(fibers[4]!)
      sent.length = 0
      runtime.run = (worker, chunk) => {
        sent.push(chunk.items)
        worker.work()
      }
      worker.lose()
      assert.deepStrictEqual(
        (yield* results(fibers)).map((one: any) => one.success ?? one.failures[0]),
        [0, 10, 20, 30, "Interrupt", 50, 60, 70, 80, 90]
      )
      assert.notInclude(sent.flat(), 4)
      assert.deepInclude(yield* pool.stats, { calls: 0, busy: 0 })
    })
  )

  it.effect("C5 all of them interrupted at once leave nothing behind, and nothing of them starts after that", () =>
    Effect.gen(function* () {
      for (const at of range(0, 6)) {
        const { fibers, pool, runtime, sent, worker } = yield* shared()
        for (let n = 0; n < at; n++) worker.succeed(worker.begin())
        worker.begin()
        yield* Fiber.interruptAll(fibers)
        const count = sent.length
        yield* settle
        assert.deepInclude(yield* pool.stats, { calls: 0, pending: 0, busy: 0 })
        assert.strictEqual(sent.length, count)
        assert.strictEqual(worker.chunks.length, 0)
        runtime.run = diligent
        assert.strictEqual(yield* pool.run(task, 7), 70)
      }
    })
  )
})

describe("runs whose worker is lost", () => {
  it.effect("C9 F2 those that had not started do not wait for the one that is tried again alone", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ size: 2 })
      const fibers = yield* start(pool, range(0, 12), { onWorkerLost: { retries: 1 } })
      const [first, second] = runtime.workers as [typeof runtime.last, typeof runtime.last]
      first.work()
      // nothing more is sent ahead, nor taken back
      runtime.itemTime = 1000
      runtime.canTakeBack = () => false
      first.work()
      while (second.chunks.length > 0) second.work()
      assert.deepStrictEqual(
        first.chunks.map(({ items }) => items),
        [[4, 5]]
      )
      first.begin()
      sent.length = 0
      first.lose()
      yield* settle
      assert.deepStrictEqual(sent, [[4], [5]])
      for (const worker of runtime.present) while (worker.chunks.length > 0) worker.work()
      yield* settle
      for (const worker of runtime.present) while (worker.chunks.length > 0) worker.work()
      assert.isTrue((yield* results(fibers)).every((one: any) => "success" in one))
    })
  )

  it.effect("F3 what a task's module does fails each of them, whatever the first makes of it", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ size: 1 })
      const [first, second, third, ...others] = yield* start(pool, range(0, 6))
      const worker = runtime.last
      worker.work()
      // nothing more is sent ahead
      runtime.itemTime = 1000
      worker.work()
      assert.deepStrictEqual(
        worker.chunks.map(({ items }) => items),
        [[2, 3]]
      )
      assert.deepStrictEqual(yield* results([first!, second!]), [{ success: 0 }, { success: 10 }])
      // those that wait are given up as soon as the first of those in the chunk has failed
      const watcher = yield* Effect.forkChild(
        Effect.andThen(Fiber.await(third!), Fiber.interruptAll(others.slice(1))),
        { startImmediately: true }
      )
      worker.lose({ hand: { failure: errors.startFailed({ id: 0, generation: 1 }, "module") } })
      assert.isTrue(yield* hasEnded(watcher))
      assert.deepStrictEqual(
        (yield* Effect.forEach([third!, others[0]!], (fiber) => Fiber.await(fiber))).map((exit) => failures(exit)[0]),
        ["StartFailed", "StartFailed"]
      )
      runtime.run = diligent
      assert.strictEqual(yield* pool.run(task, 7), 70)
    })
  )
})

describe("a group of runs", () => {
  const hooks: Hooks = {
    init: undefined,
    exit: undefined,
    lifespan: undefined,
    initTimeout: undefined,
    exitTimeout: undefined
  }

  /** Runs without a pool: those of `calls` are in progress, and a chunk of one ends when `end` is called. */
  const make = () => {
    const began: Array<Call> = []
    const calls = new Set<Call>()
    const options = {
      turn: new Turn(),
      hooks: () => hooks,
      dispatcher: {
        tasksPerWorker: 1,
        isolation: new Isolation(),
        ready: () => {},
        withdraw: () => {},
        over: () => {},
        dispatch: () => {},
        isWaiting: () => false
      },
      size: () => 1,
      tasksPerWorker: 1,
      isRemote: true,
      itemTime: () => new ItemTime(new ItemSeconds()),
      longest: new LongestItems(new Turn()),
      events: unheard(new Turn()),
      began: (call: Call) => {
        began.push(call)
        calls.add(call)
      },
      ended: (call: Call) => void calls.delete(call),
      overloaded: () => undefined,
      logFailures: () => Effect.void
    }
    const all = new Runs(options)
    const context = Context.empty()
    const run = (code: unknown = task) =>
      Effect.runFork(
        Effect.callback<unknown, unknown>((resume) =>
          all.begin({}, { task: code, timeout: undefined, retries: "never" } as any, context, undefined, resume)
        )
      )
    const end = (call: Call, value: unknown) => {
      const chunk = call.next(1, 1, false)!
      chunk.onSuccess(0, value)
      chunk.onEnd(undefined)
    }
    return { all, began, calls, end, run }
  }

  it("F5 keeps nothing of those that are over, though some always wait", () => {
    const { all, began, end, run } = make()
    const waiting = Array.from({ length: 10 }, run)
    // some are done and others given up, while others come
    for (let n = 0; n < 2000; n++) {
      waiting.push(run(), run())
      waiting.splice(5, 1)[0]!.interruptUnsafe()
      end(began[0]!, n)
      waiting.shift()
    }
    assert.strictEqual(began.length, 1)
    assert.strictEqual(all.waiting, 10)
    const { queue } = began[0]!.options.source as unknown as { readonly queue: ReadonlyArray<unknown> }
    assert.isAtMost(queue.length, 100)
  })
  it("P3 F5 rests without a run, and one that comes later has its call; of those that rest, only the last is kept", () => {
    const { all, began, calls, end, run } = make()
    const exits: Array<unknown> = []
    const runAlone = (code?: unknown) => {
      run(code).addObserver((exit) => exits.push(exit))
      const [call, ...others] = calls
      assert.deepStrictEqual(others, [])
      end(call!, exits.length)
      // a pool that is stopped does not wait for it
      assert.strictEqual(calls.size, 0)
    }
    for (let n = 0; n < 100; n++) runAlone()
    assert.strictEqual(new Set(began).size, 1)
    assert.deepStrictEqual(
      exits,
      exits.map((_, n) => Exit.succeed(n))
    )
    // a caller that gives up wakes it and lets it rest again
    run().interruptUnsafe()
    assert.strictEqual(calls.size, 0)
    runAlone()
    assert.strictEqual(new Set(began).size, 1)

    for (let n = 0; n < 100; n++) runAlone(Portable.inline((item: unknown) => item))
    const { groups } = all as unknown as { readonly groups: ReadonlyMap<unknown, ReadonlyArray<unknown>> }
    assert.strictEqual(groups.size, 1)
    // the first one's has gone meanwhile
    runAlone()
    assert.strictEqual(new Set(began).size, 102)
    assert.strictEqual(groups.size, 1)
  })
})
