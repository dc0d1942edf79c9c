/**
 * What the tests of the engine share: pools of both kinds over closures, time, random inputs, and a ledger of what
 * happened to every worker.
 */
import { assert } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { Turn } from "../src/internal/common/turn.ts"
import { Events } from "../src/internal/events/events.ts"
import * as FiberPool from "../src/FiberPool.ts"
import * as Portable from "../src/Portable.ts"
import type { WorkerContext } from "../src/WorkerContext.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import * as WorkerRuntime from "../src/WorkerRuntime.ts"

// -----------------------------------------------------------------------------
// Properties
// -----------------------------------------------------------------------------

/**
 * The same runs each time. `PROPERTY_SEED=random` looks for new ones, and `PROPERTY_RUNS=10` does ten times as many.
 */
export const runs = (count: number) => {
  const seed = process.env["PROPERTY_SEED"] ?? "effect-mpire"
  const factor = Number(process.env["PROPERTY_RUNS"] ?? 1)
  return {
    timeout: 60_000 * factor,
    arbitrary: { runs: count * factor, ...(seed === "random" ? {} : { seed }) }
  }
}

export const integer = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

export const oneOf = <const A extends ReadonlyArray<unknown>>(...values: A): Arbitrary.Arbitrary<A[number]> =>
  Arbitrary.map(integer(0, values.length - 1), (index) => values[index])

/** What an Arbitrary generates. */
export type Generated<A> = A extends Arbitrary.Arbitrary<infer T> ? T : never

/** A number that looks random, the same for the same seed and n: what tasks decide by. */
export const noise = (seed: number, n: number): number => {
  const x = Math.imul(seed ^ Math.imul(n + 1, 0x9e3779b1), 0x85ebca6b)
  return (x ^ (x >>> 13)) >>> 8
}

export const optional = <A>(arbitrary: Arbitrary.Arbitrary<A>): Arbitrary.Arbitrary<A | undefined> =>
  Arbitrary.map(Arbitrary.all([Arbitrary.schema(Schema.Boolean), arbitrary]), ([some, value]) =>
    some ? value : undefined
  )

// -----------------------------------------------------------------------------
// Pools
// -----------------------------------------------------------------------------

/** A pool of either kind, over closures. */
export type Pool<S = any, X = any> = FiberPool.FiberPool<S, X>

export type PoolOptions<S = any, X = any> = FiberPool.Options<S, X, Scope.Scope, Scope.Scope>

export const kinds = ["FiberPool", "WorkerPool"] as const

export type Kind = (typeof kinds)[number]

const portables = new WeakMap<object, any>()
let names = 0

/** An address for a closure: always the same for the same one, so that hooks compare as they would in a FiberPool. */
export const portable = <F extends object>(closure: F): F & Portable.Portable<F> => {
  if (!portables.has(closure)) portables.set(closure, Portable.make("test:closures", String(names++), closure as any))
  return portables.get(closure)
}

const portableHooks = (options: any): any =>
  options === undefined
    ? undefined
    : {
        ...options,
        ...(options.init === undefined ? {} : { init: portable(options.init) }),
        ...(options.exit === undefined ? {} : { exit: portable(options.exit) })
      }

const calls = [
  "map",
  "mapUnordered",
  "mapExit",
  "forEach",
  "stream",
  "streamUnordered",
  "streamExit",
  "streamUnorderedExit",
  "mapArray"
] as const

/** Makes a pool of the kind: a WorkerPool on fibers gives its tasks and hooks addresses, and clones what crosses. */
export const makePool = <S = void, X = unknown>(
  kind: Kind,
  options: PoolOptions<S, X>,
  runtime: Layer.Layer<WorkerRuntime.WorkerRuntime> = WorkerRuntime.layerFibers()
): Effect.Effect<Pool<S, X>, WorkerPoolError.WorkerPoolError, Scope.Scope> => {
  if (kind === "FiberPool") return FiberPool.make(options)
  const made = WorkerPool.make(portableHooks(options) as WorkerPool.PoolOptions)
  return Effect.map(Effect.provide(made, runtime), (pool: any) => ({
    ...pool,
    ...Object.fromEntries(
      calls.map((name) => [
        name,
        (items: unknown, task: object, options: unknown) => pool[name](items, portable(task), portableHooks(options))
      ])
    ),
    run: (task: object, input: unknown, options: unknown) => pool.run(portable(task), input, options)
  }))
}

/** Events that nobody listens to. */
export const unheard = (turn: Turn): Events =>
  new Events({ pool: "test", turn, clock: Clock.Clock.defaultValue(), later: () => () => {}, calls: () => [] })

// -----------------------------------------------------------------------------
// Inputs
// -----------------------------------------------------------------------------

