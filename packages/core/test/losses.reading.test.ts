import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { WorkerLost } from "../src/WorkerPoolError.ts"
import type * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { FakeRuntime, type FakeWorker } from "./fakeRuntime.ts"
import { driven, failures, makePool, now, type PoolOptions, reasons, settle } from "./support.ts"

const task = (n: number) => Effect.succeed(n)

const numbers = Array.from({ length: 8 }, (_, n) => n)

/** Reading this item ends its worker. */
const huge = 5

/** Workers that one item ends as they read it, and which otherwise do what they are sent; `sent` is what they got. */
const reading = (runtime: FakeRuntime, isHuge: (item: unknown) => boolean = (item) => item === huge) => {
  const sent: Array<ReadonlyArray<unknown>> = []
  runtime.run = (worker: FakeWorker, chunk: WorkerRuntime.Chunk) => {
    sent.push(chunk.items)
    queueMicrotask(() => {
      if (worker.isGone || !worker.chunks.includes(chunk)) return
      if (chunk.items.some(isHuge)) return worker.lose()
      const items = worker.limitOf(chunk) - worker.startedOf(chunk)
      for (let n = 0; n < items; n++) worker.succeed(worker.begin(chunk), chunk)
    })
  }
  return sent
}

const setup = Effect.fnUntraced(function* (options: PoolOptions) {
  const runtime = new FakeRuntime()
  const pool = yield* makePool("WorkerPool", { keepAlive: true, size: 1, ...options }, runtime.layer)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(runtime.breaches, [])))
  return { pool, runtime, sent: reading(runtime) }
})

const outcomes = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>): ReadonlyArray<unknown> =>
  exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : failures(exit)[0]))

const withoutHuge = numbers.map((n) => (n === huge ? "WorkerLost" : n * 10))

const indices = (exit: Exit.Exit<unknown, unknown>) =>
  reasons(exit).flatMap((reason) => [...(reason as WorkerLost).indices])

