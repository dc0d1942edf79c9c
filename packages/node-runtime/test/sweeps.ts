/**
 * What `core/test/extended/hostility.sweep.test.ts` and `core/test/extended/ownership.sweep.test.ts` go through in full on fibers, in real
 * time on threads and processes: one method for each place and some of the acts.
 */
import { Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const tasks = Portable.module<typeof import("./fixtures/sweeps.tasks.ts")>(
  new URL("./fixtures/sweeps.tasks.ts", import.meta.url)
)

type Runtime = Layer.Layer<WorkerRuntime.WorkerRuntime>

/** A pool whose state is the name that its `init` is bound to. */
type Pool = WorkerPool.WorkerPool<string, any, any>

const named = (name: string) => Portable.bind(tasks.open, name)

const make = (options: WorkerPool.PoolOptions) =>
  WorkerPool.make({ init: named("default"), killAfter: 150, ...options }) as unknown as Effect.Effect<
    Pool,
    unknown,
    Scope.Scope | WorkerRuntime.WorkerRuntime
  >

/** How long anything may take that is to end, in milliseconds: on processes, a busy machine may have to start several. */
const limit = 30_000

const bounded = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect, { startImmediately: true })
    const exit = yield* Effect.timeoutOption(Fiber.await(fiber), limit)
    fiber.interruptUnsafe()
    return Option.getOrUndefined(exit)
  })

// -----------------------------------------------------------------------------
// Users' code that misbehaves
// -----------------------------------------------------------------------------

type Act = (scene: Scene) => void

interface Scene {
  readonly pool: Pool
  readonly inside: Array<Fiber.Fiber<unknown, unknown>>
  main: Fiber.Fiber<unknown, unknown> | undefined
}

const callsBack =
  (call: (pool: Pool) => Effect.Effect<unknown, unknown>): Act =>
  ({ inside, pool }) => {
    if (inside.length < 3) inside.push(Effect.runFork(call(pool)))
  }

const acts: Record<string, Act> = {
  throws: () => {
    throw new RangeError("hostile")
  },
  "interrupts its caller": ({ main }) => main?.interruptUnsafe(),
  "calls run": callsBack((pool) => pool.run(tasks.double, 1)),
  "calls map": callsBack((pool) => pool.map([1, 2, 3], tasks.double)),
  "calls stream": callsBack((pool) => Stream.runDrain(pool.stream([1, 2, 3], tasks.double))),
  "calls start": callsBack((pool) => pool.start),
  "calls restart": callsBack((pool) => pool.restart),
  "calls setSize": callsBack((pool) => Effect.andThen(pool.setSize(1), pool.setSize(2))),
  "calls stop": callsBack((pool) => pool.stop),
  "calls terminate": callsBack((pool) => pool.terminate)
}

const mayFail = (act: string): boolean => ["throws", "interrupts its caller", "calls terminate"].includes(act)

const numbers = Array.from({ length: 12 }, (_, n) => n)

const doubles = numbers.map((n) => 2 * n)

const methods = {
  map: (pool: Pool, items: any) => pool.map(items, tasks.double),
  mapExit: (pool: Pool, items: any) =>
    Effect.map(pool.mapExit(items, tasks.double), (exits) => exits.filter(Exit.isSuccess).map(({ value }) => value)),
  mapUnordered: (pool: Pool, items: any) =>
    Effect.map(pool.mapUnordered(items, tasks.double), (results) => results.sort((left, right) => left - right)),
  stream: (pool: Pool, items: any) => Stream.runCollect(pool.stream(items, tasks.double)),
  forEach: (pool: Pool, items: any) => Effect.as(pool.forEach(items, tasks.double), doubles)
}

type Method = keyof typeof methods

interface Place {
  readonly items?: (act: () => void) => unknown
  readonly call?: (pool: Pool, act: () => void) => Effect.Effect<unknown, unknown>
  readonly wrap?: (call: Effect.Effect<unknown, unknown>, act: () => void) => Effect.Effect<unknown, unknown>
}