export const sourceKinds = ["array", "generator", "set", "stream", "slowStream"] as const

export type SourceKind = (typeof sourceKinds)[number]

/** The numbers from 0 on, as one kind of input or another; `pulled` hears of each as it is pulled. */
export const source = (
  kind: SourceKind,
  length: number,
  pulled: (n: number) => void = () => {}
): Iterable<number> | Stream.Stream<number> => {
  const numbers = Array.from({ length }, (_, n) => n)
  switch (kind) {
    case "array":
      return numbers
    case "set":
      return new Set(numbers)
    case "generator":
      return (function* () {
        for (const n of numbers) {
          pulled(n)
          yield n
        }
      })()
    case "stream":
      return Stream.fromIterable(source("generator", length, pulled) as Iterable<number>, { chunkSize: 1 })
    case "slowStream":
      return Stream.mapEffect(source("stream", length, pulled) as Stream.Stream<number>, (n) =>
        Effect.as(n % 3 === 0 ? Effect.sleep(7) : Effect.yieldNow, n)
      )
  }
}

// -----------------------------------------------------------------------------
// Time
// -----------------------------------------------------------------------------

/** Lets every fiber that can go on do so, without time passing. */
export const settle: Effect.Effect<void> = Effect.forEach(Array(50), () => Effect.yieldNow, { discard: true })

/** Runs an Effect while time passes for it; dies when it does not end within days. */
export const driven = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect)
    for (let day = 0; day < 10; day++) {
      yield* settle
      if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
      yield* TestClock.adjust("1 day")
    }
    // nobody waits for it: what hangs may not be interruptible either
    fiber.interruptUnsafe()
    return yield* Effect.die(new Error("It hangs"))
  })

/**
 * Waits for days at most, of which each is as long as 50 yields (`driven`); `undefined` when that is over. One would be
 * too short: it may begin just before time passes.
 */
export const bounded = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect, { startImmediately: true })
    const exit = yield* Effect.timeoutOption(Fiber.await(fiber), "3 days")
    fiber.interruptUnsafe()
    return Option.getOrUndefined(exit)
  })

export const now: Effect.Effect<number> = Clock.currentTimeMillis

/** The time that an Effect takes, with its Exit. */
export const timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly exit: Exit.Exit<A, E>; readonly took: number }, never, R> =>
  Effect.gen(function* () {
    const before = yield* now
    const exit = yield* Effect.exit(effect)
    return { exit, took: (yield* now) - before }
  })

/** Whether a fiber has ended, once everybody has gone on as far as they can. */
export const hasEnded = (fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(settle, () => fiber.pollUnsafe() !== undefined)

// -----------------------------------------------------------------------------
// Outcomes
// -----------------------------------------------------------------------------

/** The failures in an Exit: what it failed with or died of, a reason of the pool's by its tag, `Interrupt` for interrupts. */
export const failures = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<unknown> =>
  Exit.isSuccess(exit)
    ? []
    : exit.cause.reasons.map((reason) => {
        switch (reason._tag) {
          case "Fail":
            return WorkerPoolError.isWorkerPoolError(reason.error) ? reason.error.reason._tag : reason.error
          case "Die":
            return reason.defect
          case "Interrupt":
            return "Interrupt"
        }
      })

/** The pool's reasons in an Exit. */
export const reasons = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<WorkerPoolError.Reason> =>
  Exit.isSuccess(exit)
    ? []
    : exit.cause.reasons.flatMap((reason) =>
        reason._tag === "Fail" && WorkerPoolError.isWorkerPoolError(reason.error) ? [reason.error.reason] : []
      )

/** An Exit in terms that can be compared. */
export const outcome = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isSuccess(exit) ? { success: exit.value } : { failures: failures(exit) }

/** Whether an Exit is interruption, and nothing else. */
export const isInterrupted = <A, E>(exit: Exit.Exit<A, E>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)

// -----------------------------------------------------------------------------
// Logs
// -----------------------------------------------------------------------------

/** A layer that keeps what is logged, as `"WARN the first part of the message"`, in place of printing it. */
export const recordLogs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel.toUpperCase()} ${Array.isArray(message) ? message[0] : message}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** What is logged of a release that failed where nobody waits for it. */
export const releaseFailed = "ERROR A worker's release failed"

// -----------------------------------------------------------------------------
// Ledger
// -----------------------------------------------------------------------------

/** What happened to one worker. */
export interface Entry {
  readonly id: number
  readonly generation: number
  /** In order: `init`, `initialised`, `item`, `item ended`, `exit`, `exit ended`, `finalizer`, `gone`. */
  readonly log: Array<string>
  /** How many items it was given. */
  items: number
}

