/** L6, L10: what an acquisition comes to is the business of those calls that asked for it. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import { pace, patience, promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, type LaxPool, makeLax, harmful, hostile, plain, tasks } from "./case.ts"

const missing = Portable.module<{ readonly open: () => string }>("data:text/javascript,export const other = 1")

/** A hook that makes a state of a name. */
const named = (name: string) => Portable.bind(plain.openNamed, name)

/** An init hook for a pool whose state is a text, whatever it returns. */
const anyInit = (hook: unknown) => hook as Portable.Portable<() => string>

const options = { size: 2, init: named("default"), killAfter: patience }

/** An init of another's that goes wrong, and what calls with it fail with. */
interface Fate {
  readonly what: string
  readonly needs?: Case["needs"]
  readonly init: Portable.Portable<() => string>
  readonly initTimeout?: number
  readonly tag: "InitFailed" | "InitTimedOut" | "StartFailed" | "WorkerLost"
}

const fates: ReadonlyArray<Fate> = [
  { what: "fails", init: anyInit(plain.throwOnOpen), tag: "InitFailed" },
  { what: "fails as an Effect", init: anyInit(tasks.failToOpen), tag: "InitFailed" },
  { what: "times out", init: anyInit(tasks.openNever), initTimeout: 40, tag: "InitTimedOut" },
  { what: "times out as a Promise", init: anyInit(harmful.pendOnOpen), initTimeout: 40, tag: "InitTimedOut" },
  { what: "is in a module that lacks it", init: missing.open, tag: "StartFailed" },
  { what: "ends its worker", needs: ["vanishing"], init: harmful.exitOnOpen, tag: "WorkerLost" }
]

const fails = (pool: LaxPool, { init, initTimeout, tag }: Fate) => {
  const named = initTimeout === undefined ? { init } : { init, initTimeout }
  return assert.failsWith(promptly(pool.map([1, 2, 3, 4], plain.square, { ...named, chunkSize: 1 })), tag)
}

const succeeds = (pool: LaxPool) =>
  Effect.flatMap(promptly(pool.map([1, 2, 3, 4], plain.square, { chunkSize: 1 })), (squares) =>
    assert.equal(squares, [1, 4, 9, 16])
  )

/** Those that are told apart by where they arise: what follows does not depend on how an init fails. */
const kindsOfFates = fates.filter(({ tag, what }) => what === "fails" || tag === "StartFailed")

const failures: ReadonlyArray<Case> = [
  ...fates.map((fate): Case => ({
    rule: "L10",
    name: `leaves the next call alone when another's init ${fate.what}`,
    needs: fate.needs ?? [],
    effect: Effect.gen(function* () {
      const pool = yield* makeLax(options)
      // twice: then the slots wait before they try that init again, and no other
      for (let time = 0; time < 2; time++) {
        yield* fails(pool, fate)
        yield* succeeds(pool)
      }
      yield* usable(pool)
    })
  })),
  ...kindsOfFates.flatMap((fate): ReadonlyArray<Case> => [
    {
      rule: "L10",
      name: `refuses nobody else once another's init ${fate.what} again and again`,
      needs: fate.needs ?? [],
      effect: Effect.gen(function* () {
        const pool = yield* makeLax({ ...options, keepAlive: true })
        for (let time = 0; time < 3; time++) yield* fails(pool, fate)
        yield* succeeds(pool)
        yield* usable(pool)
      })
    },
    {
      rule: "L10",
      name: `starts workers by \`start\` once another's init ${fate.what}`,
      needs: fate.needs ?? [],
      effect: Effect.gen(function* () {
        const pool = yield* makeLax({ ...options, keepAlive: true })
        yield* fails(pool, fate)
        yield* promptly(pool.map([], plain.square, { init: named("other") }))
        yield* promptly(pool.start)
        const live = { dispatch: "ordered", chunkSize: 1 } as const
        yield* assert.equal<unknown>(
          yield* promptly(pool.map([1, 2], plain.readState, { ...live, init: named("other") })),
          ["other", "other"],
          "states"
        )
        yield* usable(pool)
      })
    },
    {
      rule: "L6",
      name: `does not run another's init for a run once it ${fate.what}`,
      needs: fate.needs ?? [],
      effect: Effect.gen(function* () {
        const pool = yield* makeLax({ ...options, size: 1, keepAlive: true })
        for (let time = 0; time < 2; time++) {
          yield* fails(pool, fate)
          yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "default", "state")
          yield* promptly(pool.stop)
        }
        yield* usable(pool)
      })
    }
  ])
]

