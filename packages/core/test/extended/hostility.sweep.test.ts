/**
 * Users' code that misbehaves, wherever the engine runs it: place × what it does × method, on pools of both kinds.
 * Whatever it does, every call settles, neighbours' results are right, nothing is left in the pool or outside of it, and
 * the pool goes on.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as FiberPool from "../../src/FiberPool.ts"
import * as Portable from "../../src/Portable.ts"
import type { WorkerContext } from "../../src/WorkerContext.ts"
import * as WorkerPool from "../../src/WorkerPool.ts"
import * as WorkerRuntime from "../../src/WorkerRuntime.ts"
import { bounded, driven, failures, type Kind, kinds, portable, settle } from "../support.ts"

// -----------------------------------------------------------------------------
// What users' code does
// -----------------------------------------------------------------------------

class Hostile extends RangeError {}

interface Act {
  readonly name: string
  /** Whether the call that it happens in may fail because of it. */
  readonly isFatal: boolean
  /** Does it; what it forks is among the calls `inside`. */
  readonly perform: (world: World) => void
}

const calls: Record<string, (pool: any, world: World) => Effect.Effect<unknown, unknown>> = {
  run: (pool, { double }) => pool.run(double, 1),
  map: (pool, { double }) => pool.map([1, 2, 3], double),
  mapExit: (pool, { double }) => pool.mapExit([1, 2, 3], double),
  forEach: (pool, { double }) => pool.forEach([1, 2, 3], double),
  stream: (pool, { double }) => Stream.runDrain(Stream.take(pool.stream([1, 2, 3], double), 2)),
  start: (pool) => pool.start,
  restart: (pool) => pool.restart,
  setSize: (pool) => Effect.andThen(pool.setSize(1), pool.setSize(3)),
  setKeepAlive: (pool) => pool.setKeepAlive(1000),
  stats: (pool) => Effect.andThen(pool.stats, pool.exitResults),
  stop: (pool) => pool.stop,
  terminate: (pool) => pool.terminate
}

const throws: Act = {
  name: "throws",
  isFatal: true,
  perform: () => {
    throw new Hostile("hostile")
  }
}

const interrupts: Act = {
  name: "interrupts its caller",
  isFatal: true,
  perform: ({ main }) => main?.interruptUnsafe()
}

const never: Act = { name: "never ends", isFatal: true, perform: () => {} }

const callsBack: ReadonlyArray<Act> = Object.entries(calls).map(([name, call]) => ({
  name: `calls ${name}`,
  isFatal: name === "terminate",
  perform: (world) => {
    // what is called here may come here again
    if (world.inside.length < 8) world.inside.push(world.fork(call(world.pool, world)))
  }
}))

const acts: ReadonlyArray<Act> = [throws, interrupts, ...callsBack]

// -----------------------------------------------------------------------------
// Where it does so
// -----------------------------------------------------------------------------

interface World {
  readonly kind: Kind
  readonly act: () => void
  readonly isNever: boolean
  readonly fork: (effect: Effect.Effect<unknown, unknown>) => Fiber.Fiber<unknown, unknown>
  readonly inside: Array<Fiber.Fiber<unknown, unknown>>
  /** Workers that are there. */
  present: number
  readonly double: any
  pool: any
  main: Fiber.Fiber<unknown, unknown> | undefined
}