type Step = (worker: WorkerContext<any>) => Effect.Effect<unknown, unknown>

const nothing: Step = () => Effect.void

/** Writes down what happens to every worker of a pool, and asserts as it goes that no slot has two. */
export class Ledger {
  readonly entries: Array<Entry> = []
  /** What happened to any worker, in order: `"0.1 init"` and so on. */
  readonly log: Array<string> = []
  /** Workers from the beginning of `init` to the last finalizer. */
  readonly present = new Map<number, Entry>()
  /** The most that were there at once. */
  most = 0

  private write(entry: Entry, what: string): void {
    entry.log.push(what)
    this.log.push(`${entry.id}.${entry.generation} ${what}`)
  }

  private entry(worker: WorkerContext<any>): Entry {
    const entry = this.entries.find(({ generation, id }) => id === worker.id && generation === worker.generation)
    assert(entry !== undefined, `worker ${worker.id}.${worker.generation} was never initialised`)
    return entry
  }

  /** An `init` hook that registers two finalizers, before and after its step, and returns the worker's name. */
  init(step: Step = nothing) {
    return (worker: WorkerContext<any>) =>
      Effect.gen({ self: this }, function* () {
        const before = this.present.get(worker.id)
        assert(before === undefined, `slot ${worker.id} has two workers: ${before?.generation}, ${worker.generation}`)
        const last = this.entries.findLast(({ id }) => id === worker.id)?.generation ?? 0
        assert(worker.generation > last, "generations grow")
        const entry: Entry = { id: worker.id, generation: worker.generation, log: [], items: 0 }
        this.entries.push(entry)
        this.present.set(worker.id, entry)
        this.most = Math.max(this.most, this.present.size)
        this.write(entry, "init")
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            this.write(entry, "gone")
            this.present.delete(worker.id)
          })
        )
        yield* step(worker)
        yield* Effect.addFinalizer(() => Effect.sync(() => this.write(entry, "finalizer")))
        this.write(entry, "initialised")
        return `${worker.id}.${worker.generation}`
      })
  }

  /** An `exit` hook that returns the worker's name. */
  exit(step: Step = nothing) {
    return (worker: WorkerContext<any>) =>
      Effect.gen({ self: this }, function* () {
        const entry = this.entry(worker)
        assert.strictEqual(worker.state, `${worker.id}.${worker.generation}`)
        this.write(entry, "exit")
        yield* step(worker)
        this.write(entry, "exit ended")
        return `${worker.id}.${worker.generation}`
      })
  }

  /** A task that writes down which worker has it. */
  task<A, B, E, R>(task: (item: A, worker: WorkerContext<any>) => Effect.Effect<B, E, R>) {
    return (item: A, worker: WorkerContext<any>): Effect.Effect<B, E, R> =>
      Effect.suspend(() => {
        const entry = this.entry(worker)
        assert.strictEqual(worker.state, `${worker.id}.${worker.generation}`)
        entry.items++
        this.write(entry, "item")
        return Effect.ensuring(
          task(item, worker),
          Effect.sync(() => this.write(entry, "item ended"))
        )
      })
  }

  /** How many workers did that. */
  count(what: string): number {
    return this.entries.filter((entry) => entry.log.includes(what)).length
  }

  /**
   * Asserts that each worker that is gone was released as L3 says: `exit` once if `init` succeeded, after all items;
   * finalizers once, after that. Those in `killed` may have skipped `exit`, or not ended it.
   */
  assertReleased(killed: (entry: Entry) => boolean = () => false): void {
    assert.strictEqual(this.present.size, 0, "all workers are gone")
    for (const entry of this.entries) {
      const { log } = entry
      const times = (what: string) => log.filter((other) => other === what).length
      const name = `worker ${entry.id}.${entry.generation}: ${log.join(", ")}`
      const isInitialised = times("initialised") === 1
      assert.strictEqual(log[0], "init", name)
      assert.strictEqual(log.at(-1), "gone", name)
      for (const what of ["init", "initialised", "exit", "finalizer", "gone"]) assert.isAtMost(times(what), 1, name)
      assert.strictEqual(times("item"), times("item ended"), name)
      assert.strictEqual(times("finalizer"), isInitialised ? 1 : 0, name)
      if (!isInitialised) assert.strictEqual(times("item") + times("exit"), 0, name)
      else if (!killed(entry)) assert.strictEqual(times("exit"), 1, name)
      if (times("exit") === 1) {
        assert.isTrue(log.lastIndexOf("item ended") < log.indexOf("exit"), name)
        assert.isTrue(log.indexOf("exit") < log.indexOf("finalizer"), name)
      }
      assert.isTrue(times("item") === 0 || log.indexOf("initialised") < log.indexOf("item"), name)
    }
  }
}
