/** F8: users' code that throws, calls its pool or ends its own call, wherever the engine runs it. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import { hostileErrors, hostileValues, makeValue } from "../suite.hostile.tasks.ts"
import { promptly, settled, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, type LaxPool, makeLax, hostile, hostileEffects, plain } from "./case.ts"

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

const squares = (length: number): ReadonlyArray<number> => numbers(length).map((n) => n * n)

const ascending = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  [...values].sort((left, right) => left - right)

/** Ways to have the squares of numbers, in order. */
const methods = {
  map: (pool: LaxPool, items: Iterable<number>) => pool.map(items, plain.square),
  mapUnordered: (pool: LaxPool, items: Iterable<number>) =>
    Effect.map(pool.mapUnordered(items, plain.square), ascending),
  mapExit: (pool: LaxPool, items: Iterable<number>) =>
    Effect.map(pool.mapExit(items, plain.square), (exits) => exits.filter(Exit.isSuccess).map(({ value }) => value)),
  forEach: (pool: LaxPool, items: Iterable<number>, length: number) =>
    Effect.as(pool.forEach(items, plain.square), squares(length)),
  stream: (pool: LaxPool, items: Iterable<number>) => Stream.runCollect(pool.stream(items, plain.square))
} satisfies Record<string, (pool: LaxPool, items: Iterable<number>, length: number) => Effect.Effect<unknown, unknown>>

// -----------------------------------------------------------------------------
// Sources
// -----------------------------------------------------------------------------

/** Calls that a source makes while it is pulled, and at how many of its items. */
const inner: Record<
  string,
  { readonly every: number; readonly call: (pool: LaxPool) => Effect.Effect<unknown, unknown> }
> = {
  run: { every: 1, call: (pool) => pool.run(plain.square, 5) },
  map: { every: 4, call: (pool) => pool.map([1, 2, 3], plain.square) },
  stream: { every: 8, call: (pool) => Stream.runDrain(Stream.take(pool.stream([1, 2, 3], plain.square), 2)) },
  setSize: { every: 8, call: (pool) => Effect.andThen(pool.setSize(1), pool.setSize(2)) },
  restart: { every: 10, call: (pool) => pool.restart },
  start: { every: 4, call: (pool) => pool.start },
  stop: { every: 20, call: (pool) => pool.stop },
  terminate: { every: 20, call: (pool) => pool.terminate }
}

const length = 40

const callingSources: ReadonlyArray<Case> = Object.entries(inner).map(([name, { call, every }]) => ({
  rule: "F8",
  name:
    name === "terminate"
      ? "settles a call whose source terminates the pool while it is pulled; the pool goes on"
      : `gives every result when the source calls \`${name}\` while it is pulled, and settles the calls inside`,
  effect: Effect.gen(function* () {
    const pool = yield* makeLax({ size: 2, keepAlive: true })
    for (const [method, outer] of Object.entries(methods)) {
      const inside: Array<Fiber.Fiber<unknown, unknown>> = []
      const items = function* () {
        for (const n of numbers(length)) {
          // forked at each item that it is about, the first one included: then the call has only begun
          if (n % every === 0) inside.push(Effect.runFork(call(pool)))
          yield n
        }
      }
      const exit = yield* promptly(Effect.exit(outer(pool, items(), length)))
      if (Exit.isSuccess(exit)) yield* assert.equal<unknown>(exit.value, squares(length), `${method}'s result`)
      else if (name === "terminate") yield* assert.exitFailsWith(exit, "Terminated")
      else return yield* Effect.failCause(exit.cause)
      yield* assert.isTrue(inside.length > 0, "calls inside were made", inside.length)
      const ends = yield* promptly(Effect.forEach(inside, (fiber) => Fiber.await(fiber)))
      yield* assert.isTrue(ends.every(Exit.isSuccess), `calls inside ${method} succeed`, ends.find(Exit.isFailure))
    }
    yield* usable(pool)
  })
}))

/** An endless iterable whose `return` does something. */
const endless = (onReturn: () => void): Iterable<number> => ({
  [Symbol.iterator]: () => {
    let next = 0
    return {
      next: () => ({ done: false, value: next++ }),
      return: () => {
        onReturn()
        return { done: true, value: undefined }
      }
    }
  }
})