const iterable = (begin: () => void, next: (n: number) => void): Iterable<number> => ({
  [Symbol.iterator]: () => {
    begin()
    let n = 0
    return {
      next: () => {
        next(n)
        return n < numbers.length ? { done: false, value: n++ } : { done: true, value: undefined }
      }
    }
  }
})

const nothing = (): void => {}

const places: Record<string, Place> = {
  "an iterable's Symbol.iterator": { items: (act) => iterable(act, nothing) },
  "an iterator's next": { items: (act) => iterable(nothing, (n) => n % 4 === 3 && act()) },
  "an iterable's length": {
    items: (act) => Object.defineProperty(iterable(nothing, nothing), "length", { get: () => (act(), numbers.length) })
  },
  "a Stream": {
    items: (act) => Stream.mapEffect(Stream.fromIterable(numbers), (n) => Effect.sync(() => (n === 3 && act(), n)))
  },
  "an item's getter": {
    call: (pool, act) => {
      const items = numbers.map((n) => ({
        get n() {
          if (n === 3) act()
          return n
        }
      }))
      return pool.map(items, tasks.doubleOf, { chunkSize: 4 })
    }
  },
  "a Logger": {
    call: (pool, act) =>
      Effect.provide(
        pool.map(numbers, tasks.double, { init: named("other") }),
        Logger.layer([Logger.make(() => act())])
      )
  },
  "what the caller does next": {
    wrap: (call, act) =>
      Effect.map(call, (value) => {
        act()
        return value
      })
  }
}

/** Plays one scene in a pool of its own; gives what is wrong with it. */
const play = Effect.fnUntraced(function* (place: Place, name: string, method: Method) {
  const violations: Array<string> = []
  const scope = yield* Scope.make()
  const pool: Pool = yield* Scope.provide(make({ size: 2, keepAlive: true }), scope)
  const settles = Effect.fnUntraced(function* <A, E>(what: string, effect: Effect.Effect<A, E>) {
    const exit = yield* bounded(effect)
    if (exit === undefined) violations.push(`${what} hangs`)
    return exit
  })
  yield* settles("start", pool.start)
  const scene: Scene = { pool, inside: [], main: undefined }
  const act = () => acts[name]!(scene)
  const neighbour = yield* Effect.forkDetach(pool.run(tasks.double, 20), { startImmediately: true })
  const call = place.call?.(pool, act) ?? methods[method](pool, place.items?.(act) ?? numbers)
  const main = Effect.runFork(Effect.andThen(Effect.yieldNow, place.wrap?.(call, act) ?? call))
  scene.main = main
  const exit = yield* settles("the call", Fiber.join(main))
  if (exit !== undefined && Exit.isSuccess(exit)) {
    if (JSON.stringify(exit.value) !== JSON.stringify(doubles)) violations.push("the call has wrong results")
  } else if (!mayFail(name)) {
    violations.push(`the call fails: ${String(exit)}`)
  }
  const beside = yield* settles("a neighbour", Fiber.join(neighbour))
  if (name !== "calls terminate" && (beside === undefined || Exit.isFailure(beside) || beside.value !== 40)) {
    violations.push("a neighbour fails")
  }
  for (const fiber of scene.inside) {
    const inner = yield* settles("a call inside", Fiber.join(fiber))
    if (inner !== undefined && Exit.isFailure(inner) && name !== "calls terminate")
      violations.push("a call inside fails")
  }
  const later = yield* settles("a later call", pool.map([4], tasks.double))
  if (later !== undefined && Exit.isFailure(later)) violations.push(`a later call fails: ${String(later)}`)
  const { calls } = yield* pool.stats
  if (calls > 0) violations.push(`${calls} calls are left`)
  yield* settles("the scope", Scope.close(scope, Exit.void))
  return violations
})

