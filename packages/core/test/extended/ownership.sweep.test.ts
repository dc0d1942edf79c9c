/**
 * Whose failure is whose: the hooks of a call A × its fate × the hooks of a call B × the time between them, on pools of
 * both kinds and however workers are kept. What becomes of B depends on B's own hooks, and on no others.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { WorkerContext } from "../../src/WorkerContext.ts"
import { bounded, driven, failures, type Kind, kinds, makePool, type Pool, recordLogs } from "../support.ts"

// -----------------------------------------------------------------------------
// What can happen
// -----------------------------------------------------------------------------

/** What an `init` does before it returns its name. */
type Behaviour = "succeeds" | "fails" | "never ends" | "is slow"

const behave: Record<Behaviour, Effect.Effect<void, string>> = {
  succeeds: Effect.void,
  fails: Effect.fail("init failed"),
  "never ends": Effect.never,
  "is slow": Effect.sleep(200)
}

interface Fate {
  readonly name: string
  readonly init: Behaviour
  readonly initTimeout?: number
  /** The call that comes to that. */
  readonly call: (pool: Pool, options: object) => Effect.Effect<unknown, unknown>
}

const slowly = (n: number) => Effect.as(Effect.sleep(100), n)

const failAtTwo = (n: number) => (n === 2 ? Effect.fail("task failed") : slowly(n))

const items = [1, 2, 3, 4]

const map = (pool: Pool, options: object): Effect.Effect<unknown, unknown> =>
  pool.map(items, slowly, { chunkSize: 1, ...options })

const giveUp = (pool: Pool, options: object) => Effect.timeout(map(pool, options), 50)

const fates: ReadonlyArray<Fate> = [
  { name: "succeeds", init: "succeeds", call: map },
  {
    name: "has an item that fails",
    init: "succeeds",
    call: (pool, options) => pool.map(items, failAtTwo, { chunkSize: 1, ...options })
  },
  { name: "is interrupted while its items run", init: "succeeds", call: giveUp },
  {
    name: "is a stream that is ended early",
    init: "succeeds",
    call: (pool, options) => Stream.runDrain(Stream.take(pool.stream(items, slowly, { chunkSize: 1, ...options }), 1))
  },
  { name: "has an init that fails", init: "fails", call: map },
  { name: "has an init that times out", init: "never ends", initTimeout: 50, call: map },
  { name: "gives up an init that never ends", init: "never ends", call: giveUp },
  { name: "gives up an init that is slow", init: "is slow", call: giveUp },
  {
    name: "is a stream whose init fails",
    init: "fails",
    call: (pool, options) => Stream.runDrain(pool.stream(items, slowly, options))
  }
]

const hooksOfA = ["its own", "the pool's"] as const

const hooksOfB = ["none, a run", "none", "A's", "others that succeed", "others that fail"] as const

const times = ["meanwhile", "at once", "after A twice", "later"] as const

const keeps = [
  { keepAlive: false, size: 1 },
  { keepAlive: false, size: 2 },
  { keepAlive: true, size: 1 },
  { keepAlive: true, size: 2 },
  { keepAlive: 5000, size: 1 }
] as const

interface Combination {
  readonly kind: Kind
  readonly fate: Fate
  readonly hooksOfA: (typeof hooksOfA)[number]
  readonly hooksOfB: (typeof hooksOfB)[number]
  readonly time: (typeof times)[number]
  readonly keep: (typeof keeps)[number]
}

// -----------------------------------------------------------------------------
// What is to become of it
// -----------------------------------------------------------------------------

