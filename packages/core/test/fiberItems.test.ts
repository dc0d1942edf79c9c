import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { FiberItems } from "../src/internal/fibers/fiberItems.ts"
import { LocalCode } from "../src/internal/fibers/localCode.ts"
import { LocalModules } from "../src/internal/fibers/localModules.ts"
import * as portable from "../src/internal/task/portable.ts"
import type { WorkerContextImpl } from "../src/internal/task/workerContext.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { integer, oneOf, runs } from "./support.ts"

type Task = (item: number, worker: WorkerContextImpl) => unknown

/** A chunk as a call gives it, and what is heard of it. */
interface Heard {
  readonly chunk: Chunk
  readonly values: Array<unknown>
  readonly causes: Array<Cause.Cause<unknown>>
  readonly times: Array<readonly [items: number, millis: number]>
  readonly ended: Deferred.Deferred<void>
}

/** A worker's items. */
class Bench {
  readonly items: FiberItems
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>, tasksPerWorker: number) {
    this.context = context
    const options = {
      worker: { id: 0, generation: 1 },
      tasksPerWorker,
      services: undefined,
      startTimeout: undefined,
      killAfter: undefined,
      onLost() {},
      onCondemned() {},
      onUnwanted() {}
    }
    this.items = new FiberItems(options, new LocalCode(options, false, new LocalModules()), false, context)
  }

  run(inputs: ReadonlyArray<number>, task: Task, options: Partial<Chunk> = {}): Heard {
    const values: Array<unknown> = []
    const causes: Array<Cause.Cause<unknown>> = []
    const times: Array<readonly [items: number, millis: number]> = []
    const ended = Deferred.makeUnsafe<void>()
    const chunk: Chunk = {
      task: portable.closure(task),
      items: inputs,
      index: (position) => position,
      timeout: undefined,
      discard: false,
      reportInterval: 1,
      context: this.context,
      longerThan: Number.POSITIVE_INFINITY,
      onLong: () => {},
      onSuccess: (position, value) => void (values[position] = value),
      onSuccesses: (position, all) => all.forEach((value, n) => (values[position + n] = value)),
      onFailure: (position, cause) => void (causes[position] = cause),
      onTime: (items, millis) => void times.push([items, millis]),
      onEnd: () => Deferred.doneUnsafe(ended, Effect.void),
      ...options
    }
    this.items.run(chunk, chunk.context, undefined)
    return { chunk, values, causes, times, ended }
  }
}

const bench = (tasksPerWorker: number) =>
  Effect.map(Effect.context<never>(), (context) => new Bench(context, tasksPerWorker))

const until = (isSo: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.andThen(Effect.yieldNow, until(isSo))))

const range = (length: number) => Array.from({ length }, (_, n) => n)