interface Scene {
  readonly items?: unknown
  readonly task?: unknown
  readonly options?: object
  readonly poolOptions?: object
  /** What else is done with the call's Effect. */
  readonly wrap?: (call: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>
  readonly observe?: (main: Fiber.Fiber<unknown, unknown>) => void
}

interface Place {
  readonly name: string
  readonly kinds?: ReadonlyArray<Kind>
  /** Whether it is about where items come from: not for `run`. */
  readonly isSource?: boolean
  /** Whether its failure is that of the third item alone. */
  readonly isOfItem?: boolean
  /** Whether the call fails, or is given up, whatever is done. */
  readonly isDoomed?: boolean
  /** Whether it is in hooks, which other calls may share. */
  readonly isOfHooks?: boolean
  /** Whether it may never end. */
  readonly isEffectful?: boolean
  readonly scene: (world: World) => Scene
}

const count = 6

/** What makes a value a Promise in the eyes of those who look. */
const thenKey = "the".concat("n")

const numbers = Array.from({ length: count }, (_, n) => n)

/** An Effect that acts, or never ends. */
const acting = (world: World): Effect.Effect<void> => (world.isNever ? Effect.never : Effect.sync(() => world.act()))

/** An iterable whose parts are given. */
const iterable = (parts: {
  readonly begin?: () => void
  readonly next?: (n: number) => void
  readonly onReturn?: () => void
  readonly length?: number
}): Iterable<number> => ({
  [Symbol.iterator]: () => {
    parts.begin?.()
    let n = 0
    return {
      next: () => {
        parts.next?.(n)
        return n < (parts.length ?? count) ? { done: false, value: n++ } : { done: true, value: undefined }
      },
      return: () => {
        parts.onReturn?.()
        return { done: true, value: undefined }
      }
    }
  }
})

/** An `init` that counts workers, and then does something. */
const counting =
  (world: World, step: Effect.Effect<void> = Effect.void, onClose: Effect.Effect<void> = Effect.void) =>
  (): Effect.Effect<string, never, Scope.Scope> =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => world.present++),
        () => Effect.sync(() => world.present--)
      )
      yield* Effect.addFinalizer(() => onClose)
      yield* step
      return "state"
    })

/** For the third item does something else. */
const atThird =
  (usual: (n: number) => unknown, third: (n: number, worker: WorkerContext) => unknown) =>
  (n: number, worker: WorkerContext): unknown =>
    n === 2 ? third(n, worker) : usual(n)

const twice = (n: number) => Effect.succeed(2 * n)

const code = <F extends object>(world: World, closure: F): F =>
  world.kind === "FiberPool" ? closure : portable(closure)

class Bound implements Equal.Equal {
  // private, so that it is not cloned
  readonly #onEqual: () => void
  constructor(onEqual: () => void) {
    this.#onEqual = onEqual
  }
  [Hash.symbol](): number {
    return 1
  }
  [Equal.symbol](): boolean {
    this.#onEqual()
    return false
  }
}

