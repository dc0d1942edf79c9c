import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as TestClock from "effect/testing/TestClock"
import * as Portable from "../src/Portable.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { driven, hasEnded, kinds, makePool, type PoolOptions, recordLogs, settle } from "./support.ts"

const warning =
  "WARN init or exit changed while workers live that were acquired with others: the new init is not run for them, and " +
  "the new exit runs when they are released"

const id = (n: number) => Effect.succeed(n)

/** Hooks that write their names down, with the worker's. */
const hooks = () => {
  const log: Array<string> = []
  const init = (name: string) => (worker: WorkerContext) =>
    Effect.sync(() => {
      log.push(`${name} ${worker.id}.${worker.generation}`)
      return name
    })
  const exit = (name: string) => (worker: WorkerContext<any>) =>
    Effect.sync(() => {
      log.push(`${name} ${worker.id}.${worker.generation} of ${worker.state}`)
      return name
    })
  return { log, init, exit }
}

describe.each(kinds)("current hooks, %s", (kind) => {
  const make = (options: PoolOptions<any, any>) => makePool<any, any>(kind, { size: 1, keepAlive: true, ...options })

  it.effect(
    "L6 with keepAlive the first call's init and the second call's exit run, and the second's init does not",
    () =>
      Effect.gen(function* () {
        const { exit, init, log } = hooks()
        const logs = recordLogs()
        yield* Effect.gen(function* () {
          const pool = yield* make({})
          yield* pool.map([1], id, { init: init("init1"), exit: exit("exit1") })
          yield* pool.map([1], id, { init: init("init2"), exit: exit("exit2") })
          assert.deepStrictEqual(log, ["init1 0.1"])
          yield* pool.stop
        }).pipe(Effect.scoped, Effect.provide(logs.layer))
        assert.deepStrictEqual(log, ["init1 0.1", "exit2 0.1 of init1"])
      })
  )

  it.effect("L6 a worker recycled in the second call runs exit2, its successor init2", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const logs = recordLogs()
      const pool = yield* make({})
      yield* Effect.gen(function* () {
        yield* pool.map([1], id, { init: init("init1"), exit: exit("exit1") })
        yield* pool.map([1, 2], id, { init: init("init2"), exit: exit("exit2"), lifespan: 2, chunkSize: 1 })
        assert.deepStrictEqual(log, ["init1 0.1", "exit2 0.1 of init1", "init2 0.2"])
        yield* pool.stop
        assert.deepStrictEqual(log.slice(3), ["exit2 0.2 of init2"])
      }).pipe(Effect.provide(logs.layer))
    })
  )

  it.effect("L6 a call's hooks are its own options over the pool's; the next call begins with the pool's again", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const pool = yield* make({ keepAlive: false, init: init("init"), exit: exit("exit") })
      yield* pool.map([1], id)
      yield* pool.map([1], id, { init: init("init1") })
      yield* pool.map([1], id, { exit: exit("exit1") })
      yield* pool.map([1], id)
      assert.deepStrictEqual(log, [
        "init 0.1",
        "exit 0.1 of init",
        "init1 0.2",
        "exit 0.2 of init1",
        "init 0.3",
        "exit1 0.3 of init",
        "init 0.4",
        "exit 0.4 of init"
      ])
    })
  )

  it.effect("L6 the hooks of the last call stay current after it, for run, stop and restart", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const pool = yield* make({ init: init("init"), exit: exit("exit") })
      yield* pool.map([], id, { init: init("init1"), exit: exit("exit1") })
      assert.strictEqual(yield* pool.run((_, worker) => Effect.succeed(worker.state), 1), "init1")
      yield* pool.restart
      yield* pool.run(id, 1)
      yield* pool.stop
      assert.deepStrictEqual(log, ["init1 0.1", "exit1 0.1 of init1", "init1 0.2", "exit1 0.2 of init1"])
    })
  )

  it.effect("L6 a call that starts while others run replaces only what it names", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* make({ size: 3, init: init("init"), exit: exit("exit") })
        const sleep = (millis: number) => Effect.sleep(millis)
        const first = yield* Effect.forkChild(pool.map([100], sleep, { init: init("init1"), exit: exit("exit1") }))
        yield* settle
        const second = yield* Effect.forkChild(pool.map([100], sleep, { exit: exit("exit2") }))
        yield* settle
        const third = yield* Effect.forkChild(pool.map([50], sleep))
        yield* settle
        assert.deepStrictEqual(log, ["init1 0.1", "init1 1.1", "init1 2.1"])
        yield* TestClock.adjust(100)
        yield* Effect.forEach([first, second, third], (fiber) => Fiber.join(fiber))
        yield* pool.stop
        assert.deepStrictEqual(log.slice(3).sort(), ["exit2 0.1 of init1", "exit2 1.1 of init1", "exit2 2.1 of init1"])
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
    })
  )

  it.effect("L6 run takes no hooks and changes none", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const pool = yield* make({ init: init("init"), exit: exit("exit"), lifespan: 2 })
      yield* pool.map([], id, { init: init("init1"), exit: exit("exit1"), lifespan: 3 })
      for (const n of [1, 2, 3]) {
        assert.notInclude(log, "exit1 0.1 of init1")
        yield* pool.run(id, n)
      }
      assert.deepStrictEqual(log, ["init1 0.1", "exit1 0.1 of init1"])
    })
  )

  it.effect("L6 emptying the pool reads exit once, and a call that starts meanwhile waits for it", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const slowly = (worker: WorkerContext<any>) => Effect.delay(exit("exit1")(worker), 100 * (worker.id + 1))
      const pool = yield* make({ size: 2, keepAlive: false })
      const first = yield* Effect.forkChild(pool.map([1, 2], id, { init: init("init1"), exit: slowly }))
      yield* settle
      const second = yield* Effect.forkChild(pool.map([1], id, { init: init("init2"), exit: exit("exit2") }))
      const run = yield* Effect.forkChild(pool.run(id, 1))
      yield* TestClock.adjust(199)
      assert.isFalse(yield* hasEnded(first))
      assert.isFalse(yield* hasEnded(second))
      assert.isFalse(yield* hasEnded(run))
      assert.deepInclude(yield* pool.stats, { pending: 1 })
      assert.deepStrictEqual(log, ["init1 0.1", "init1 1.1", "exit1 0.1 of init1"])
      yield* TestClock.adjust(1)
      yield* Fiber.joinAll([first, second])
      yield* Fiber.join(run)
      assert.deepStrictEqual(log[3], "exit1 1.1 of init1")
      assert.include(log.slice(4)[0], "init2")
    })
  )

  it.effect("L6 acquisition and release read the hooks that are current at that moment", () =>
    Effect.gen(function* () {
      const { exit, init, log } = hooks()
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* make({ size: 1 })
        const sleep = (millis: number) => Effect.sleep(millis)
        const options = { init: init("init1"), exit: exit("exit1"), lifespan: 1, chunkSize: 1 }
        const first = yield* Effect.forkChild(pool.map([100, 100, 100], sleep, options))
        yield* settle
        yield* TestClock.adjust(150)
        const second = yield* Effect.forkChild(pool.map([], id, { init: init("init2"), exit: exit("exit2") }))
        yield* settle
        yield* TestClock.adjust(150)
        yield* Fiber.join(first)
        yield* Fiber.join(second)
        assert.deepStrictEqual(log, [
          "init1 0.1",
          "exit1 0.1 of init1",
          "init1 0.2",
          "exit2 0.2 of init1",
          "init2 0.3",
          "exit2 0.3 of init2"
        ])
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
    })
  )

  it.effect("L7 warns once when hooks change while workers live that were acquired with others", () =>
    Effect.gen(function* () {
      const { exit, init } = hooks()
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* make({ size: 3 })
        const [init1, exit1, exit2] = [init("init1"), exit("exit1"), exit("exit2")]
        yield* pool.map([1, 2, 3], id, { init: init1, exit: exit1 })
        yield* pool.map([1, 2, 3], id, { init: init1, exit: exit1 })
        assert.deepStrictEqual(logs.lines, [])
        yield* pool.map([1, 2, 3], id, { init: init1, exit: exit2 })
        assert.deepStrictEqual(logs.lines, [warning])
        // nothing changes
        yield* pool.map([1, 2, 3], id, { init: init1, exit: exit2, lifespan: 100, exitTimeout: 5 })
        yield* pool.run(id, 1)
        assert.deepStrictEqual(logs.lines, [warning])
        // back to what they were acquired with
        yield* pool.map([1], id, { init: init1, exit: exit1 })
        assert.deepStrictEqual(logs.lines, [warning])
        yield* pool.map([1], id)
        assert.deepStrictEqual(logs.lines, [warning, warning])
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
    })
  )

  it.effect("L7 does not warn when no worker lives", () =>
    Effect.gen(function* () {
      const { exit, init } = hooks()
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* make({ size: 2, keepAlive: false })
        yield* pool.map([1, 2], id, { init: init("init1") })
        yield* pool.map([1, 2], id, { exit: exit("exit2") })
        const kept = yield* make({ size: 2 })
        yield* kept.map([1, 2], id, { init: init("init1") })
        yield* kept.stop
        yield* kept.map([1, 2], id, { init: init("init2") })
      }).pipe(Effect.scoped, Effect.provide(logs.layer))
      assert.deepStrictEqual(logs.lines, [])
    })
  )
})