/** Declares a case for each place of users' code; each place meets one in `every` of the acts. */
export const sweepHostility = (name: string, runtime: Runtime, every: number) =>
  describe(`users' code that misbehaves, on ${name}`, () => {
    for (const [offset, [what, place]] of Object.entries(places).entries()) {
      it.live(`F8 harms no other call, worker or pool: ${what}`, () =>
        Effect.gen(function* () {
          const names = Object.keys(methods) as Array<Method>
          const violations: Array<string> = []
          for (const [index, act] of Object.keys(acts).entries()) {
            // what hangs takes its time
            if (violations.length > 2) break
            if ((index + offset) % every !== 0) continue
            const method = names[index % names.length]!
            const found = yield* play(place, act, method)
            if (found.length > 0) violations.push(`${act}, ${method}: ${found.join(", ")}`)
          }
          assert(violations.length === 0, violations.join("\n"))
        }).pipe(Effect.provide(runtime))
      )
    }
  })

// -----------------------------------------------------------------------------
// Whose hooks
// -----------------------------------------------------------------------------

interface Fate {
  readonly init: Portable.Portable<() => any>
  readonly initTimeout?: number
  /** How long its caller waits, in milliseconds. */
  readonly patience?: number
}

const fates: Record<string, Fate> = {
  "has an init that fails": { init: tasks.fail },
  "has an init that times out": { init: tasks.pend, initTimeout: 50 },
  "has an init that ends its worker": { init: tasks.exit },
  "gives up an init that never ends": { init: tasks.pend, patience: 200 },
  "gives up an init that computes without end": { init: tasks.loop, patience: 200 }
}

const callsOfB: Record<string, (pool: Pool) => Effect.Effect<unknown, unknown>> = {
  "a map": (pool) => Effect.map(pool.map([1], tasks.stateOf), ([state]) => state),
  "a run": (pool) => pool.run(tasks.stateOf, 1),
  "a map with hooks of its own": (pool) =>
    Effect.map(pool.map([1], tasks.stateOf, { init: named("other") }), ([state]) => state)
}

/** Declares a case for each fate of a call; which of the calls after it each meets, by their numbers, is asked. */
export const sweepOwnership = (name: string, runtime: Runtime, meets: (call: number, fate: number) => boolean) =>
  describe(`a call A that others come after, on ${name}`, () => {
    for (const [index, [what, { init, initTimeout, patience }]] of Object.entries(fates).entries()) {
      it.live(`L6 L10 leaves B with its own hooks when A ${what}`, () =>
        Effect.gen(function* () {
          const violations: Array<string> = []
          const met = Object.entries(callsOfB).filter((_, n) => meets(n, index))
          for (const [ofB, call] of met) {
            if (violations.length > 2) break
            const where = `${ofB}, after A twice`
            const scope = yield* Scope.make()
            const made = make({ size: 2, keepAlive: true })
            const pool = yield* Scope.provide(made, scope)
            for (let n = 0; n < 2; n++) {
              const timed = initTimeout === undefined ? { init } : { init, initTimeout }
              const map = pool.map([1, 2, 3, 4], tasks.double, { chunkSize: 1, ...timed })
              const given =
                patience === undefined ? map : Effect.timeout(map as Effect.Effect<unknown, unknown>, patience)
              const exit = yield* bounded(given)
              if (exit === undefined || Exit.isSuccess(exit)) violations.push(`${where}: A does not fail`)
            }
            const exit = yield* bounded(call(pool))
            const expected = ofB.endsWith("its own") ? "other" : "default"
            if (exit === undefined) violations.push(`${where}: B hangs`)
            else if (Exit.isFailure(exit)) violations.push(`${where}: B fails: ${String(exit)}`)
            else if (exit.value !== expected) violations.push(`${where}: B has a worker with ${String(exit.value)}`)
            const { calls } = yield* pool.stats
            if (calls > 0) violations.push(`${where}: ${calls} calls are left`)
            if ((yield* bounded(Scope.close(scope, Exit.void))) === undefined) {
              violations.push(`${where}: the scope hangs`)
            }
          }
          assert(violations.length === 0, violations.join("\n"))
        }).pipe(Effect.provide(runtime))
      )
    }
  })