const places: ReadonlyArray<Place> = [
  {
    name: "an iterable's Symbol.iterator",
    isSource: true,
    scene: ({ act }) => ({ items: iterable({ begin: act }) })
  },
  {
    name: "an iterator's next",
    isSource: true,
    scene: ({ act }) => ({ items: iterable({ next: (n) => n % 3 === 2 && act() }) })
  },
  {
    name: "a generator",
    isSource: true,
    scene: ({ act }) => ({
      items: (function* () {
        for (const n of numbers) {
          act()
          yield n
        }
      })()
    })
  },
  {
    name: "an iterator's return",
    isSource: true,
    isDoomed: true,
    scene: (world) => ({
      items: iterable({ onReturn: world.act, length: Number.POSITIVE_INFINITY }),
      task: code(world, (n: number) => (n === 2 ? Effect.fail("early") : Effect.delay(twice(n), 1))),
      wrap: (call) => Effect.timeout(call, 20)
    })
  },
  {
    name: "an iterable's length",
    isSource: true,
    scene: ({ act }) => ({
      items: Object.defineProperty(iterable({}), "length", { get: () => (act(), count) })
    })
  },
  {
    name: "a Stream",
    isSource: true,
    isEffectful: true,
    scene: (world) => ({
      items: Stream.mapEffect(Stream.fromIterable(numbers, { chunkSize: 2 }), (n) =>
        n === 2 ? Effect.as(acting(world), n) : Effect.succeed(n)
      )
    })
  },
  {
    name: "an item's getter",
    isOfItem: true,
    scene: (world) => ({
      items: numbers.map((n) => ({
        get n() {
          if (n === 2) world.act()
          return n
        }
      })),
      task: code(world, (item: { readonly n: number }) => twice(item.n))
    })
  },
  {
    name: "a task",
    isOfItem: true,
    isEffectful: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (n) => {
          if (world.isNever) return Effect.never
          world.act()
          return twice(n)
        })
      )
    })
  },
  {
    name: "a task's Effect",
    isOfItem: true,
    isEffectful: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (n) => Effect.as(acting(world), 2 * n))
      )
    })
  },
  {
    name: "a task's Promise",
    kinds: ["WorkerPool"],
    isOfItem: true,
    isEffectful: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (n) =>
          world.isNever ? new Promise(() => {}) : Promise.resolve().then(() => (world.act(), 2 * n))
        )
      )
    })
  },
  {
    name: "an Effect that a task's Effect returns no Effect from",
    isOfItem: true,
    isDoomed: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, () => {
          const flat = (): any => {
            world.act()
          }
          return Effect.flatMap(Effect.yieldNow, flat)
        })
      )
    })
  },
  {
    name: "a result's `then`",
    kinds: ["WorkerPool"],
    isOfItem: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (n) => ({
          value: 2 * n,
          get [thenKey]() {
            world.act()
            return undefined
          }
        }))
      )
    })
  },
  {
    name: "a result's `has` trap",
    isOfItem: true,
    isDoomed: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, () => new Proxy({}, { has: () => (world.act(), false) }))
      )
    })
  },
  {
    name: "a failure's message",
    isOfItem: true,
    isDoomed: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, () =>
          Effect.fail<object>(
            Object.defineProperty(new Hostile("unread"), "message", { get: () => (world.act(), "message") })
          )
        )
      )
    })
  },
  {
    name: "a defect's stack",
    isOfItem: true,
    isDoomed: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, () => {
          throw Object.defineProperty(new Error(), "stack", { get: () => (world.act(), "stack") })
        })
      )
    })
  },
  {
    name: "an item's finalizer",
    isOfItem: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (n) =>
          Effect.as(
            Effect.addFinalizer(() => Effect.sync(world.act)),
            2 * n
          )
        )
      )
    })
  },
  {
    name: "a codec",
    kinds: ["WorkerPool"],
    isOfItem: true,
    scene: (world) => {
      const look = SchemaGetter.transform((n: number) => {
        if (n === 2) world.act()
        return n
      })
      const input = Schema.Number.pipe(Schema.decodeTo(Schema.Number, { decode: look, encode: look }))
      return { task: Portable.make("test:codecs", String(codecs++), twice, { input }) }
    }
  },
  {
    name: "an abort listener",
    isDoomed: true,
    scene: (world) => ({
      task: code(
        world,
        atThird(twice, (_, { signal }) => {
          signal.addEventListener("abort", world.act)
          return Effect.never
        })
      ),
      wrap: (call) => Effect.timeout(call, 1000)
    })
  },
  {
    name: "a bound value's Equal",
    kinds: ["WorkerPool"],
    isOfHooks: true,
    scene: (world) => {
      const open = portable((_: unknown) => counting(world)())
      let isReady = false
      const bound = () => new Bound(() => isReady && world.act())
      return {
        poolOptions: { init: Portable.bind(open as never, bound()) },
        options: { init: Portable.bind(open as never, bound()) },
        wrap: (call) =>
          Effect.suspend(() => {
            isReady = true
            return Effect.ensuring(
              call,
              Effect.sync(() => {
                isReady = false
              })
            )
          })
      }
    }
  },
  {
    name: "a Logger",
    isOfHooks: true,
    scene: (world) => ({
      options: { init: code(world, counting(world)) },
      wrap: (call) => Effect.provide(call, Logger.layer([Logger.make(() => world.act())]))
    })
  },
  {
    name: "init",
    isOfHooks: true,
    isEffectful: true,
    scene: (world) => ({ options: { init: code(world, counting(world, acting(world))) } })
  },
  {
    name: "exit",
    isOfHooks: true,
    isEffectful: true,
    scene: (world) => ({ poolOptions: { keepAlive: false }, options: { exit: code(world, () => acting(world)) } })
  },
  {
    name: "init's finalizer",
    isOfHooks: true,
    scene: (world) => ({
      poolOptions: { keepAlive: false },
      options: { init: code(world, counting(world, Effect.void, Effect.sync(world.act))) }
    })
  },
  {
    name: "an observer of the caller's fiber",
    scene: (world) => ({ observe: (main) => main.addObserver(() => world.act()) })
  },
  {
    name: "what the caller does next",
    scene: (world) => ({
      wrap: (call) =>
        Effect.map(call, (value) => {
          world.act()
          return value
        })
    })
  }
]

let codecs = 0

// -----------------------------------------------------------------------------
// In which call
// -----------------------------------------------------------------------------

/** The outcome of each item, in order; `undefined` where nothing is said of items. */
type Outcomes = ReadonlyArray<Exit.Exit<unknown, unknown>> | undefined

