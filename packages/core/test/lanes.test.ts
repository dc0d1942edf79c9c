import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { FiberItems } from "../src/internal/fibers/fiberItems.ts"
import { LocalCode } from "../src/internal/fibers/localCode.ts"
import { LocalModules } from "../src/internal/fibers/localModules.ts"
import * as portable from "../src/internal/task/portable.ts"
import type { WorkerContextImpl } from "../src/internal/task/workerContext.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import type { Chunk } from "../src/WorkerRuntime.ts"
import { endless, throwing, unreadable, unreadableError } from "./hostile.ts"
import { driven, failures, kinds, makePool, recordLogs, settle } from "./support.ts"

type Task = (item: number, worker: WorkerContextImpl) => unknown

interface Options {
  readonly tasksPerWorker?: number
  readonly killAfter?: number | undefined
  readonly clone?: boolean
}

/** A worker's items, and in order what is heard of its chunks, each by its name. */
class Bench {
  readonly log: Array<string> = []
  readonly causes = new Map<string, Cause.Cause<unknown>>()
  readonly items: FiberItems
  private readonly context: Context.Context<never>

  constructor(context: Context.Context<never>, { clone = false, killAfter, tasksPerWorker = 1 }: Options) {
    this.context = context
    const options = {
      worker: { id: 0, generation: 1 },
      tasksPerWorker,
      startTimeout: undefined,
      killAfter,
      onCondemned: () => void this.log.push("condemned"),
      onUnwanted: () => {}
    }
    this.items = new FiberItems(options, new LocalCode(options, clone, new LocalModules()), clone, context)
  }

  run(name: string, inputs: ReadonlyArray<number>, task: Task, options: Partial<Chunk> = {}): Chunk {
    const tell = (what: string) => void this.log.push(`${name} ${what}`)
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
      onSuccess: (position) => tell(`${position} succeeded`),
      onSuccesses: () => {},
      onFailure: (position, cause) => {
        this.causes.set(`${name} ${position}`, cause)
        tell(
          `${position} ${failures(Exit.failCause(cause)).map((failure) => (failure instanceof Error ? failure.name : failure))}`
        )
      },
      onTime: () => {},
      onEnd: () => tell("ended"),
      ...options
    }
    this.items.run(chunk, chunk.context, undefined)
    return chunk
  }
}

const bench = (options: Options = {}) => Effect.map(Effect.context<never>(), (context) => new Bench(context, options))

/** An Effect that kills the fiber that runs it, in spite of all. */
const deadly = Effect.withFiber((fiber) => {
  const { _stack } = fiber as unknown as { readonly _stack: Array<unknown> }
  _stack.length = 0
  return Effect.die("killed")
})

const isDefect = (cause: Cause.Cause<unknown> | undefined): boolean =>
  cause !== undefined && cause.reasons.length > 0 && cause.reasons.every(Cause.isDieReason)

