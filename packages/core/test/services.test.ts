import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as FiberPool from "../src/FiberPool.ts"
import * as Portable from "../src/Portable.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { driven, failures, kinds, makePool, portable, reasons, recordLogs, settle, source } from "./support.ts"

class Db extends Context.Service<Db, { readonly name: string }>()("test/Db") {}

class Ambient extends Context.Service<Ambient, string>()("test/Ambient") {}

/** A services layer that writes down when it is built and closed. */
const dbLayer = (log: Array<string>, close: Effect.Effect<void> = Effect.void) => {
  let built = 0
  return Layer.effect(
    Db,
    Effect.acquireRelease(
      Effect.sync(() => {
        const name = `db ${++built}`
        log.push(`build ${name}`)
        return { name }
      }),
      ({ name }) =>
        Effect.andThen(
          Effect.sync(() => log.push(`close ${name}`)),
          close
        )
    )
  )
}

const fibers = WorkerRuntime.layerFibers()

const id = (n: number) => Effect.succeed(n)

describe("services of a WorkerPool on fibers", () => {
  it.effect("L3 are built once per worker before init and closed after exit, around everything else", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const say = (what: string) => Effect.sync(() => void log.push(what))
      const runtime = Layer.effect(
        WorkerRuntime.WorkerRuntime,
        Effect.map(WorkerRuntime.WorkerRuntime, (inner) => ({
          name: "logged",
          start: (options: WorkerRuntime.StartOptions) =>
            Effect.andThen(
              Effect.acquireRelease(say(`start ${options.worker.generation}`), () =>
                say(`stop ${options.worker.generation}`)
              ),
              inner.start(options)
            )
        }))
      ).pipe(Layer.provide(fibers))
      const finalizer = (what: string) => Effect.addFinalizer(() => say(what))
      const init = portable(
        Effect.gen(function* () {
          yield* finalizer("first finalizer")
          yield* say(`init with ${(yield* Db).name}`)
          yield* finalizer("second finalizer")
        })
      )
      const exit = portable(Effect.flatMap(Db, ({ name }) => say(`exit with ${name}`)))
      const task = portable((n: number) => Effect.flatMap(Db, ({ name }) => say(`item ${n} with ${name}`)))
      const services = portable(dbLayer(log))
      const pool = yield* WorkerPool.make({ size: 1, lifespan: 2, services, init, exit }).pipe(Effect.provide(runtime))
      yield* pool.forEach([1, 2, 3], task)
      const life = (generation: number, ...items: ReadonlyArray<number>) => [
        `start ${generation}`,
        `build db ${generation}`,
        `init with db ${generation}`,
        ...items.map((n) => `item ${n} with db ${generation}`),
        `exit with db ${generation}`,
        "second finalizer",
        "first finalizer",
        `close db ${generation}`,
        `stop ${generation}`
      ]
      assert.deepStrictEqual(log, [...life(1, 1, 2), ...life(2, 3)])
    })
  )

  it.effect("L3 are built anew for each worker, and not taken from the caller's MemoMap", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const layer = dbLayer(log)
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* Db).name, "db 1")
        const pool = yield* WorkerPool.make({ size: 2, services: portable(layer) })
        const task = portable((_: number) => Effect.map(Effect.delay(Db, 10), ({ name }) => name))
        const names = yield* pool.map([1, 2], task)
        assert.deepStrictEqual(names.toSorted(), ["db 2", "db 3"])
      }).pipe(Effect.scoped, Effect.provide(layer), Effect.provide(fibers), driven)
      assert.strictEqual(log.filter((line) => line.startsWith("close")).length, 3)
    })
  )

  it.effect("L10 that fail or die fail the call with InitFailed, and those that fail to close with ExitFailed", () =>
    Effect.gen(function* () {
      let inits = 0
      const init = portable(() => Effect.sync(() => inits++))
      for (const layer of [Layer.effect(Db, Effect.fail("no db")), Layer.effect(Db, Effect.die("no db"))]) {
        const pool = yield* Effect.provide(WorkerPool.make({ size: 1, services: portable(layer), init }), fibers)
        const [reason] = reasons(yield* Effect.exit(pool.map([1], portable(id))))
        assert(reason?._tag === "InitFailed")
        assert.strictEqual(reason.cause, "no db")
      }
      assert.strictEqual(inits, 0)
      const log: Array<string> = []
      const services = portable(dbLayer(log, Effect.die("cannot close")))
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1, services, init }), fibers)
      const [reason] = reasons(yield* Effect.exit(pool.map([1], portable(id))))
      assert(reason?._tag === "ExitFailed")
      assert.strictEqual(reason.cause, "cannot close")
      assert.deepStrictEqual(log, ["build db 1", "close db 1"])
    })
  )

  it.effect("L3 C5 a worker that nobody needs any more once it has started runs no init", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const slow = Layer.effect(
        WorkerRuntime.WorkerRuntime,
        Effect.map(WorkerRuntime.WorkerRuntime, (inner) => ({
          name: "slow",
          start: (options: WorkerRuntime.StartOptions) =>
            Effect.acquireRelease(
              Effect.andThen(
                Effect.sleep(100),
                Effect.sync(() => log.push("start"))
              ),
              () => Effect.sync(() => log.push("stop"))
            ).pipe(Effect.andThen(inner.start(options)))
        }))
      ).pipe(Layer.provide(fibers))
      const init = portable(() => Effect.sync(() => log.push("init")))
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1, init }), slow)
      const fiber = yield* Effect.forkChild(pool.map([1], portable(id)))
      yield* settle
      fiber.interruptUnsafe()
      yield* settle
      // its start cannot be cut short
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(100)
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(log, ["start", "stop"])
      const start = yield* Effect.forkChild(pool.start)
      yield* settle
      yield* TestClock.adjust(100)
      yield* Fiber.join(start)
      assert.deepStrictEqual(log.slice(2), ["start", "init"])
    })
  )

  it.effect("L3 are closed when init fails, after its finalizers", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const init = portable(
        Effect.andThen(
          Effect.addFinalizer(() => Effect.sync(() => log.push("finalizer"))),
          Effect.fail("no")
        )
      )
      const exit = portable(() => Effect.sync(() => log.push("exit")))
      const options = { size: 1, services: portable(dbLayer(log)), init, exit }
      const pool = yield* Effect.provide(WorkerPool.make(options), fibers)
      assert.deepStrictEqual(failures(yield* Effect.exit(pool.run(portable(id), 1))), ["InitFailed"])
      assert.deepStrictEqual(log, ["build db 1", "finalizer", "close db 1"])
    })
  )

  it.effect("T1 initTimeout covers their building", () =>
    Effect.gen(function* () {
      const services = portable(Layer.effect(Db, Effect.delay(Effect.succeed({ name: "slow" }), 1000)))
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1, services, initTimeout: 999 }), fibers)
      const exits = yield* driven(
        Effect.all([
          Effect.exit(pool.run(portable(id), 1)),
          Effect.exit(pool.map([1], portable(id), { initTimeout: 1001 }))
        ])
      )
      assert.deepStrictEqual(exits.map(failures), [["InitTimedOut"], []])
    })
  )

  it.effect("L3 the ambient services are not visible to hooks, services and tasks; the References are", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const look = Effect.gen(function* () {
        const context = yield* Effect.context<never>()
        seen.push({
          ambient: Option.isSome(Context.getOption(context, Ambient)),
          level: yield* References.MinimumLogLevel,
          annotations: yield* References.CurrentLogAnnotations,
          clock: yield* Clock.currentTimeMillis
        })
      })
      yield* TestClock.adjust(1234)
      const services = portable(Layer.effect(Db, Effect.as(look, { name: "db" })))
      const pool = yield* WorkerPool.make({ size: 1, services, init: portable(look), exit: portable(look) })
      yield* pool.map(
        [1],
        portable((_: number) => look)
      )
      yield* Effect.scoped(
        pool.run(
          portable((_: number) => look),
          1
        )
      ).pipe(Effect.annotateLogs("caller", "run"), Effect.provideService(References.MinimumLogLevel, "Trace"))
      const expected = { ambient: false, level: "Warn", annotations: { worker: 0, made: "here" }, clock: 1234 }
      // services, init, item, exit; then services, init and the run's own
      assert.deepStrictEqual(seen, [
        ...Array.from({ length: 6 }, () => expected),
        { ...expected, level: "Trace", annotations: { worker: 0, made: "here", caller: "run" } }
      ])
    }).pipe(
      Effect.annotateLogs("made", "here"),
      Effect.provideService(References.MinimumLogLevel, "Warn"),
      Effect.provideService(Ambient, "ambient"),
      Effect.provide(fibers)
    )
  )

  it.effect("what hooks and tasks log arrives at the caller's loggers", () =>
    Effect.gen(function* () {
      const logs = recordLogs()
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({
          size: 1,
          init: portable(Effect.logInfo("init")),
          exit: portable(Effect.logInfo("exit"))
        })
        yield* pool.map(
          [1],
          portable((n: number) => Effect.logInfo(`item ${n}`))
        )
      }).pipe(Effect.scoped, Effect.provide(fibers), Effect.provide(logs.layer))
      assert.deepStrictEqual(logs.lines, ["INFO init", "INFO item 1", "INFO exit"])
    })
  )
})