describe("equal hooks", () => {
  const url = "test:hooks"
  const open = Portable.make(url, "open", (n: number) => n)
  const openToo = Portable.make(url, "openToo", (n: number) => n)
  const module = Portable.module<{ open: (n: number, worker: WorkerContext) => number }>(url)
  const task = Portable.make(url, "task", (n: number) => n)

  const warnings = (first: Portable.Portable<any>, second: Portable.Portable<any>) =>
    Effect.gen(function* () {
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init: Portable.bind(open, 0) })
        yield* pool.map([1], task, { init: first })
        yield* pool.map([1], task, { init: second })
      }).pipe(Effect.scoped, Effect.provide(WorkerRuntime.layerFibers()), Effect.provide(logs.layer))
      return logs.lines.length
    })

  it.effect("L7 hooks are equal by address and by Equal bound values", () =>
    Effect.gen(function* () {
      const bound = (value: any) => Portable.bind(open, value)
      assert.strictEqual(yield* warnings(bound(1), bound(1)), 0)
      assert.strictEqual(yield* warnings(bound({ a: [1, 2] }), bound({ a: [1, 2] })), 0)
      assert.strictEqual(yield* warnings(bound(1), Portable.bind(module.open as any, 1)), 0)
      assert.strictEqual(yield* warnings(bound(1), bound(2)), 1)
      assert.strictEqual(yield* warnings(bound({ a: [1, 2] }), bound({ a: [1, 3] })), 1)
      assert.strictEqual(yield* warnings(bound(1), Portable.bind(openToo, 1)), 1)
      const inline = () => Portable.inline((_worker: unknown) => 1)
      assert.strictEqual(yield* warnings(inline(), inline()), 0)
      assert.strictEqual(
        yield* warnings(
          inline(),
          Portable.inline((_worker: unknown) => 2)
        ),
        1
      )
      assert.strictEqual(yield* warnings(bound(1), inline()), 1)
    })
  )

  it.effect("L7 in a FiberPool hooks are equal by reference", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      yield* driven(
        Effect.gen(function* () {
          const pool = yield* makePool<any, any>("FiberPool", { size: 1, keepAlive: true })
          const make = () => () => Effect.succeed(1)
          const init = make()
          yield* pool.map([1], id, { init })
          yield* pool.map([1], id, { init })
          assert.deepStrictEqual(logs.lines, [])
          yield* pool.map([1], id, { init: make() })
          assert.deepStrictEqual(logs.lines, [warning])
        }).pipe(Effect.scoped, Effect.provide(logs.layer))
      )
    })
  )
})