/** What a pool logged, while `effect` ran, from Warn up. */
const withWarnings = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const warnings: Array<unknown> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") warnings.push(message)
  })
  const value = yield* Effect.provide(effect, Logger.layer([logger]))
  return { value, warnings }
})

const layers: ReadonlyArray<Case> = [
  {
    rule: "L6",
    name: "keeps the hooks of a call that failed after its items were given to a worker, and of no call after the next",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1 })
      const map = pool.map([1], Portable.bind(hostile.failIn, 0), { init: named("other") })
      yield* assert.failure(promptly(map))
      yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "other", "state")
      yield* promptly(pool.stop)
      yield* assert.equal<unknown>(yield* promptly(pool.map([1], plain.readState)), ["default"], "state")
      yield* usable(pool)
    })
  },
  {
    rule: "L6",
    name: "keeps the hooks of an empty call until the next that starts alone",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1 })
      yield* promptly(pool.map([], plain.square, { init: named("other") }))
      yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "other", "state")
      yield* promptly(pool.stop)
      yield* assert.equal<unknown>(yield* promptly(pool.map([1], plain.readState)), ["default"], "state")
      yield* usable(pool)
    })
  },
  {
    rule: "L6",
    name: "removes the hooks of a call that is interrupted while its worker is acquired",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1, keepAlive: true })
      const map = pool.map([1], plain.square, { init: anyInit(tasks.openNever) })
      const fiber = yield* Effect.forkChild(map, { startImmediately: true })
      yield* assert.eventually(Effect.map(pool.stats, ({ starting }) => starting === 1))
      yield* promptly(Fiber.interrupt(fiber))
      yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "default", "state")
      yield* usable(pool)
    })
  },
  {
    rule: "L7",
    name: "serves a call with its own init, or warns, when another's caller gave up while the worker was acquired",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1, keepAlive: true })
      const unit = yield* pace(Effect.andThen(pool.start, pool.stop))
      // given up while the worker starts, while its init runs, and about when that ends
      for (const wait of [0, 0.5, 1, 2, 3]) {
        const init = Portable.bind(Portable.bind(hostile.openAfter as never, "first"), unit)
        const first = pool.map([1], plain.square, { init: anyInit(init) })
        const fiber = yield* Effect.forkChild(first, { startImmediately: true })
        yield* Effect.sleep(wait * unit)
        fiber.interruptUnsafe()
        const second = pool.map([1], plain.readState, { init: named("second") })
        const { value, warnings } = yield* withWarnings(promptly(second))
        const state = value[0]
        const isFair = state === "second" || (state === "first" && warnings.length > 0)
        yield* assert.isTrue(isFair, `its own init, or a warning, after ${wait} units`, { state, warnings })
        yield* promptly(pool.stop)
      }
      yield* usable(pool)
    })
  }
]

// -----------------------------------------------------------------------------
// Acquisitions that nobody waits for
// -----------------------------------------------------------------------------

/** An init that never ends, in each way; in the first case it can be interrupted. */
const endless = [
  { what: "an Effect", needs: [], init: anyInit(tasks.openNever) },
  { what: "a Promise", needs: [], init: anyInit(harmful.pendOnOpen) },
  { what: "a computation", needs: ["killing"], init: harmful.loopOnOpen }
] as const

/** Waits for so many milliseconds that a worker has begun its init. */
const give = Effect.map(pace(Effect.scoped(Effect.flatMap(makeLax({ size: 1 }), ({ start }) => start))), (unit) =>
  Math.min(1000, 2 * unit)
)