for (const kind of kinds) {
  describe(`users' code in a lane of a ${kind}`, () => {
    for (const [what, body] of Object.entries(throwing)) {
      for (const timeout of [undefined, 1000]) {
        it.effect(`F8 ${what}: its item fails alone${timeout === undefined ? "" : ", with a timeout too"}`, () =>
          Effect.gen(function* () {
            const settled = Effect.gen(function* () {
              const pool = yield* makePool(kind, { size: 1, tasksPerWorker: 2 })
              const task = (n: number) => (n === 2 ? body() : n % 2 === 0 ? n : Effect.as(Effect.yieldNow, n))
              const exits = yield* pool.mapExit([0, 1, 2, 3, 4, 5], task as never, { timeout })
              return { exits, after: yield* pool.run(task as never, 7), stats: yield* pool.stats }
            })
            const { after, exits, stats } = yield* driven(Effect.scoped(settled))
            assert.deepStrictEqual(
              exits.map((exit: Exit.Exit<unknown, unknown>) => (Exit.isSuccess(exit) ? exit.value : "failed")),
              [0, 1, "failed", 3, 4, 5]
            )
            const [failure] = failures(exits[2]!)
            assert.isFalse(Exit.hasInterrupts(exits[2]!))
            if (what.includes("cannot be read") && kind === "WorkerPool") assert.strictEqual(failure, "NotSerializable")
            else if (!what.startsWith("its Effect fails with an error")) assert.isTrue(Exit.hasDies(exits[2]!))
            assert.strictEqual(after, 7)
            assert.strictEqual(stats.calls, 0)
            assert.strictEqual(stats.killed + stats.lost, 0)
          })
        )
      }
    }

    for (const [what, make] of Object.entries(unreadable).filter(([name]) => !name.includes("then"))) {
      it.effect(`F8 hands on, or refuses to clone, ${what} that an Effect succeeds with`, () =>
        Effect.gen(function* () {
          const value = make()
          const settled = Effect.gen(function* () {
            const pool = yield* makePool(kind, { size: 1 })
            return yield* pool.mapExit([0, 1], ((n: number) => (n === 0 ? Effect.succeed(value) : n)) as never)
          })
          const [first, second] = yield* driven(Effect.scoped(settled))
          assert.deepStrictEqual(second, Exit.succeed(1))
          if (kind === "FiberPool") assert.isTrue(Exit.isSuccess(first!) && (first.value as unknown) === value)
          else if (what.includes("Proxy")) assert.deepStrictEqual(failures(first!), ["NotSerializable"])
          else assert.isTrue(Exit.isSuccess(first!))
        })
      )
    }

    it.effect("F8 runs a task that is a Proxy which cannot be looked at", () =>
      Effect.gen(function* () {
        const task = new Proxy((n: number) => n + 1, {
          getPrototypeOf: () => {
            throw new Error("looked at")
          }
        })
        const pool = yield* makePool("FiberPool", { size: 1 })
        assert.deepStrictEqual(yield* driven(pool.map([1, 2], task as never)), [2, 3])
      })
    )

    it.effect("C6 a task's own WorkerPoolError is its failure, as any other", () =>
      Effect.gen(function* () {
        const error = WorkerPoolError.make(new WorkerPoolError.PoolClosed({}))
        const pool = yield* makePool(kind, { size: 1 })
        const [exit] = yield* driven(pool.mapExit([0], () => Effect.fail(error)))
        const [reason] = Exit.isFailure(exit!) ? exit.cause.reasons : []
        assert(reason?._tag === "Fail")
        assert.strictEqual(reason.error === error, kind === "FiberPool")
        assert.strictEqual((reason.error as Error).message, error.message)
      })
    )
  })
}