/** Ends a call over an endless source early, in each way. */
const endings: Record<string, (pool: LaxPool, items: Iterable<number>) => Effect.Effect<unknown, unknown>> = {
  "a stream": (pool, items) => Stream.runDrain(Stream.take(pool.stream(items, plain.square), 3)),
  "a failing map": (pool, items) => Effect.exit(pool.forEach(items, Portable.bind(hostile.failIn, 0))),
  "an interrupted call": (pool, items) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(pool.forEach(items, plain.square), { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy > 0))
      yield* Fiber.interrupt(fiber)
    })
}

const sources: ReadonlyArray<Case> = [
  ...callingSources,
  {
    rule: "F8",
    name: "ends a call early whose iterator calls the pool in `return`",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const [name, end] of Object.entries(endings)) {
        const inside: Array<Fiber.Fiber<number, unknown>> = []
        const items = endless(() => inside.push(Effect.runFork(pool.run(plain.square, 4))))
        yield* promptly(end(pool, items))
        yield* assert.equal(inside.length, 1, `calls inside ${name}`)
        for (const fiber of inside) yield* assert.equal(yield* promptly(Fiber.join(fiber)), 16)
        yield* settled(pool)
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "ends a call early whose iterator throws in `return`; others go on",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      const onReturn = (): never => {
        throw new RangeError("no return")
      }
      for (const end of Object.values(endings)) {
        const neighbour = yield* Effect.forkChild(pool.run(plain.square, 4), { startImmediately: true })
        yield* promptly(Effect.exit(end(pool, endless(onReturn))))
        yield* assert.equal(yield* promptly(Fiber.join(neighbour)), 16)
        yield* settled(pool)
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "settles a call whose source interrupts its caller while it is pulled",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 2, keepAlive: true })
      for (const [method, outer] of Object.entries(methods)) {
        const callers: Array<Fiber.Fiber<unknown, unknown>> = []
        const items = function* () {
          for (const n of numbers(length)) {
            if (n === 20) callers[0]?.interruptUnsafe()
            yield n
          }
        }
        const caller = yield* Effect.forkChild(outer(pool, items(), length))
        callers.push(caller)
        const neighbour = yield* Effect.forkChild(pool.run(plain.square, 4), { startImmediately: true })
        yield* assert.isTrue(Exit.isFailure(yield* promptly(Fiber.await(caller))), `${method} is interrupted`)
        yield* assert.equal(yield* promptly(Fiber.join(neighbour)), 16)
        yield* settled(pool)
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "fails with InputFailed when the source throws after it has called the pool, and settles the call inside",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 2, keepAlive: true })
      for (const outer of Object.values(methods)) {
        const inside: Array<Fiber.Fiber<number, unknown>> = []
        const items = function* () {
          for (const n of numbers(length)) {
            if (n === 20) inside.push(Effect.runFork(pool.run(plain.square, 4)))
            if (n === 20) throw new RangeError("no more items")
            yield n
          }
        }
        yield* assert.failsWith(promptly(outer(pool, items(), length)), "InputFailed")
        for (const fiber of inside) yield* assert.equal(yield* promptly(Fiber.join(fiber)), 16)
        yield* settled(pool)
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "fails the call alone whose iterable throws wherever it is looked at",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      const thrower = (): never => {
        throw new RangeError("hostile")
      }
      const iterating = (next: () => IteratorResult<number>): Iterable<number> => ({
        [Symbol.iterator]: () => ({ next })
      })
      const iterables: Record<string, Iterable<number>> = {
        "Symbol.iterator": { [Symbol.iterator]: thrower },
        next: iterating(thrower),
        "done getter": iterating(() => Object.defineProperty({ value: 1 }, "done", { get: thrower }) as never),
        "value getter": iterating(() => Object.defineProperty({ done: false }, "value", { get: thrower }) as never),
        "no object": iterating(() => undefined as never),
        "length getter": Object.defineProperty(
          endless(() => {}),
          "length",
          { get: thrower }
        ),
        "revoked Proxy": makeValue("revoked Proxy") as never
      }
      for (const [name, items] of Object.entries(iterables)) {
        for (const outer of Object.values(methods)) {
          const neighbour = yield* Effect.forkChild(pool.run(plain.square, 4), { startImmediately: true })
          const exit = yield* promptly(Effect.exit(Effect.suspend(() => outer(pool, items, length))))
          yield* assert.isTrue(Exit.isFailure(exit), `a call with a hostile ${name} fails`)
          yield* assert.equal(yield* promptly(Fiber.join(neighbour)), 16)
          yield* settled(pool)
        }
      }
      yield* usable(pool)
    })
  }
]

