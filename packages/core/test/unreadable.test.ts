/** What one end of a channel sent, and the other cannot read (F4); and what a worker should not have sent (F6). */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type { Channel, Closed, Connection } from "../src/Channel.ts"
import { numbers } from "../src/internal/wire/control.ts"
import * as realTime from "../src/internal/task/realTime.ts"
import * as Portable from "../src/Portable.ts"
import { serve } from "../src/WorkerEntry.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { sharedNumbers } from "./sharedNumbers.ts"
import { integer, runs } from "./support.ts"

/** Stands for what is nested too deeply. */
interface Deep {
  readonly deep: true
}

const deep: Deep = { deep: true }

const isDeep = (value: unknown): value is Deep => typeof value === "object" && value !== null && "deep" in value

/** Whether there is something in it that cannot be read. */
const hasDeep = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  return isDeep(value) || Object.values(value).some(hasDeep)
}

interface Options {
  /** Whether there are shared numbers. */
  readonly control?: boolean
  /** What the pool hears before the worker's results. */
  readonly forged?: unknown
}

/** A worker in this thread, behind a channel that fails to read what is deep. */
const open = (controls: number, { control = true, forged }: Options): Connection => {
  const shared = control ? sharedNumbers(controls) : undefined
  let isOpen = true
  let closed: (closed: Closed) => void = () => {}
  /** One direction. */
  const line = () => {
    let receive: ((message: unknown) => void) | undefined
    let fail: (cause: unknown) => void = () => {}
    const early: Array<unknown> = []
    const arrive = (message: unknown): void => {
      if (!isOpen) return
      if (receive === undefined) early.push(message)
      else if (hasDeep(message)) fail(new RangeError("too deep"))
      else receive(message)
    }
    return {
      send: (message: unknown) => {
        const copy = structuredClone(message)
        realTime.defer(() => arrive(copy))
      },
      arrive,
      receive: (handler: (message: unknown) => void, unreadable: (cause: unknown) => void) => {
        receive = handler
        fail = unreadable
        for (const message of early.splice(0)) arrive(message)
      }
    }
  }
  const toWorker = line()
  const toPool = line()
  const channel: Channel = {
    send: (message) => {
      if (forged !== undefined && (message as { readonly _tag?: unknown })._tag === "Results") toPool.send(forged)
      toPool.send(message)
    },
    receive: toWorker.receive,
    close: () => end({ exitCode: 0 }),
    control: shared
  }
  const end = (why: Closed) => {
    if (!isOpen) return
    isOpen = false
    closed(why)
  }
  serve(channel)
  return {
    send: toWorker.send,
    receive: toPool.receive,
    closed: (handler) => {
      closed = handler
    },
    kill: Effect.sync(() => end({})),
    setBusy: () => {},
    control: shared
  }
}

const runtime = (options: Options = {}): Layer.Layer<WorkerRuntime.WorkerRuntime> =>
  WorkerRuntime.layerChannel({ name: "fake", open: (_, controls) => Effect.sync(() => open(controls, options)) })

/** How often each number was given. */
const given = new Map<number, number>()

const make = (name: string, value: unknown): any => Portable.make<any>("test:unreadable", name, value as any)

/** Gives back numbers, and what cannot be read for those that a multiple of it divides. */
const give = make("give", (every: number, n: number): unknown => {
  given.set(n, (given.get(n) ?? 0) + 1)
  if (n % every === 0) return { nested: [deep] }
  return n % 2 === 0 ? n : { n }
})

const throws = make("throws", (n: number) => {
  if (n % 2 === 0) return n
  throw Object.assign(new TypeError(`wrong ${n}`), { data: n % 3 === 0 ? deep : n })
})

const look = make("look", (value: unknown) => JSON.stringify(value))

const lookAtBound = make("lookAtBound", (value: unknown, _: unknown) => JSON.stringify(value))

const openDeep = make("openDeep", () => ({ deep: true, n: 1 }))

const stateOf = make("stateOf", (_: unknown, worker: WorkerContext<{ readonly n: number }>) => worker.state.n)

const closeDeep = make("closeDeep", () => deep)

const told = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return exit.value
  const error = Cause.squash(exit.cause)
  if (!WorkerPoolError.isWorkerPoolError(error)) return (error as Error).message
  const { reason } = error
  return reason._tag === "NotSerializable" ? `${reason.direction} ${reason.index}` : reason._tag
}

const pool = (options: WorkerPool.PoolOptions = {}) => WorkerPool.make({ size: 2, keepAlive: true, ...options })

const countTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