describe("hooks bound to data", () => {
  const texts = [
    '{"~effect/Equal":1}',
    '{"~effect/Equal":{},"~effect/Hash":{}}',
    '{"~effect/Hash":1,"a":1}',
    '{"in":[1,{"~effect/Equal":null}]}',
    '{"a":1}',
    "[]",
    "7"
  ]
  const open = Portable.inline((bound: unknown) => JSON.stringify(bound))
  const read = Portable.inline((_: number, worker: WorkerContext<string>) => worker.state)

  it.effect("S1 L6 a key that looks like Equal's fails no call, whatever was bound before", () =>
    Effect.gen(function* () {
      for (const before of texts) {
        for (const own of texts) {
          const pool = yield* WorkerPool.make({ size: 1, init: Portable.bind(open, JSON.parse(before)) })
          yield* pool.setKeepAlive(true)
          assert.deepStrictEqual(yield* pool.map([1], read), [before])
          yield* pool.map([1], read, { init: Portable.bind(open, JSON.parse(own)) })
          yield* pool.restart
          assert.deepStrictEqual(yield* pool.map([1], read, { init: Portable.bind(open, JSON.parse(own)) }), [own])
        }
      }
    }).pipe(Effect.provide([WorkerRuntime.layerFibers(), recordLogs().layer]))
  )

  it.effect("F8 an Equal that throws fails its call, deep in data too", () =>
    Effect.gen(function* () {
      class Hashed {
        [Hash.symbol](): number {
          return 1
        }
        [Equal.symbol](_: unknown): boolean {
          return true
        }
      }
      class Throwing extends Hashed {
        override [Equal.symbol](): boolean {
          throw new Error("not equal")
        }
      }
      const init = Portable.bind(open, { a: [new Hashed()] })
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, init })
      yield* pool.map([1], read)
      const exit = yield* Effect.exit(pool.map([1], read, { init: Portable.bind(open, { a: [new Throwing()] }) }))
      assert.include(String(exit), "not equal")
      assert.deepStrictEqual(yield* pool.map([1], read), ['{"a":[{}]}'])
    }).pipe(Effect.provide([WorkerRuntime.layerFibers(), recordLogs().layer]))
  )
})