describe("FiberItems", () => {
  it.effect("F4 says so when what could not be cloned cannot be read either", () =>
    Effect.gen(function* () {
      const { causes, items, log, ...rest } = methods(yield* bench({ clone: true }))
      const cruel = (): never => {
        throw unreadableError("message")
      }
      const value = Object.defineProperty({}, "property", { get: cruel, enumerable: true })
      const error = Object.defineProperty(new Error("cruel"), "message", { get: cruel })
      rest.run("chunk", [0, 1, 2], (n) => (n === 0 ? value : n === 1 ? Effect.fail(error) : n))
      yield* settle
      assert.deepStrictEqual(log, [
        "chunk 0 NotSerializable",
        "chunk 1 NotSerializable",
        "chunk 2 succeeded",
        "chunk ended"
      ])
      for (const cause of causes.values()) assert.isString((Cause.squash(cause) as Error).message)
      assert.strictEqual(items.started({} as Chunk), undefined)
    })
  )

  it.effect("F4 a codec that throws fails its item alone", () =>
    Effect.gen(function* () {
      const { log, items } = methods(yield* bench({ clone: true }))
      const picky = Schema.Number.check(
        Schema.makeFilter((n: number) => {
          if (n === 1) throw new Error("codec")
          return true
        })
      )
      const task = portable.make("test:lanes", "picky", (n: number) => n, { input: picky })
      const chunk = methods(yield* bench()).run("other", [], () => 0)
      items.run(
        {
          ...chunk,
          task,
          items: [0, 1, 2],
          onSuccess: (position) => void log.push(`${position} succeeded`),
          onFailure: (position, cause) => void log.push(`${position} ${failures(Exit.failCause(cause))}`),
          onEnd: () => void log.push("ended")
        },
        chunk.context,
        undefined
      )
      yield* settle
      assert.deepStrictEqual(log, ["0 succeeded", "1 NotSerializable", "2 succeeded", "ended"])
    })
  )

  it.effect("F8 a lane that dies fails the item in hand, and a new one goes on with the others", () =>
    Effect.gen(function* () {
      const { causes, log, run } = methods(yield* bench({ tasksPerWorker: 2 }))
      const closed: Array<number> = []
      run("chunk", [0, 1, 2, 3], (n) =>
        Effect.andThen(
          Effect.addFinalizer(() =>
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => closed.push(n))
            )
          ),
          n === 1 ? deadly : Effect.succeed(n)
        )
      )
      yield* settle
      assert.deepStrictEqual(
        log.toSorted(),
        ["chunk 0 succeeded", "chunk 1 killed", "chunk 2 succeeded", "chunk 3 succeeded", "chunk ended"].toSorted()
      )
      assert.isTrue(isDefect(causes.get("chunk 1")))
      assert.deepStrictEqual(closed.toSorted(), [0, 1, 2, 3])
    })
  )

  it.effect("F8 a lane that a callback kills is followed by a new one", () =>
    Effect.gen(function* () {
      const { log, run } = methods(yield* bench())
      run("chunk", [0, 1, 2], (n) => n, {
        onSuccess: (position) => {
          log.push(`${position}`)
          throw new Error("callback")
        }
      })
      yield* settle
      assert.deepStrictEqual(log, ["0", "1", "2", "chunk ended"])
    }).pipe(Effect.provide(recordLogs().layer))
  )

  for (const [what, body] of Object.entries(endless)) {
    it.effect(`T2 ${what}: the lane is given up killAfter after the timeout, and the worker condemned`, () =>
      Effect.gen(function* () {
        const { causes, items, log, run } = methods(yield* bench({ killAfter: 50, tasksPerWorker: 2 }))
        const first = run("first", [0, 1, 2, 3], (n) => (n === 0 ? body() : Effect.as(Effect.sleep(140), n)), {
          timeout: 100 + 50
        })
        const second = run("second", [0, 1], (n) => n)
        yield* settle
        // the other lane goes on with the first chunk until the worker is condemned
        yield* TestClock.adjust(199)
        assert.deepStrictEqual(log, ["first 1 succeeded"])
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(log, ["first 1 succeeded", "condemned", "first 0 TaskTimedOut", "second ended"])
        assert.strictEqual(items.started(first), 3)
        assert.strictEqual(items.started(second), undefined)
        assert.isTrue(causes.get("first 0")?.reasons.every(Cause.isFailReason))
        // its neighbour ends in peace, and nothing else starts
        yield* TestClock.adjust(80)
        yield* settle
        assert.deepStrictEqual(log.slice(4), ["first 2 succeeded", "first ended"])
        run("third", [0], (n) => n)
        yield* settle
        assert.deepStrictEqual(log.slice(6), ["third ended"])
      })
    )

    it.effect(`C4 ${what}: the lane is given up killAfter after the interruption`, () =>
      Effect.gen(function* () {
        const { items, log, run } = methods(yield* bench({ killAfter: 50, tasksPerWorker: 3 }))
        const first = run("first", [0, 1, 2], (n) => (n === 0 ? body() : n === 1 ? Effect.never : Effect.sleep(60)))
        run("second", [0, 1], (n) => Effect.as(Effect.sleep(70), n))
        yield* settle
        items.interrupt(first)
        yield* TestClock.adjust(49)
        yield* settle
        assert.isFalse(log.includes("first ended"))
        yield* TestClock.adjust(1)
        yield* settle
        assert.deepStrictEqual(
          log.filter((entry) => !entry.includes("Interrupt")),
          ["condemned", "first ended"]
        )
        yield* TestClock.adjust(70)
        yield* settle
        assert.deepStrictEqual(log.slice(-3), ["second 0 succeeded", "second 1 succeeded", "second ended"])
      })
    )

    it.effect(`C4 ${what}: without killAfter it is waited for`, () =>
      Effect.gen(function* () {
        const { items, log, run } = methods(yield* bench())
        const chunk = run("chunk", [0, 1], () => body(), { timeout: 10 })
        yield* settle
        yield* TestClock.adjust("1 day")
        items.interrupt(chunk)
        yield* TestClock.adjust("1 day")
        yield* settle
        assert.deepStrictEqual(log, [])
      })
    )

    it.effect(`F5 ${what}: interruptAll ends killAfter later, without condemning the worker`, () =>
      Effect.gen(function* () {
        const { items, log, run } = methods(yield* bench({ killAfter: 50, tasksPerWorker: 2 }))
        run("first", [0], () => body())
        run("second", [0], () => body())
        yield* settle
        const all = yield* Effect.forkChild(items.interruptAll())
        yield* TestClock.adjust(49)
        assert.isUndefined(all.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* settle
        assert.isDefined(all.pollUnsafe())
        assert.deepStrictEqual(log, ["first ended", "second ended"])
      })
    )
  }

  it.effect("C4 a Promise whose task had its own chunk interrupted is given up as well", () =>
    Effect.gen(function* () {
      const { items, log, run } = methods(yield* bench({ killAfter: 0 }))
      const chunk: Chunk = run("chunk", [0, 1], (n) => {
        if (n === 0) queueMicrotask(() => {})
        items.interrupt(chunk)
        return new Promise(() => {})
      })
      yield* settle
      assert.deepStrictEqual(log, ["condemned", "chunk ended"])
    })
  )

  it.effect("C4 with a killAfter of 0 what ends when it is interrupted is not given up", () =>
    Effect.gen(function* () {
      const { items, log, run } = methods(yield* bench({ killAfter: 0 }))
      const chunk = run("chunk", [0, 1], () => Effect.never)
      yield* settle
      items.interrupt(chunk)
      yield* settle
      assert.deepStrictEqual(log, ["chunk 0 Interrupt", "chunk ended"])
    })
  )

  it.effect("C4 what yields in time is not given up, nor the items after it", () =>
    Effect.gen(function* () {
      const { log, run } = methods(yield* bench({ killAfter: 50 }))
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(40))
      run("chunk", [0, 1, 2], (n) => (n === 2 ? n : slow), { timeout: 10 })
      yield* settle
      for (let n = 0; n < 10; n++) {
        yield* TestClock.adjust(50)
        yield* settle
      }
      assert.deepStrictEqual(log, ["chunk 0 TaskTimedOut", "chunk 1 TaskTimedOut", "chunk 2 succeeded", "chunk ended"])
    })
  )

  it.effect("C4 nothing is heard of what a lane does that was given up", () =>
    Effect.gen(function* () {
      const { log, run } = methods(yield* bench({ killAfter: 50 }))
      let closed = 0
      run(
        "chunk",
        [0, 1],
        () =>
          Effect.andThen(
            Effect.addFinalizer(() => Effect.sync(() => closed++)),
            Effect.uninterruptible(Effect.sleep(1000))
          ),
        { timeout: 10 }
      )
      yield* settle
      yield* TestClock.adjust(60)
      yield* settle
      const before = [...log]
      assert.deepStrictEqual(before, ["condemned", "chunk 0 TaskTimedOut", "chunk ended"])
      assert.strictEqual(closed, 0)
      yield* TestClock.adjust(2000)
      yield* settle
      assert.deepStrictEqual(log, before)
      assert.strictEqual(closed, 1)
    })
  )

  it.effect("C4 a worker is condemned once", () =>
    Effect.gen(function* () {
      const { items, log, run } = methods(yield* bench({ killAfter: 50, tasksPerWorker: 2 }))
      const [first, second] = [
        run("first", [0], () => new Promise(() => {})),
        run("second", [0], () => new Promise(() => {}))
      ]
      yield* settle
      items.interrupt(first)
      yield* TestClock.adjust(10)
      items.interrupt(second)
      yield* TestClock.adjust(50)
      yield* settle
      assert.deepStrictEqual(log, ["condemned", "first ended", "second ended"])
    })
  )
})

const methods = (bench: Bench) => ({
  items: bench.items,
  log: bench.log,
  causes: bench.causes,
  run: (...args: Parameters<Bench["run"]>) => bench.run(...args)
})