describe("what the other end cannot read", () => {
  it.live.prop(
    "F4 results fail their items alone, and no item runs twice",
    [
      Arbitrary.all({
        count: integer(1, 60),
        every: integer(1, 12),
        chunkSize: integer(1, 20),
        size: integer(1, 3)
      })
    ],
    ([{ chunkSize, count, every, size }]) =>
      Effect.gen(function* () {
        given.clear()
        const one = yield* pool({ size })
        const exits = yield* one.mapExit(countTo(count), Portable.bind(give, every) as any, { chunkSize })
        assert.deepStrictEqual(
          exits.map(told),
          countTo(count).map((n) => (n % every === 0 ? `output ${n - 1}` : n % 2 === 0 ? n : { n }))
        )
        assert.deepStrictEqual(
          [...given.values()],
          countTo(count).map(() => 1)
        )
        assert.deepInclude(yield* one.stats, { lost: 0, calls: 0 })
      }).pipe(Effect.scoped, Effect.provide(runtime())),
    runs(40)
  )

  it.live.prop(
    "F4 inputs fail their items alone",
    [Arbitrary.all({ count: integer(1, 60), every: integer(1, 12), chunkSize: integer(1, 20) })],
    ([{ chunkSize, count, every }]) =>
      Effect.gen(function* () {
        const one = yield* pool()
        const items = countTo(count).map((n) => (n % every === 0 ? { deep: true } : { n }))
        const exits = yield* one.mapExit(items, look, { chunkSize })
        assert.deepStrictEqual(
          exits.map(told),
          countTo(count).map((n) => (n % every === 0 ? `input ${n - 1}` : JSON.stringify({ n })))
        )
        assert.deepInclude(yield* one.stats, { lost: 0, calls: 0 })
      }).pipe(Effect.scoped, Effect.provide(runtime())),
    runs(40)
  )

  it.live("F4 failures fail their items with what can be told of them", () =>
    Effect.gen(function* () {
      const one = yield* pool()
      const exits = yield* one.mapExit([1, 2, 3, 4], throws, { chunkSize: 4 })
      assert.deepStrictEqual(exits.map(told), ["wrong 1", 2, "error 2", 4])
      const error = Cause.squash((exits[2] as Exit.Failure<unknown, unknown>).cause)
      assert.include((error as Error).message, "The error was TypeError: wrong 3")
    }).pipe(Effect.scoped, Effect.provide(runtime()))
  )

  it.live("F4 a bound value fails the calls that use it, and no other", () =>
    Effect.gen(function* () {
      const one = yield* pool({ size: 1 })
      const bad = Portable.bind(lookAtBound, deep) as any
      const [first, beside, again] = yield* Effect.all(
        [Effect.exit(one.run(bad, 1)), one.run(look, 2), Effect.exit(one.map([1, 2], bad))],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([told(first), beside, told(again)], ["input undefined", "2", "input undefined"])
      const good = Portable.bind(lookAtBound, { n: 1 }) as any
      assert.strictEqual(yield* one.run(good, 1), '{"n":1}')
      assert.deepInclude(yield* one.stats, { lost: 0, calls: 0 })
    }).pipe(Effect.scoped, Effect.provide(runtime()))
  )

  it.live("F4 a state never crosses, and an exit result fails what asked for it", () =>
    Effect.gen(function* () {
      const one = yield* pool({ size: 1 })
      const hooks = { init: openDeep, exit: closeDeep }
      assert.deepStrictEqual(yield* one.map([1, 2], stateOf, hooks), [1, 1])
      assert.strictEqual(told(yield* Effect.exit(one.stop)), "output undefined")
      const boundInit = {
        init: Portable.bind(
          make("openBound", (value: unknown) => value),
          deep
        ) as any
      }
      assert.strictEqual(told(yield* Effect.exit(one.map([1], stateOf, boundInit))), "input undefined")
      assert.strictEqual(yield* one.run(look, 2), "2")
    }).pipe(Effect.scoped, Effect.provide(runtime()))
  )

  it.live("F4 fails the item alone where no numbers are shared, too", () =>
    Effect.gen(function* () {
      const one = yield* pool({ size: 1 })
      const exit = yield* Effect.exit(one.map([2, 3, 4], Portable.bind(give, 3) as any, { chunkSize: 3 }))
      assert.strictEqual(told(exit), "output 1")
      assert.strictEqual(yield* one.run(look, 2), "2")
      assert.deepInclude(yield* one.stats, { lost: 0, calls: 0 })
    }).pipe(Effect.scoped, Effect.provide(runtime({ control: false })))
  )
})

describe("what a worker should not send", () => {
  const results = { _tag: "Results", chunk: 1, from: 0, count: 1, millis: 0, values: [1], others: [], ended: true }

  for (const [what, forged] of Object.entries({
    "no object": 1,
    null: null,
    "an empty object": {},
    "an unknown message": { _tag: "Unknown" },
    "results without values": { ...results, values: undefined },
    "results of no item": { ...results, from: -1 },
    "results of half an item": { ...results, count: 0.5 },
    "results of more items than there are": { ...results, count: 100, values: [] },
    "more values than results": { ...results, values: [1, 2] },
    "an outcome that is none": { ...results, others: [[0, 1]] },
    "an outcome of another item": { ...results, others: [[7, { _tag: "TimedOut" }]] },
    "what a hook returned, without a hook's result": { _tag: "Exited" },
    "a task that was not loaded, of no chunk": { _tag: "NotLoaded", cause: { _tag: "Value", value: 1 } },
    "a chunk that cannot run, and no reason": { _tag: "NotLoaded", chunk: 0 },
    "results of a chunk that it was not sent": { ...results, chunk: 1_000_000 },
    "a repetition of what was read": { _tag: "Repeated" },
    "numbers that are shared": { _tag: "Numbers", from: 0, values: [1] },
    "no number": { _tag: "Unreadable", cause: { _tag: "Value", value: 1 } }
  })) {
    it.live(`F6 ends it, and says why: ${what}`, () =>
      Effect.gen(function* () {
        const one = yield* pool({ size: 1 })
        const exit = yield* Effect.exit(one.map(countTo(6), look, { chunkSize: 1 }))
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert(WorkerPoolError.isWorkerPoolError(error) && error.reason._tag === "WorkerLost", what)
        assert.match((error.reason.cause as Error).message, /protocol|reported|repeated/)
        assert.isAtLeast((yield* one.stats).lost, 1)
        assert.strictEqual((yield* one.stats).calls, 0)
      }).pipe(Effect.scoped, Effect.provide(runtime({ forged })))
    )
  }
})

it("the control block has room for the cells and the numbers of the hooks", () => {
  assert.strictEqual(numbers(0), 5)
})