const methods: Record<string, (pool: any, items: any, task: any, options: any) => Effect.Effect<Outcomes, unknown>> = {
  map: (pool, items, task, options) => succeeded(pool.map(items, task, options)),
  mapUnordered: (pool, items, task, options) => Effect.map(succeeded(pool.mapUnordered(items, task, options)), sorted),
  mapExit: (pool, items, task, options) => pool.mapExit(items, task, options),
  forEach: (pool, items, task, options) => pool.forEach(items, task, options),
  stream: (pool, items, task, options) => succeeded(Stream.runCollect(pool.stream(items, task, options))),
  streamUnordered: (pool, items, task, options) =>
    Effect.map(succeeded(Stream.runCollect(pool.streamUnordered(items, task, options))), sorted),
  streamExit: (pool, items, task, options) =>
    Effect.map(Stream.runCollect(pool.streamExit(items, task, options)), (outcomes: any) =>
      outcomes.map(({ exit }: any) => exit)
    ),
  run: (pool, items, task) =>
    Effect.forEach(items, (item) => Effect.exit(pool.run(task, item) as Effect.Effect<unknown, unknown>), {
      concurrency: "unbounded"
    })
}

const succeeded = (results: Effect.Effect<ReadonlyArray<unknown>, unknown>): Effect.Effect<Outcomes, unknown> =>
  Effect.map(results, (results) => results.map((result) => Exit.succeed(result)))

const key = (exit: Exit.Exit<unknown, unknown>): number => {
  const value: any = Exit.isSuccess(exit) ? exit.value : undefined
  return typeof value === "number" ? value : 4
}

const sorted = (outcomes: Outcomes): Outcomes =>
  outcomes === undefined ? undefined : [...outcomes].sort((left, right) => key(left) - key(right))

const tellsItems = (method: string): boolean => ["mapExit", "streamExit", "run"].includes(method)

/** What is wrong with the outcome of a call, if anything is. */
const wrong = (place: Place, act: Act, method: string, exit: Exit.Exit<Outcomes, unknown>): string | undefined => {
  const mayFail = act.isFatal || place.isDoomed === true
  if (Exit.isFailure(exit)) {
    const isOfOthers = place.isOfItem === true && act.name === "throws" && tellsItems(method)
    return mayFail && !isOfOthers ? undefined : `the call fails: ${String(failures(exit)[0])}`
  }
  if (exit.value === undefined || (place.isDoomed === true && place.isSource === true)) return undefined
  if (exit.value.length !== count) return `${exit.value.length} results`
  for (const [n, outcome] of exit.value.entries()) {
    const isThird = n === 2 && place.isOfItem === true
    if (Exit.isFailure(outcome)) {
      if (!(mayFail && (isThird || act.name !== "throws" || place.isOfItem !== true))) return `item ${n} fails`
    } else if (outcome.value !== 2 * n && !isThird) {
      return `item ${n} has another's result`
    }
  }
  return undefined
}