describe("services of a FiberPool", () => {
  it.effect("L3 tasks take theirs from the caller, hooks from where the pool is made", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const see = (who: string) =>
        Effect.flatMap(Ambient, (ambient) => Effect.sync(() => seen.push(`${who} ${ambient}`)))
      const pool = yield* FiberPool.make({ size: 1, keepAlive: true, init: see("init"), exit: () => see("exit") }).pipe(
        Effect.provideService(Ambient, "maker")
      )
      const task = (_: number) => see("task")
      yield* pool.map([1], task).pipe(Effect.provideService(Ambient, "first"))
      yield* pool.run(task, 1).pipe(Effect.provideService(Ambient, "second"))
      yield* Stream.runDrain(pool.stream([1], task)).pipe(Effect.provideService(Ambient, "third"))
      yield* pool.stop
      assert.deepStrictEqual(seen, ["init maker", "task first", "task second", "task third", "exit maker"])
    })
  )

  it.effect("C1 overlapping callers each have their own", () =>
    Effect.gen(function* () {
      const pool = yield* FiberPool.make({ size: 2, tasksPerWorker: 2 })
      const task = (n: number) => Effect.map(Effect.delay(Ambient, n % 7), (ambient) => `${ambient} ${n}`)
      const results = yield* driven(
        Effect.forEach(
          ["a", "b", "c"],
          (name) => pool.map(source("array", 20), task).pipe(Effect.provideService(Ambient, name)),
          { concurrency: "unbounded" }
        )
      )
      assert.deepStrictEqual(
        results,
        ["a", "b", "c"].map((name) => Array.from({ length: 20 }, (_, n) => `${name} ${n}`))
      )
    })
  )

  it.effect("L6 a call's hooks have a Scope, the worker's", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const init = Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => log.push("acquire")),
          () => Effect.sync(() => log.push("release"))
        ),
        "state"
      )
      const pool = yield* FiberPool.make({ size: 1, keepAlive: true, init: Effect.succeed("none") })
      const state = (_: number, worker: WorkerContext<string>) => Effect.succeed(worker.state)
      assert.deepStrictEqual(yield* pool.map([1], state, { init }), ["state"])
      assert.deepStrictEqual(log, ["acquire"])
      yield* pool.stop
      assert.deepStrictEqual(log, ["acquire", "release"])
    })
  )
})

