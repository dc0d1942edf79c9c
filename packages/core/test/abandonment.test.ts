import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { WorkerContext } from "../src/WorkerContext.ts"
import { driven, failures, hasEnded, type Kind, makePool, type Pool, type PoolOptions, settle } from "./support.ts"

const killAfter = 100

/** What never ends, and cannot be interrupted, by the kinds of pool that have it. */
const stubborn: ReadonlyArray<{ readonly what: string; readonly kind: Kind; readonly never: () => any }> = [
  { what: "a Promise", kind: "WorkerPool", never: () => new Promise(() => {}) },
  { what: "an async function", kind: "WorkerPool", never: async () => await new Promise(() => {}) },
  { what: "a thenable", kind: "WorkerPool", never: () => ({ ["then" as string]: () => {} }) }
]

interface Setup {
  readonly log: Array<string>
  readonly pool: Pool
  readonly scope: Scope.Closeable
  readonly task: (n: number, worker: WorkerContext<any>) => Effect.Effect<ReadonlyArray<number>>
}

/** A pool whose hooks write down what happens, and whose task never ends for the number 2. */
const setup = Effect.fnUntraced(function* (
  kind: Kind,
  never: () => any,
  options: PoolOptions<any, any> = {}
): Effect.fn.Return<Setup> {
  const log: Array<string> = []
  const scope = yield* Scope.make()
  const pool = yield* Effect.orDie(
    Scope.provide(
      makePool<any, any>(kind, {
        size: 1,
        keepAlive: true,
        killAfter,
        init: (worker: WorkerContext<void>) =>
          Effect.gen(function* () {
            log.push(`init ${worker.generation}`)
            yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`finalizer ${worker.generation}`)))
            return worker.generation
          }),
        exit: (worker: WorkerContext<any>) => Effect.sync(() => log.push(`exit ${worker.generation}`)),
        ...options
      }),
      scope
    )
  )
  const task = (n: number, worker: WorkerContext<any>) =>
    n === 2 ? never() : Effect.as(Effect.sleep(10), [n, worker.generation] as ReadonlyArray<number>)
  return { log, pool, scope, task }
})