describe("FiberItems", () => {
  describe("limitTo", () => {
    it.effect("C1 lets no more than the first items of a chunk start, which then ends", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const gate = Deferred.makeUnsafe<void>()
        const { chunk, ended, values } = run(range(6), (n) => Effect.as(Deferred.await(gate), n))
        assert.strictEqual(items.limitTo(chunk, 3), 3)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [0, 1, 2])
      })
    )

    it.effect("C1 keeps those that have started, and never raises what is kept", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(2))
        const gate = Deferred.makeUnsafe<void>()
        let started = 0
        const { chunk, ended, values } = run(range(6), (n) =>
          Effect.suspend(() => {
            started++
            return Effect.as(Deferred.await(gate), n)
          })
        )
        yield* until(() => started === 2)
        assert.strictEqual(items.limitTo(chunk, 0), 2)
        assert.strictEqual(items.limitTo(chunk, 5), 2)
        Deferred.doneUnsafe(gate, Effect.void)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [0, 1])
      })
    )

    it.effect("C1 ends a chunk of which nothing is kept without an outcome", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const { chunk, ended, times, values } = run(range(3), (n) => n)
        assert.strictEqual(items.limitTo(chunk, 0), 0)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [])
        assert.deepStrictEqual(times, [])
      })
    )

    it.effect("C1 takes nothing of a chunk back that has ended", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const { chunk, ended } = run(range(3), (n) => n)
        yield* Deferred.await(ended)
        assert.strictEqual(items.limitTo(chunk, 0), 3)
      })
    )

    it.effect("C1 keeps of an interrupted chunk what had started", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        let started = 0
        const { chunk, ended } = run(range(3), () =>
          Effect.suspend(() => {
            started++
            return Effect.uninterruptible(Effect.yieldNow)
          })
        )
        yield* until(() => started === 1)
        items.interrupt(chunk)
        assert.strictEqual(items.limitTo(chunk, 2), 1)
        yield* Deferred.await(ended)
        assert.strictEqual(started, 1)
      })
    )
  })

  describe("onTime", () => {
    it.effect("T3 tells by the Clock how long the items of a chunk took, before it ends", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const { ended, times } = run(range(3), (n) => Effect.sleep(n * 10))
        yield* TestClock.adjust(30)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(times, [
          [1, 0],
          [2, 30]
        ])
      })
    )

    it.effect("T3 counts the time of items that overlap once", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(3))
        const { ended, times } = run(range(6), () => Effect.sleep(10))
        yield* until(() => true)
        yield* TestClock.adjust(20)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(times, [
          [3, 10],
          [3, 10]
        ])
      })
    )

    it.effect("T3 does not wait for the end of a long chunk", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const { ended, times, values } = run(range(200), (n) => Effect.as(Effect.sleep(1), n))
        yield* TestClock.adjust(100)
        assert.isBelow(values.length, 200)
        assert.isAtLeast(times.length, 1)
        yield* TestClock.adjust(100)
        yield* Deferred.await(ended)
        const total = times.reduce(([items, millis], [n, time]) => [items + n, millis + time], [0, 0])
        assert.deepStrictEqual(total, [200, 200])
      })
    )
  })

  describe("an item's Scope", () => {
    it.effect("L3 is closed before the item's result counts, and is open to no other item", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const log: Array<string> = []
        const { ended } = run(
          range(3),
          (n) =>
            Effect.as(
              Effect.addFinalizer(() =>
                Effect.andThen(
                  Effect.yieldNow,
                  Effect.sync(() => log.push(`closed ${n}`))
                )
              ),
              n
            ),
          { onSuccess: (position) => void log.push(`result ${position}`) }
        )
        yield* Deferred.await(ended)
        assert.deepStrictEqual(log, ["closed 0", "result 0", "closed 1", "result 1", "closed 2", "result 2"])
      })
    )

    it.effect("L3 is closed for whoever kept it, though the item did nothing with it", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const scopes: Array<Scope.Scope> = []
        const { ended } = run(range(2), () => Effect.map(Effect.scope, (scope) => scopes.push(scope)))
        yield* Deferred.await(ended)
        assert.notStrictEqual(scopes[0], scopes[1])
        for (const scope of scopes) {
          let finalized = false
          yield* Scope.addFinalizer(
            scope,
            Effect.sync(() => (finalized = true))
          )
          assert.isTrue(finalized)
        }
      })
    )

    it.effect("C6 adds what its finalizers die of to the item's outcome, as Effect does", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        const task = (n: number) =>
          Effect.andThen(
            Effect.addFinalizer(() => (n === 2 ? Effect.void : Effect.die("finalizer"))),
            n === 1 ? Effect.fail("task") : Effect.succeed(n)
          )
        const { causes, ended, values } = run(range(3), task)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(values, [undefined, undefined, 2])
        for (const n of [0, 1]) {
          const exit: Exit.Exit<unknown, unknown> = yield* Effect.exit(Effect.scoped(task(n)))
          assert.deepStrictEqual(Exit.failCause(causes[n]!), exit)
        }
      })
    )

    it.effect("C4 is closed, in peace, when the item is interrupted", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const log: Array<string> = []
        const gate = Deferred.makeUnsafe<void>()
        const { causes, chunk, ended } = run(range(2), (n) =>
          Effect.addFinalizer(() => Effect.map(Deferred.await(gate), () => void log.push(`closed ${n}`))).pipe(
            Effect.andThen(Effect.sync(() => log.push(`begun ${n}`))),
            Effect.andThen(Effect.never)
          )
        )
        yield* until(() => log.length === 1)
        items.interrupt(chunk)
        items.interrupt(chunk)
        assert.deepStrictEqual(causes, [])
        Deferred.doneUnsafe(gate, Exit.void)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(log, ["begun 0", "closed 0"])
        assert.isTrue(Cause.hasInterruptsOnly(causes[0]!))
      })
    )

    it.effect("F5 is closed before interruptAll completes", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(2))
        const log: Array<string> = []
        const task: Task = (n) =>
          Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => log.push(`closed ${n}`))
            )
          ).pipe(Effect.andThen(Effect.sync(() => log.push(`begun ${n}`))), Effect.andThen(Effect.never))
        run([0], task)
        run([1, 2], task)
        run([3], task)
        yield* until(() => log.length === 2)
        yield* items.interruptAll()
        assert.deepStrictEqual(log, ["begun 0", "begun 1", "closed 0", "closed 1"])
      })
    )
  })

  describe("chunks of one worker", () => {
    /** A task whose items each wait for a gate of their own. */
    const gated = () => {
      const gates = new Map<number, Deferred.Deferred<void>>()
      let running = 0
      let most = 0
      const task: Task = (n) =>
        Effect.suspend(() => {
          const gate = Deferred.makeUnsafe<void>()
          gates.set(n, gate)
          running++
          most = Math.max(most, running)
          return Effect.as(
            Effect.ensuring(
              Deferred.await(gate),
              Effect.sync(() => running--)
            ),
            n
          )
        })
      return {
        task,
        gates,
        open: (n: number) =>
          Effect.andThen(
            until(() => gates.has(n)),
            () => Deferred.done(gates.get(n)!, Exit.void)
          ),
        most: () => most
      }
    }

    it.effect("share its lanes in the order in which they came", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(2))
        const { gates, most, open, task } = gated()
        const first = run([0, 1, 2], task)
        const second = run([10, 11, 12], task)
        yield* open(0)
        yield* until(() => gates.has(2))
        assert.isFalse(gates.has(10))
        yield* open(1)
        yield* until(() => gates.has(10))
        assert.isFalse(gates.has(11))
        for (const n of [2, 10, 11, 12]) yield* open(n)
        yield* Deferred.await(first.ended)
        yield* Deferred.await(second.ended)
        assert.deepStrictEqual(second.values, [10, 11, 12])
        assert.strictEqual(most(), 2)
      })
    )

    it.effect("end when they are interrupted, or not kept, while they wait for a lane", () =>
      Effect.gen(function* () {
        const { items, run } = methods(yield* bench(1))
        const { gates, open, task } = gated()
        const first = run([0], task)
        const [second, third, fourth] = [run([10], task), run([20], task), run([30, 31], task)]
        yield* until(() => gates.has(0))
        items.interrupt(second.chunk)
        yield* Deferred.await(second.ended)
        assert.strictEqual(items.limitTo(third.chunk, 0), 0)
        yield* Deferred.await(third.ended)
        assert.strictEqual(items.limitTo(fourth.chunk, 1), 1)
        yield* open(0)
        yield* open(30)
        yield* Deferred.await(fourth.ended)
        assert.deepStrictEqual([...gates.keys()], [0, 30])
        assert.deepStrictEqual(
          [first, second, third, fourth].map(({ values }) => values),
          [[0], [], [], [30]]
        )
      })
    )

    it.effect("T3 do not count the time that they wait for a lane", () =>
      Effect.gen(function* () {
        const { run } = methods(yield* bench(1))
        run([0], () => Effect.sleep(1000))
        const { ended, times } = run([0], () => Effect.sleep(10))
        yield* TestClock.adjust(1010)
        yield* Deferred.await(ended)
        assert.deepStrictEqual(times, [[1, 10]])
      })
    )
  })

  it.effect("C1 gives other fibers a turn among items that never wait", () =>
    Effect.gen(function* () {
      const { run } = methods(yield* bench(1))
      for (const task of [(n: number) => n, (n: number) => Effect.sync(() => n)]) {
        const { ended, values } = run(range(10_000), task)
        let turns = 0
        while (values.length < 10_000) {
          turns++
          yield* Effect.yieldNow
        }
        yield* Deferred.await(ended)
        assert.isAbove(turns, 10)
      }
    })
  )

  it.live("C1 gives them more turns among items that take long", () =>
    Effect.gen(function* () {
      const { run } = methods(yield* bench(1))
      const { ended, values } = run(range(640), (n) => {
        for (const end = performance.now() + 0.1; performance.now() < end;);
        return n
      })
      let turns = 0
      while (values.length < 640) {
        turns++
        yield* Effect.yieldNow
      }
      yield* Deferred.await(ended)
      assert.isAtLeast(turns, 10)
    })
  )
})