// -----------------------------------------------------------------------------
// Items, results and failures
// -----------------------------------------------------------------------------

/** Checks that the worker is still the first one of its slot. */
const survived = (pool: LaxPool) =>
  Effect.flatMap(promptly(pool.run(plain.where, undefined)), (where) =>
    assert.equal(where, { id: 0, generation: 1 }, "worker")
  )

/** Checks that of three items the second fails, or not if `mayPass`, and that the others are "fine". */
const secondAlone = Effect.fnUntraced(function* (
  what: string,
  exits: ReadonlyArray<Exit.Exit<unknown, unknown>>,
  options: { readonly mayPass: boolean }
) {
  yield* assert.equal(exits.length, 3, `${what}: outcomes`)
  for (const index of [0, 2]) {
    const exit = exits[index]!
    yield* assert.isTrue(Exit.isSuccess(exit) && exit.value === "fine", `${what}: item ${index} is fine`, exit)
  }
  yield* assert.isTrue(options.mayPass || Exit.isFailure(exits[1]!), `${what}: item 1 fails`)
})

/** Calls a task with three items of which the second does harm, in each way; and with it alone. */
const harmless = Effect.fnUntraced(function* <A>(
  pool: LaxPool,
  task: Portable.Portable<(item: A) => unknown>,
  items: readonly [A, A, A],
  what: string,
  options: { readonly mayPass: boolean }
) {
  const call = task as typeof plain.echo
  for (const chunkSize of [1, 3]) {
    const label = `${what}, chunks of ${chunkSize}`
    const exits = yield* promptly(pool.mapExit(items, call, { chunkSize }))
    yield* secondAlone(label, exits, options)
    const mapped = yield* promptly(Effect.exit(pool.map(items, call, { chunkSize })))
    yield* assert.isTrue(options.mayPass || Exit.isFailure(mapped), `${label}: map fails`)
  }
  // runs that wait share a chunk
  const runs = Effect.forEach(items, (item) => Effect.exit(pool.run(call, item)), { concurrency: "unbounded" })
  yield* secondAlone(`${what}, runs`, yield* promptly(runs), options)
  yield* settled(pool)
})

const values: ReadonlyArray<Case> = [
  {
    rule: "F8",
    name: "lets an item that throws when it is looked at harm no other, and no worker",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const how of hostileValues) {
        yield* harmless(pool, plain.echo, ["fine", makeValue(how), "fine"], how, { mayPass: true })
      }
      yield* survived(pool)
      yield* usable(pool)
    })
  },
  {
    rule: "F4",
    name: "fails an item that throws when it is cloned with NotSerializable, and it alone",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 2, keepAlive: true })
      // of an object, what it hides is not cloned
      for (const how of hostileValues.filter((how) => how !== "then")) {
        const item = makeValue(how)
        const exits = yield* promptly(pool.mapExit(["fine", item, "fine"], hostile.isFine, { chunkSize: 3 }))
        const { direction, index } = yield* assert.exitFailsWith(exits[1], "NotSerializable")
        yield* assert.equal({ direction, index }, { direction: "input", index: 1 } as const, how)
        const others = [exits[0], exits[2]].map((exit) => exit !== undefined && Exit.isSuccess(exit) && exit.value)
        yield* assert.equal(others, [true, true], `neighbours of ${how}`)
        yield* assert.failsWith(promptly(pool.map(["fine", item], hostile.isFine)), "NotSerializable")
        yield* assert.failsWith(promptly(pool.run(hostile.isFine, item)), "NotSerializable")
        yield* assert.failsWith(
          promptly(Stream.runDrain(pool.stream(["fine", item], hostile.isFine))),
          "NotSerializable"
        )
      }
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "lets a result that throws when it is looked at harm no other item, and no worker",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const how of hostileValues) {
        for (const [name, task] of [
          ["returned", hostile.returnValue],
          ["resolved", hostile.resolveValue],
          ["an Effect's", hostileEffects.succeedWith]
        ] as const) {
          yield* harmless(pool, task as typeof hostile.returnValue, ["", how, ""], `${name} ${how}`, { mayPass: true })
        }
      }
      yield* survived(pool)
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "fails an item alone whose result throws when it is cloned",
    needs: ["cloning"],
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const how of hostileValues) {
        for (const task of [hostile.returnValue, hostile.resolveValue]) {
          yield* harmless(pool, task, ["", how, ""], how, { mayPass: false })
        }
      }
      yield* survived(pool)
    })
  },
  {
    rule: "F8",
    name: "drops results that throw when they are looked at in forEach",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const how of hostileValues) {
        yield* promptly(Effect.exit(pool.forEach(["", how, ""] as const, hostile.returnValue)))
        yield* settled(pool)
      }
      yield* survived(pool)
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "fails an item alone whose failure throws when it is looked at",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const how of hostileErrors) {
        for (const [name, task] of [
          ["thrown", hostile.throwError],
          ["rejected", hostile.rejectError],
          ["failed", hostileEffects.failWith],
          ["died of", hostileEffects.dieWith]
        ] as const) {
          const what = `${name} ${how}`
          yield* harmless(pool, task as typeof hostile.throwError, ["", how, ""], what, { mayPass: false })
        }
      }
      yield* survived(pool)
      yield* usable(pool)
    })
  },
  {
    rule: "C6",
    name: "takes an error of the pool's own class from a task as that item's failure",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true })
      for (const tag of ["Terminated", "PoolClosed"] as const) {
        for (const [name, task] of [
          ["failed", hostileEffects.failOwn],
          ["thrown", hostileEffects.throwOwn]
        ] as const) {
          const what = `${name} ${tag}`
          yield* harmless(pool, task as typeof hostileEffects.throwOwn, ["", tag, ""], what, { mayPass: false })
        }
      }
      yield* survived(pool)
      yield* usable(pool)
    })
  }
]