describe("what never ends and ignores that it is interrupted", () => {
  for (const { kind, never, what } of stubborn) {
    const name = `${what}, ${kind}`

    /** Checks that the first worker was given up as killed, and that the second serves. */
    const isReplaced = Effect.fnUntraced(function* ({ log, pool, scope, task }: Setup) {
      assert.deepStrictEqual(yield* driven(pool.run(task, 1)), [1, 2])
      assert.deepInclude(yield* pool.stats, { killed: 1, lost: 0, calls: 0, busy: 0, live: 1 })
      // its Scope was closed, though exit was skipped
      assert.deepStrictEqual(log, ["init 1", "finalizer 1", "init 2"])
      yield* driven(Scope.close(scope, Exit.void))
      assert.deepStrictEqual(log, ["init 1", "finalizer 1", "init 2", "exit 2", "finalizer 2"])
    })

    it.effect(`C4 T2 timeout ends a run after killAfter, and replaces the worker: ${name}`, () =>
      Effect.gen(function* () {
        const made = yield* setup(kind, never)
        const fiber = yield* Effect.forkDetach(made.pool.run(made.task, 2, { timeout: 50 }))
        yield* settle
        yield* TestClock.adjust(49 + killAfter)
        assert.isFalse(yield* hasEnded(fiber))
        yield* TestClock.adjust(1)
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["TaskTimedOut"])
        yield* isReplaced(made)
      })
    )

    it.effect(`C4 T2 timeout marks that item in mapExit, and the others complete: ${name}`, () =>
      Effect.gen(function* () {
        const made = yield* setup(kind, never)
        const fiber = yield* Effect.forkDetach(made.pool.mapExit([1, 2, 3], made.task, { timeout: 50, chunkSize: 3 }))
        const exits = yield* driven(Fiber.join(fiber))
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
        assert.deepStrictEqual(failures(exits[1]!), ["TaskTimedOut"])
        yield* isReplaced(made)
      })
    )

    it.effect(`C4 C5 interruption of the caller ends after killAfter, and replaces the worker: ${name}`, () =>
      Effect.gen(function* () {
        for (const method of ["run", "map", "stream"] as const) {
          const made = yield* setup(kind, never)
          const { pool, task } = made
          const call =
            method === "run"
              ? pool.run(task, 2)
              : method === "map"
                ? pool.map([2], task)
                : Stream.runDrain(pool.stream([2], task))
          const fiber = yield* Effect.forkDetach(call)
          yield* settle
          fiber.interruptUnsafe()
          yield* settle
          yield* TestClock.adjust(killAfter - 1)
          assert.isFalse(yield* hasEnded(fiber))
          yield* TestClock.adjust(1)
          assert.isTrue(yield* hasEnded(fiber))
          yield* isReplaced(made)
        }
      })
    )

    it.effect(`C4 C5 a stream that is ended early ends after killAfter: ${name}`, () =>
      Effect.gen(function* () {
        const made = yield* setup(kind, never, { tasksPerWorker: 2 })
        const stream = made.pool.streamUnordered([2, 1], made.task, { chunkSize: 1 })
        assert.deepStrictEqual(yield* driven(Stream.runCollect(Stream.take(stream, 1))), [[1, 1]])
        yield* isReplaced(made)
      })
    )

    it.effect(`C4 a neighbour in the worker goes on until it has ended, and the worker gets no more: ${name}`, () =>
      Effect.gen(function* () {
        const made = yield* setup(kind, never, { tasksPerWorker: 2 })
        const { pool, task } = made
        const slow = (_: number, worker: WorkerContext<any>) => Effect.as(Effect.sleep(1000), worker.generation)
        const neighbour = yield* Effect.forkDetach(pool.run(slow, 1))
        const fiber = yield* Effect.forkDetach(pool.run(task, 2, { timeout: 50 }))
        yield* settle
        yield* TestClock.adjust(50 + killAfter)
        assert.isTrue(yield* hasEnded(fiber))
        assert.isFalse(yield* hasEnded(neighbour))
        const later = yield* Effect.forkDetach(pool.run(task, 3))
        yield* TestClock.adjust(1000)
        assert.strictEqual(yield* driven(Fiber.join(neighbour)), 1)
        assert.deepStrictEqual(yield* driven(Fiber.join(later)), [3, 2])
        yield* isReplaced(made)
      })
    )

    it.effect(`C4 L3 terminate ends after killAfter at the latest: ${name}`, () =>
      Effect.gen(function* () {
        const { log, pool, scope, task } = yield* setup(kind, never)
        const fiber = yield* Effect.forkDetach(pool.map([2], task))
        yield* settle
        const terminate = yield* Effect.forkDetach(pool.terminate)
        yield* settle
        yield* TestClock.adjust(killAfter)
        assert.isTrue(yield* hasEnded(terminate))
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["Terminated"])
        assert.deepStrictEqual(log, ["init 1", "finalizer 1"])
        assert.deepStrictEqual(yield* driven(pool.run(task, 1)), [1, 2])
        yield* driven(Scope.close(scope, Exit.void))
      })
    )

    it.effect(`F5 the scope closes after killAfter at the latest: ${name}`, () =>
      Effect.gen(function* () {
        const { log, pool, scope, task } = yield* setup(kind, never)
        const fiber = yield* Effect.forkDetach(pool.map([2], task))
        yield* settle
        const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
        yield* settle
        yield* TestClock.adjust(killAfter)
        assert.isTrue(yield* hasEnded(closing))
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(log, ["init 1", "finalizer 1"])
      })
    )

    it.effect(`T2 initTimeout ends an init after killAfter, and the next call is served: ${name}`, () =>
      Effect.gen(function* () {
        const { pool, scope, task } = yield* setup(kind, never)
        const fiber = yield* Effect.forkDetach(pool.map([1], task, { init: never, initTimeout: 50 } as {}))
        yield* settle
        yield* TestClock.adjust(50 + killAfter)
        assert.isTrue(yield* hasEnded(fiber))
        assert.deepStrictEqual(failures(yield* Fiber.await(fiber)), ["InitTimedOut"])
        assert.deepStrictEqual(yield* driven(pool.map([1], task)), [[1, 2]])
        assert.strictEqual((yield* pool.stats).calls, 0)
        yield* driven(Scope.close(scope, Exit.void))
      })
    )

    it.effect(`L10 an init that nobody waits for is given up for a call with hooks of its own: ${name}`, () =>
      Effect.gen(function* () {
        const { pool, scope, task } = yield* setup(kind, never, { init: never as any, initTimeout: "10 days" })
        const fiber = yield* Effect.forkDetach(Effect.timeout(pool.map([1], task), 50))
        yield* settle
        yield* TestClock.adjust(50)
        assert.isTrue(yield* hasEnded(fiber))
        const init = () => Effect.succeed("other")
        const second = yield* Effect.forkDetach(pool.map([1], task, { init } as {}))
        yield* settle
        yield* TestClock.adjust(killAfter + 10)
        assert.isTrue(yield* hasEnded(second))
        assert.deepStrictEqual(yield* Fiber.join(second), [[1, 2]])
        yield* driven(Scope.close(scope, Exit.void))
      })
    )
  }
})

it.live(
  "C4 what this thread computes for meanwhile, as another item may, is no time in which an item could have yielded",
  () =>
    Effect.gen(function* () {
      const pool = yield* makePool<any, any>("WorkerPool", { size: 2, keepAlive: true, killAfter: 400 })
      // as a transaction that is rolled back, and then a connection that is given back
      const tidies = Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(5), Effect.sleep(5)))
      const fiber = yield* Effect.forkChild(pool.map([1], () => tidies))
      yield* settle
      const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* Effect.sync(() => {
        for (const end = performance.now() + 800; performance.now() < end;);
      })
      yield* Fiber.join(interruption)
      assert.strictEqual((yield* pool.stats).killed, 0)
    })
)