describe.each(kinds)("tasks, %s", (kind) => {
  it.effect("C2 each item has a Scope of its own, closed before its result counts", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const task = (n: number) =>
        Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => log.push(`open ${n}`)),
            () =>
              Effect.andThen(
                Effect.sleep(10),
                Effect.sync(() => log.push(`close ${n}`))
              )
          ),
          n
        )
      const pool = yield* makePool(kind, { size: 1 })
      yield* driven(
        Stream.runForEach(pool.stream([1, 2], task, { chunkSize: 1 }), (n) =>
          Effect.sync(() => log.push(`result ${n}`))
        )
      )
      for (const n of [1, 2]) {
        const places = [`open ${n}`, `close ${n}`, `result ${n}`].map((line) => log.indexOf(line))
        assert.deepStrictEqual(
          places,
          places.toSorted((left, right) => left - right)
        )
        assert.isAtLeast(places[0]!, 0)
      }
      assert.isBelow(log.indexOf("close 1"), log.indexOf("open 2"))
      // when it fails or is interrupted too
      log.length = 0
      const failing = (n: number) => Effect.andThen(task(n), n === 1 ? Effect.fail("one") : Effect.never)
      yield* driven(Effect.exit(pool.mapUnordered([0, 1], failing, { timeout: 50 })))
      const fiber = yield* Effect.forkChild(pool.run(failing, 7))
      yield* settle
      yield* driven(Fiber.interrupt(fiber))
      for (const line of log) if (line.startsWith("open")) assert.include(log, line.replace("open", "close"))
      assert.include(log, "close 7")
    })
  )

  it.effect("L3 see their worker's id, generation and state", () =>
    Effect.gen(function* () {
      const init = (worker: WorkerContext) => Effect.succeed([worker.id, worker.generation])
      const pool = yield* makePool<Array<number>, unknown>(kind, { size: 2, lifespan: 2, init, dispatch: "ordered" })
      const task = (n: number, { generation, id, state }: WorkerContext<Array<number>>) =>
        Effect.succeed({ n, id, generation, state })
      const seen = yield* pool.map(source("array", 6), task, { chunkSize: 1 })
      for (const { generation, id, state } of seen) assert.deepStrictEqual(state, [id, generation])
      assert.deepStrictEqual(
        seen.map(({ id }) => id),
        [0, 1, 0, 1, 0, 1]
      )
      assert.deepStrictEqual(
        seen.map(({ generation }) => generation),
        [1, 1, 1, 1, 2, 2]
      )
    })
  )
})