// -----------------------------------------------------------------------------
// Hooks
// -----------------------------------------------------------------------------

const initOf = (hook: unknown) => ({ init: hook as typeof plain.openNothing })

const exitOf = (hook: unknown) => ({ exit: hook as typeof plain.closeQuietly })

/** Checks that the worker that is acquired next has the pool's own state, and that nothing waits. */
const goesOn = Effect.fnUntraced(function* (pool: LaxPool) {
  yield* assert.equal(yield* promptly(pool.map([3], plain.readState)), [""], "state")
  yield* usable(pool)
  yield* promptly(pool.stop)
})

const hooks: ReadonlyArray<Case> = [
  {
    rule: "F8",
    name: "fails the call alone whose init fails with what throws when it is looked at",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: plain.openNothing })
      // each of them in one way: a worker has to start for it
      const hooks = [hostile.openError, hostileEffects.failWith, hostileEffects.dieWith]
      for (const [n, how] of hostileErrors.entries()) {
        const init = Portable.bind(hooks[n % hooks.length] as typeof hostile.openError, how)
        yield* assert.failsWith(promptly(pool.map([1], plain.square, initOf(init))), "InitFailed")
      }
      yield* goesOn(pool)
    })
  },
  {
    rule: "F8",
    name: "settles a call whose init returns what throws when it is looked at; the pool goes on",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: plain.openNothing })
      for (const how of hostileValues) {
        const exit = yield* promptly(
          Effect.exit(pool.map([3], plain.square, initOf(Portable.bind(hostile.openValue, how))))
        )
        if (Exit.isSuccess(exit)) yield* assert.equal(exit.value, [9], how)
        else yield* assert.exitFailsWith(exit, "InitFailed")
      }
      yield* goesOn(pool)
    })
  },
  {
    rule: "F8",
    name: "fails the call alone whose exit fails with what throws when it is looked at",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: plain.openNothing, exit: plain.closeQuietly })
      const hooks = [hostile.closeError, hostileEffects.failWith, hostileEffects.dieWith]
      for (const [n, how] of hostileErrors.entries()) {
        const exit = Portable.bind(hooks[n % hooks.length] as typeof hostile.closeError, how)
        yield* assert.failsWith(promptly(pool.map([1], plain.square, exitOf(exit))), "ExitFailed")
      }
      yield* goesOn(pool)
    })
  },
  {
    rule: "F8",
    name: "settles a call whose exit returns what throws when it is looked at; the pool goes on",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: plain.openNothing, exit: plain.closeQuietly })
      for (const how of hostileValues) {
        const exit = yield* promptly(
          Effect.exit(pool.map([3], plain.square, exitOf(Portable.bind(hostile.closeValue, how))))
        )
        // where looking at it throws the hook has failed; what throws only when it is cloned cannot cross (F4)
        if (Exit.isSuccess(exit)) yield* assert.equal(exit.value, [9], how)
        else {
          const asFailed = assert.exitFailsWith(exit, "ExitFailed")
          yield* Effect.catch(asFailed, () => assert.exitFailsWith(exit, "NotSerializable"))
        }
      }
      yield* goesOn(pool)
    })
  },
  {
    rule: "F8",
    name: "takes an error of the pool's own class from a hook as InitFailed or ExitFailed",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: plain.openNothing, exit: plain.closeQuietly })
      for (const tag of ["Terminated", "PoolClosed"] as const) {
        const init = initOf(Portable.bind(hostileEffects.openOwn, tag))
        yield* assert.failsWith(promptly(pool.map([1], plain.square, init)), "InitFailed")
        const exit = exitOf(Portable.bind(hostileEffects.closeOwn, tag))
        yield* assert.failsWith(promptly(pool.map([1], plain.square, exit)), "ExitFailed")
        yield* goesOn(pool)
      }
    })
  }
]