describe("an item that ends its worker as it is read", () => {
  for (const hasWorked of [true, false]) {
    const worker = hasWorked ? "a worker that has worked" : "a new worker"
    it.effect(`F2 is found among its chunk's items, and it alone is charged, by ${worker}`, () =>
      Effect.gen(function* () {
        const { pool, sent } = yield* setup({ chunkSize: 8 })
        if (hasWorked) yield* pool.run(task, 100)
        else yield* pool.start
        sent.length = 0
        const { exits, took } = yield* driven(
          Effect.gen(function* () {
            const before = yield* now
            const exits = yield* pool.mapExit(numbers, task)
            return { exits, took: (yield* now) - before }
          })
        )
        assert.deepStrictEqual(outcomes(exits), withoutHuge)
        assert.deepStrictEqual(indices(exits[huge]!), [huge])
        // nothing backs off: workers are replaced at once
        assert.strictEqual(took, 0)
        // one by one, each once, but for the one that ended another worker: others had run there, so it comes first to the next
        assert.deepStrictEqual(sent[0], numbers)
        for (const items of sent.slice(1)) assert.strictEqual(items.length, 1)
        assert.deepStrictEqual(
          sent
            .slice(1)
            .map(([item]) => item as number)
            .sort(),
          [...numbers, huge].sort()
        )
        assert.deepInclude(yield* pool.stats, { lost: 3, killed: 0, calls: 0, live: 1 })
      })
    )
  }

  it.effect("F2 has n more tries with retries", () =>
    Effect.gen(function* () {
      for (const retries of [1, 3]) {
        const { pool, sent } = yield* setup({ chunkSize: 8 })
        yield* pool.run(task, 100)
        const exits = yield* driven(pool.mapExit(numbers, task, { onWorkerLost: { retries } }))
        assert.deepStrictEqual(outcomes(exits), withoutHuge)
        assert.strictEqual(sent.filter((items) => items.includes(huge)).length, 3 + retries)
        assert.deepInclude(yield* pool.stats, { lost: 3 + retries, calls: 0 })
      }
    })
  )

  it.effect("F2 succeeds when a worker can read it after all", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ chunkSize: 8 })
      let losses = 1
      const sent = reading(runtime, (item) => item === huge && losses-- > 0)
      const results = yield* driven(pool.map(numbers, task))
      assert.deepStrictEqual(
        results,
        numbers.map((n) => n * 10)
      )
      assert.strictEqual(sent.length, 9)
      assert.deepInclude(yield* pool.stats, { lost: 1, calls: 0 })
    })
  )

  it.effect("F2 fails map with WorkerLost that names it", () =>
    Effect.gen(function* () {
      const { pool } = yield* setup({ chunkSize: 8 })
      yield* pool.run(task, 100)
      const exit = yield* driven(Effect.exit(pool.map(numbers, task)))
      assert.deepStrictEqual(failures(exit), ["WorkerLost"])
      assert.deepStrictEqual(indices(exit), [huge])
      assert.deepInclude(yield* pool.stats, { lost: 3, calls: 0 })
    })
  )

  it.effect("F2 is not sought in a worker that has yet to read something else, which may be what ends it", () =>
    Effect.gen(function* () {
      const { pool, runtime, sent } = yield* setup({ chunkSize: 8 })
      yield* pool.start
      runtime.start = (worker) =>
        Effect.sync(() => {
          worker.worker.isSettled = false
        })
      const fork = <A>(call: Effect.Effect<A>) => Effect.forkChild(call, { startImmediately: true })
      const map = yield* fork(Effect.exit(pool.mapExit(numbers, task)))
      yield* settle
      assert.deepInclude(yield* pool.stats, { lost: 1, live: 1, busy: 0 })
      assert.deepStrictEqual(sent, [numbers, [0]], "none is sent but the one for which the worker was started")
      // nor is anything else, or else it would wait for ever
      const run = yield* fork(Effect.exit(pool.run(task, 100)))
      yield* settle
      assert.strictEqual(sent.length, 2)
      runtime.start = () => Effect.void
      runtime.last.settle()
      const exits = yield* driven(Fiber.join(map))
      assert.deepStrictEqual(Exit.isSuccess(exits) ? outcomes(exits.value) : exits, withoutHuge)
      assert.deepStrictEqual(yield* driven(Fiber.join(run)), Exit.succeed(1000))
    })
  )

  it.effect("F2 fails its run alone; other calls in the worker's hands go on", () =>
    Effect.gen(function* () {
      for (const isRemote of [false, true]) {
        for (const size of [1, 2]) {
          const runtime = new FakeRuntime()
          runtime.isRemote = isRemote
          const pool = yield* makePool("WorkerPool", { keepAlive: true, size }, runtime.layer)
          reading(runtime)
          yield* pool.start
          const fork = (call: Effect.Effect<unknown, unknown>) => Effect.forkChild(call, { startImmediately: true })
          const map = yield* fork(pool.map([10, 11, 12, 13], task, { chunkSize: 2 }))
          const runs = yield* fork(
            Effect.forEach([1, 2, huge, 3, 4], (n) => Effect.exit(pool.run(task, n)), { concurrency: "unbounded" })
          )
          const exits = (yield* driven(Fiber.join(runs))) as ReadonlyArray<Exit.Exit<unknown, unknown>>
          assert.deepStrictEqual(outcomes(exits), [10, 20, "WorkerLost", 30, 40])
          assert.deepStrictEqual(yield* driven(Fiber.join(map)), [100, 110, 120, 130])
          const { calls, lost } = yield* pool.stats
          assert.strictEqual(calls, 0)
          // once with others beside it, once alone
          assert.isAtMost(lost, 2)
        }
      }
    })
  )

  it.effect("F2 costs at most three workers each, however many they are", () =>
    Effect.gen(function* () {
      const { pool, runtime } = yield* setup({ chunkSize: 4, size: 2 })
      reading(runtime, (item) => (item as number) % 3 === 0)
      const items = Array.from({ length: 24 }, (_, n) => n)
      const exits = yield* driven(pool.mapExit(items, task))
      assert.deepStrictEqual(
        outcomes(exits),
        items.map((n) => (n % 3 === 0 ? "WorkerLost" : n * 10))
      )
      const { calls, lost } = yield* pool.stats
      assert.strictEqual(calls, 0)
      assert.isAtMost(lost, 3 * 8)
    })
  )

  it.effect("F2 is none that is lost with a worker which an item before it ends late", () =>
    Effect.gen(function* () {
      for (const chunkSize of [undefined, 1, 3]) {
        for (const size of [1, 2]) {
          const { pool, runtime } = yield* setup({ chunkSize, size })
          const doomed = new Set<FakeWorker>()
          runtime.run = (worker, chunk) => {
            queueMicrotask(() => {
              if (worker.isGone || !worker.chunks.includes(chunk)) return
              if (doomed.has(worker)) return worker.lose()
              const items = worker.limitOf(chunk) - worker.startedOf(chunk)
              for (let n = 0; n < items; n++) {
                const position = worker.begin(chunk)
                // each worker is lost some time after its first item
                doomed.add(worker)
                worker.succeed(position, chunk)
              }
            })
          }
          const exits = yield* driven(pool.mapExit(numbers, task))
          assert.deepStrictEqual(
            outcomes(exits),
            numbers.map((n) => n * 10)
          )
        }
      }
    })
  )

  it.effect("F2 makes no later call wait: no slot backs off", () =>
    Effect.gen(function* () {
      const { pool } = yield* setup({ chunkSize: 1 })
      yield* pool.run(task, 100)
      for (let time = 0; time < 4; time++) {
        const before = yield* now
        const [exit] = yield* driven(pool.mapExit([huge], task))
        assert.deepStrictEqual(outcomes([exit!]), ["WorkerLost"])
        yield* settle
        assert.strictEqual(yield* driven(pool.run(task, 1)), 10)
        assert.strictEqual(yield* now, before)
      }
    })
  )
})