describe("the time of a fiber worker's items", () => {
  const micros = 1000n

  it.effect.prop(
    "O1 is told of all of them, and a long one is named, or a group of which it is one, however lanes share the chunk",
    {
      ways: Arbitrary.array(oneOf("plain", "exit", "yields", "fails", "dies"), {
        minLength: 1,
        maxLength: 90
      }),
      place: integer(0, 89),
      lanes: integer(1, 5),
      limit: integer(0, 120)
    },
    ({ lanes, limit, place, ways }) =>
      Effect.gen(function* () {
        let now = 5n
        const clock = Object.assign(Object.create(yield* Clock.Clock), { monotonicTimeNanosUnsafe: () => now })
        const context = Context.add(yield* Effect.context<never>(), Clock.Clock, clock)
        const { items, run } = methods(new Bench(context, lanes))
        const long: Array<readonly [position: number, items: number, millis: number]> = []
        const planted = place % ways.length
        let outcomes = 0
        const told = () => {
          // what a call takes back while it is told of an outcome
          if (++outcomes === limit) items.limitTo(heard.chunk, 0)
        }
        const heard = run(
          range(ways.length),
          (n) => {
            now += n === planted ? 300_000n * micros : micros
            switch (ways[n]) {
              case "plain":
                return n
              case "exit":
                return Exit.succeed(n)
              case "yields":
                return Effect.yieldNow
              case "fails":
                return Effect.fail(n)
              default:
                throw new Error("it dies")
            }
          },
          {
            longerThan: 100,
            onLong: (position, items, millis) => void long.push([position, items, millis]),
            onSuccess: told,
            onFailure: told
          }
        )
        yield* Deferred.await(heard.ended)
        assert.strictEqual(
          heard.times.reduce((sum, [items]) => sum + items, 0),
          outcomes
        )
        if (lanes === 1) {
          const millis = heard.times.reduce((sum, [, millis]) => sum + millis, 0)
          assert.closeTo(millis, Number(now - 5n) / 1_000_000, 1e-6)
        }
        const isRun = outcomes === ways.length || now > 300_000n * micros
        assert.strictEqual(long.length > 0, isRun)
        for (const [, many] of long) assert.isAtMost(many, 16)
        if (isRun) assert.isTrue(long.some(([position, many]) => position <= planted && planted < position + many))
      }),
    runs(300)
  )
})

const methods = (bench: Bench) => ({
  items: bench.items,
  run: (...args: Parameters<Bench["run"]>) => bench.run(...args)
})