// -----------------------------------------------------------------------------
// What admission asks
// -----------------------------------------------------------------------------

/** A bound value whose `Equal` throws while `isArmed` says so. */
class HostileBound implements Equal.Equal {
  static isArmed = false
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
  [Hash.symbol](): number {
    return 1
  }
  [Equal.symbol](): boolean {
    if (HostileBound.isArmed) throw new RangeError("nobody is equal")
    return false
  }
}

const admission: ReadonlyArray<Case> = [
  {
    rule: "F8",
    name: "fails the call alone whose bound hook's `Equal` throws; the hooks stay as they were",
    effect: Effect.gen(function* () {
      const bind = (name: string) => Portable.bind(hostile.openBound, new HostileBound(name))
      const pool = yield* makeLax({ size: 1, keepAlive: true, init: bind("default") })
      yield* promptly(pool.map([3], plain.square, { init: bind("before") }))
      const second = bind("hostile")
      const outcomes = Effect.gen(function* () {
        HostileBound.isArmed = true
        const mapped = yield* promptly(Effect.exit(pool.map([1], plain.square, { init: second })))
        const streamed = yield* promptly(Effect.exit(Stream.runDrain(pool.stream([1], plain.square, { init: second }))))
        return [mapped, streamed] as ReadonlyArray<Exit.Exit<unknown, unknown>>
      })
      const disarm = Effect.sync(() => {
        HostileBound.isArmed = false
      })
      for (const exit of yield* Effect.ensuring(outcomes, disarm)) {
        yield* assert.isTrue(Exit.isFailure(exit), "the call fails", exit)
      }
      yield* assert.equal((yield* pool.stats).calls, 0, "calls")
      yield* promptly(pool.stop)
      yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "before", "state")
      yield* promptly(pool.stop)
      yield* assert.equal<unknown>(yield* promptly(pool.map([1], plain.readState)), ["default"], "state")
      yield* usable(pool)
    })
  },
  {
    rule: "F8",
    name: "fails the call alone whose Logger throws at the warning of other hooks",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, keepAlive: true, init: Portable.bind(plain.openNamed, "default") })
      yield* promptly(pool.map([3], plain.square))
      const logger = Logger.layer([
        Logger.make(() => {
          throw new RangeError("no log")
        })
      ])
      const options = { init: Portable.bind(plain.openNamed, "other") }
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        pool.map([1], plain.square, options),
        Stream.runDrain(pool.stream([1], plain.square, options)),
        pool.map([], plain.square, options)
      ]
      for (const call of calls) {
        const exit: Exit.Exit<unknown, unknown> = yield* promptly(Effect.exit(Effect.provide(call, logger)))
        yield* assert.isTrue(Exit.isFailure(exit), "the call fails", exit)
        yield* assert.equal((yield* pool.stats).calls, 0, "calls")
        // its hooks are gone with it
        yield* promptly(pool.stop)
        yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "default", "state")
      }
      yield* usable(pool)
    })
  }
]

export const cases: ReadonlyArray<Case> = [...sources, ...values, ...hooks, ...admission]