const abandoned: ReadonlyArray<Case> = endless.flatMap(({ init, needs, what }) => [
  {
    rule: "L10",
    name: `serves calls after one that gave up waiting for its own init, ${what} that never ends`,
    needs,
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1, keepAlive: true })
      const given = yield* give
      yield* assert.failure(promptly(Effect.timeout(pool.map([1], plain.square, { init }), given)))
      yield* assert.equal<unknown>(
        yield* promptly(pool.map([1], plain.readState, { init: named("other") })),
        ["other"],
        "state"
      )
      yield* promptly(pool.stop)
      yield* assert.failure(promptly(Effect.timeout(pool.map([1], plain.square, { init }), given)))
      yield* assert.equal<unknown>(yield* promptly(pool.map([1], plain.readState)), ["default"], "state")
      yield* promptly(pool.stop)
      yield* assert.failure(promptly(Effect.timeout(pool.map([1], plain.square, { init }), given)))
      yield* assert.equal<unknown>(yield* promptly(pool.run(plain.readState, undefined)), "default", "state")
      yield* usable(pool)
    })
  },
  {
    rule: "L10",
    name: `serves a call with an init of its own after others gave up waiting for the pool's, ${what} that never ends`,
    needs,
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1, keepAlive: true, init })
      const given = yield* give
      yield* assert.failure(promptly(Effect.timeout(pool.map([1], plain.square), given)))
      yield* assert.failure(promptly(Effect.timeout(pool.run(plain.square, 1), given)))
      yield* assert.equal<unknown>(
        yield* promptly(pool.map([1], plain.readState, { init: named("other") })),
        ["other"],
        "state"
      )
      yield* usable(pool)
    })
  },
  ...(["stop", "terminate", "restart"] as const).map((end): Case => ({
    rule: "F5",
    name: `ends by \`${end}\` although a worker's init, ${what}, never ends and nobody waits for it`,
    needs,
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, size: 1, keepAlive: true, init })
      const given = yield* give
      yield* assert.failure(promptly(Effect.timeout(pool.map([1], plain.square), given)))
      if (end === "restart") {
        yield* promptly(Effect.timeoutOption(pool.restart, given))
      } else {
        yield* promptly(pool[end])
        const { live, starting } = yield* pool.stats
        yield* assert.equal({ live, starting }, { live: 0, starting: 0 }, "workers")
      }
      yield* promptly(pool.map([1], plain.square, { init: named("other") }))
      yield* usable(pool)
    })
  }))
])

const others: ReadonlyArray<Case> = [
  {
    rule: "L10",
    name: "joins an init that is slower than its callers' patience: one of them is served in the end, by one init",
    effect: Effect.gen(function* () {
      const unit = yield* pace(Effect.scoped(Effect.flatMap(makeLax({ size: 1 }), ({ start }) => start)))
      const init = Portable.bind(Portable.bind(hostile.openAfter as never, "slow"), 5 * unit)
      const pool = yield* makeLax({ size: 1, keepAlive: true, init: anyInit(init) })
      const attempt = Effect.timeoutOption(pool.run(plain.where, undefined), 2 * unit)
      const attempts: Array<Option.Option<unknown>> = []
      while (!attempts.some(Option.isSome) && attempts.length < 20) attempts.push(yield* promptly(attempt))
      yield* assert.isTrue(attempts.length > 1, "the first gave up", attempts)
      yield* assert.equal<unknown>(attempts.at(-1), Option.some({ id: 0, generation: 1 }), "worker")
      yield* usable(pool)
    })
  },
  {
    rule: "L10",
    name: "uses a slot again whose init never ends, once the stream that asked for it has been ended early",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, keepAlive: true })
      const stream = pool.stream([1, 2, 3, 4, 5, 6], plain.square, {
        init: anyInit(hostile.pendInSecond),
        dispatch: "ordered",
        chunkSize: 1
      })
      yield* assert.equal(yield* promptly(Stream.runCollect(Stream.take(stream, 1))), [1])
      yield* usesBoth(pool)
    })
  },
  {
    rule: "L10",
    name: "uses a slot again whose init never ends, once the call has failed because of a neighbour's item",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...options, keepAlive: true })
      const map = pool.map([1, 2, 3, 4], Portable.bind(hostile.failIn, 0), {
        init: anyInit(hostile.pendInSecond),
        dispatch: "ordered",
        chunkSize: 1
      })
      yield* assert.diesWithError(promptly(map))
      yield* usesBoth(pool)
    })
  }
]

/** Checks that calls with hooks of their own get both of a pool's workers. */
const usesBoth = Effect.fnUntraced(function* (pool: LaxPool) {
  const where = yield* promptly(
    pool.map([1, 2], plain.where, { init: named("other"), dispatch: "ordered", chunkSize: 1 })
  )
  yield* assert.equal(
    where.map(({ id }) => id).sort((left, right) => left - right),
    [0, 1],
    "workers"
  )
  yield* usable(pool)
})

export const cases: ReadonlyArray<Case> = [...failures, ...layers, ...abandoned, ...others]