/** Plays one scene; gives what is wrong with it. */
const play = (
  kind: Kind,
  place: Place,
  act: Act,
  method: string,
  isCrowded: boolean
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const violations: Array<string> = []
    const context = yield* Effect.context<never>()
    const inside: World["inside"] = []
    const world: World = {
      kind,
      act: () => act.perform(world),
      isNever: act === never,
      fork: Effect.runForkWith(context),
      inside,
      present: 0,
      double: kind === "FiberPool" ? twice : portable(twice),
      pool: undefined,
      main: undefined
    }
    const scene = place.scene(world)
    const scope = yield* Scope.make()
    const options: any = {
      size: 3,
      keepAlive: true,
      killAfter: 100,
      init: code(world, counting(world)),
      ...scene.poolOptions
    }
    const made: Effect.Effect<any, unknown, Scope.Scope> =
      kind === "FiberPool"
        ? FiberPool.make(options)
        : Effect.provide(WorkerPool.make(options), WorkerRuntime.layerFibers())
    const pool = yield* Effect.orDie(Scope.provide(made, scope))
    world.pool = pool
    const settles = Effect.fnUntraced(function* <A, E>(what: string, effect: Effect.Effect<A, E>) {
      const exit = yield* bounded(effect)
      if (exit === undefined) violations.push(`${what} hangs`)
      return exit
    })
    const slowly = code(world, (n: number) => Effect.delay(twice(n), 5))
    const neighbours = isCrowded
      ? [
          yield* Effect.forkDetach(pool.map([10, 11, 12, 13], slowly, { chunkSize: 1 }) as typeof Effect.never),
          yield* Effect.forkDetach(pool.run(slowly, 20) as typeof Effect.never)
        ]
      : []
    yield* isCrowded ? settle : Effect.exit(pool.start as Effect.Effect<void, unknown>)
    const call = methods[method]!(pool, scene.items ?? numbers, scene.task ?? world.double, scene.options)
    const begun = Effect.andThen(Effect.yieldNow, act === never ? Effect.timeout(call, 1000) : call)
    const main = world.fork((scene.wrap ?? ((call) => call))(begun))
    world.main = main
    const ended = yield* Effect.forkDetach(Fiber.await(main), { startImmediately: true })
    scene.observe?.(main)

    const exit = yield* settles("the call", Fiber.join(ended))
    if (exit !== undefined && Exit.isSuccess(exit)) {
      const fault = wrong(place, act, method, exit.value as Exit.Exit<Outcomes, unknown>)
      if (fault !== undefined) violations.push(fault)
    }
    for (const [n, neighbour] of neighbours.entries()) {
      const exit = yield* settles(`neighbour ${n}`, Fiber.join(neighbour))
      if (exit === undefined) continue
      const result = n === 0 ? [20, 22, 24, 26] : 40
      if (Exit.isSuccess(exit)) {
        if (!Equal.equals(exit.value, result)) violations.push(`neighbour ${n} has a wrong result`)
      } else if (act.name !== "calls terminate" && !place.isOfHooks) {
        violations.push(`neighbour ${n} fails: ${String(failures(exit)[0])}`)
      }
    }
    for (const fiber of inside) {
      const exit = yield* settles("a call inside", Fiber.await(fiber))
      if (exit === undefined || act.name === "calls terminate" || place.isOfHooks) continue
      if (Exit.isSuccess(exit) && Exit.isFailure(exit.value)) violations.push("a call inside fails")
    }
    const after = yield* settles("a later call", pool.map([4], world.double))
    if (after !== undefined && !(Exit.isSuccess(after) && Equal.equals(after.value, [8]))) {
      violations.push(`a later call fails: ${String(failures(after)[0])}`)
    }
    const stats = yield* pool.stats as Effect.Effect<WorkerPool.Stats>
    if (stats.calls + stats.pending + stats.busy > 0) violations.push(`${stats.calls} calls are left`)
    yield* settles("stop", pool.stop)
    yield* settles("the scope", Scope.close(scope, Exit.void))
    if (world.present !== 0) violations.push(`${world.present} workers are left`)
    return violations
  })

// -----------------------------------------------------------------------------
// Every combination
// -----------------------------------------------------------------------------

/** Of one place, no more than so many are told. */
const most = Number(process.env["SWEEP_MOST"] ?? 8)

describe.each(kinds)("users' code that misbehaves, %s", (kind) => {
  // what a listener or an observer throws is nobody's to catch: it is uncaught, and must do no other harm
  beforeAll(() => {
    process.setUncaughtExceptionCaptureCallback((error) => {
      if (!(error instanceof Hostile)) throw error
    })
  })
  afterAll(() => process.setUncaughtExceptionCaptureCallback(null))

  for (const place of places.filter(({ kinds }) => kinds?.includes(kind) ?? true)) {
    it.effect(`F8 harms no other call, worker or pool: ${place.name}`, () =>
      Effect.gen(function* () {
        const violations: Array<string> = []
        for (const act of place.isEffectful ? [...acts, never] : acts) {
          for (const method of Object.keys(methods)) {
            if (place.isSource && method === "run") continue
            // idle workers begin at once what is sent to them, busy ones leave it for later turns
            for (const isCrowded of place.isSource && method === "map" ? [true, false] : [true]) {
              // what hangs takes real time as well
              if (violations.length >= most) continue
              const found = yield* Effect.exit(driven(play(kind, place, act, method, isCrowded)))
              const what = Exit.isSuccess(found) ? found.value : [`it dies: ${String(failures(found)[0])}`]
              if (what.length > 0) violations.push(`${method}, ${act.name}: ${[...new Set(what)].join(", ")}`)
            }
          }
        }
        assert(violations.length === 0, violations.join("\n"))
      })
    )
  }
})