describe("plain and async tasks of a WorkerPool on fibers", () => {
  it.effect("C6 what they return, resolve to, throw and reject with", () =>
    Effect.gen(function* () {
      const pool = yield* Effect.provide(WorkerPool.make({ size: 2 }), fibers)
      const plain = Portable.make("test:services", "plain", (n: number) => n + 1)
      const promise = Portable.make("test:services", "promise", async (n: number) => n + 1)
      const throws = Portable.make("test:services", "throws", (n: number): number => {
        if (n === 2) throw new RangeError("two")
        return n
      })
      const rejects = Portable.make("test:services", "rejects", async (n: number): Promise<number> => {
        if (n === 2) throw new RangeError("two")
        return n
      })
      for (const task of [plain, promise]) {
        assert.deepStrictEqual(yield* pool.map([1, 2, 3], task as typeof plain), [2, 3, 4])
        assert.strictEqual(yield* pool.run(task as typeof plain, 1), 2)
      }
      for (const task of [throws, rejects]) {
        const exits = yield* pool.mapExit([1, 2, 3], task as typeof throws)
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
        const [defect] = failures(exits[1]!)
        assert(defect instanceof RangeError)
        assert.strictEqual(defect.message, "two")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(pool.map([1, 2, 3], task as typeof throws))))
      }
    })
  )

  it.effect("L3 hooks may be plain or async too, and their state stays in the worker", () =>
    Effect.gen(function* () {
      const open = Portable.make("test:services", "open", async () => ({ count: 0, close: () => "closed" }))
      const close = Portable.make(
        "test:services",
        "close",
        (worker: WorkerContext<{ count: number; close: () => string }>) =>
          `${worker.state.close()} after ${worker.state.count}`
      )
      const count = Portable.make(
        "test:services",
        "count",
        (_: number, worker: WorkerContext<{ count: number; close: () => string }>) => ++worker.state.count
      )
      const pool = yield* Effect.provide(WorkerPool.make({ size: 1, init: open, exit: close }), fibers)
      assert.deepStrictEqual(yield* pool.map([1, 2, 3], count), [1, 2, 3])
      assert.deepStrictEqual(yield* pool.exitResults, ["closed after 3"])
    })
  )
})