/** Plays one combination; gives what is wrong with it. */
const play = (combination: Combination): Effect.Effect<ReadonlyArray<string>> => {
  const { fate, kind, time } = combination
  const logs = recordLogs()
  return Effect.gen(function* () {
    const violations: Array<string> = []
    const settles = Effect.fnUntraced(function* <A, E>(what: string, effect: Effect.Effect<A, E>) {
      const exit = yield* bounded(effect)
      if (exit === undefined) violations.push(`${what} hangs`)
      return exit
    })
    /** The inits that have begun, in order, and the workers that are live, by the inits that they ran. */
    const begun: Array<string> = []
    const live: Array<string> = []
    let present = 0
    const init = (name: string, behaviour: Behaviour) => () =>
      Effect.gen(function* () {
        begun.push(name)
        yield* Effect.acquireRelease(
          Effect.sync(() => present++),
          () => Effect.sync(() => present--)
        )
        yield* behave[behaviour]
        yield* Effect.acquireRelease(
          Effect.sync(() => live.push(name)),
          () => Effect.sync(() => live.splice(live.indexOf(name), 1))
        )
        return name
      })
    const initTimeout = fate.initTimeout === undefined ? {} : { initTimeout: fate.initTimeout }
    const inits = {
      A: { init: init("A", fate.init), ...initTimeout },
      other: { init: init("other", "succeeds") },
      bad: { init: init("bad", "fails") }
    }
    const isOfPool = combination.hooksOfA === "the pool's"
    const defaults = isOfPool ? inits.A : { init: init("default", "succeeds") }
    const ofA = isOfPool ? {} : inits.A
    const scope = yield* Scope.make()
    const pool: Pool = yield* Effect.orDie(
      Scope.provide(makePool<any, any>(kind, { killAfter: 100, ...combination.keep, ...(defaults as {}) }), scope)
    )

    // A
    let meanwhile: Fiber.Fiber<unknown, unknown> | undefined
    if (time === "meanwhile") {
      meanwhile = yield* Effect.forkDetach(fate.call(pool, ofA), { startImmediately: true })
      yield* Effect.sleep(25)
    } else {
      for (let n = time === "after A twice" ? 2 : 1; n > 0; n--) yield* settles("A", fate.call(pool, ofA))
      if (time === "later") yield* Effect.sleep("10 seconds")
    }

    // B
    const isAlone = meanwhile === undefined || meanwhile.pollUnsafe() !== undefined
    const before = { live: [...live], begun: begun.length, lines: logs.lines.length, present }
    const current = yield* currentName(combination, isAlone)
    const task = (_: number, worker: WorkerContext<string>) => Effect.succeed(worker.state)
    const call = {
      "none, a run": () => Effect.map(pool.run(task, 1), (state) => [state]),
      none: () => pool.map([1], task),
      "A's": () => pool.map([1], task, inits.A),
      "others that succeed": () => pool.map([1], task, inits.other),
      "others that fail": () => pool.map([1], task, inits.bad)
    }[combination.hooksOfB]()
    const exit = yield* settles("B", Effect.timeout(call as Effect.Effect<ReadonlyArray<string>, unknown>, 10_000))
    if (exit !== undefined) {
      const behaviour = current === "A" ? fate.init : current === "bad" ? "fails" : "succeeds"
      const isGood = behaviour === "succeeds" || behaviour === "is slow"
      if (Exit.isFailure(exit)) {
        const failure = failures(exit)[0]
        const expected = fate.initTimeout !== undefined && current === "A" ? "InitTimedOut" : "InitFailed"
        const isGivenUp = behaviour === "never ends" && expected === "InitFailed"
        if (isGood) violations.push(`B fails with ${String(failure)}`)
        else if (!isGivenUp && failure !== expected) violations.push(`B fails with ${String(failure)}, not ${expected}`)
      } else {
        const [state] = exit.value as [string]
        // one that was live already, or was being acquired for a call that goes on
        const isOthers = before.live.includes(state) || (!isAlone && before.present > before.live.length)
        // A, whose hooks it shares, may have taken them away again
        const isLeft = !isAlone && combination.hooksOfB.startsWith("none") && state === "default"
        const isTold = logs.lines.slice(before.lines).some((line) => line.startsWith("WARN init or exit changed"))
        if (state !== current && !isLeft) {
          if (!isOthers) violations.push(`B has a worker with ${state}, not ${current}`)
          else if (!isTold) violations.push(`B has a worker with ${state}, not ${current}, and no warning`)
        }
      }
    }
    if (isAlone) {
      const strangers = begun.slice(before.begun).filter((name) => name !== current)
      if (strangers.length > 0) violations.push(`${strangers.join(", ")} ran for B`)
    }

    // afterwards
    if (meanwhile !== undefined) yield* settles("A", Fiber.await(meanwhile))
    const later = yield* settles("a later call", pool.map([1], task, inits.other))
    if (later !== undefined && Exit.isFailure(later)) violations.push(`a later call fails: ${failures(later)[0]}`)
    const { busy, calls, pending } = yield* pool.stats
    if (busy + calls + pending > 0) violations.push(`${calls} calls are left`)
    yield* settles("the scope", Scope.close(scope, Exit.void))
    if (present !== 0) violations.push(`${present} workers are left`)
    return violations
  }).pipe(Effect.provide(logs.layer))
}

/** Whose init is current for B. */
const currentName = ({ fate, hooksOfA, hooksOfB }: Combination, isAlone: boolean) =>
  Effect.sync(() => {
    if (hooksOfB === "others that succeed") return "other"
    if (hooksOfB === "others that fail") return "bad"
    if (hooksOfB === "A's" || hooksOfA === "the pool's" || !isAlone) return "A"
    // of a call that got a worker, the hooks stay until the next that starts alone, which a run is not
    return hooksOfB === "none, a run" && fate.init === "succeeds" ? "A" : "default"
  })

/** Of one fate, no more than so many violations are told. */
const most = Number(process.env["SWEEP_MOST"] ?? 8)

describe.each(kinds)("a call A that others come after, %s", (kind) => {
  for (const fate of fates) {
    it.effect(`L6 L7 L10 leaves B with its own hooks when A ${fate.name}`, () =>
      Effect.gen(function* () {
        const violations: Array<string> = []
        for (const ofA of hooksOfA) {
          for (const ofB of hooksOfB) {
            for (const time of times) {
              for (const keep of keeps) {
                if (violations.length >= most) continue
                const combination = { kind, fate, hooksOfA: ofA, hooksOfB: ofB, time, keep }
                const found = yield* Effect.exit(driven(play(combination)))
                const what = Exit.isSuccess(found) ? found.value : [`it dies: ${String(failures(found)[0])}`]
                if (what.length === 0) continue
                const where = `A's: ${ofA}; B's: ${ofB}; ${time}; ${keep.keepAlive}, ${keep.size}`
                violations.push(`${where} => ${[...new Set(what)].join(", ")}`)
              }
            }
          }
        }
        assert(violations.length === 0, violations.join("\n"))
      })
    )
  }
})
