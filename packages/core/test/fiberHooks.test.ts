import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { ambientRuntime, runtime } from "../src/internal/fibers/fiberWorker.ts"
import * as portable from "../src/internal/task/portable.ts"
import * as WorkerPoolError from "../src/WorkerPoolError.ts"
import type { Hook, InitFailure, StartOptions } from "../src/WorkerRuntime.ts"
import { endless, throwing } from "./hostile.ts"
import { settle } from "./support.ts"

const runtimes = {
  layerFibers: Effect.runSync(runtime()),
  FiberPool: ambientRuntime
}

/** A started worker, with what its pool hears of it. */
const start = (name: keyof typeof runtimes, options: Partial<StartOptions> = {}) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const scope = yield* Scope.make()
    const started = runtimes[name].start({
      worker: { id: 0, generation: 1 },
      tasksPerWorker: 1,
      services: undefined,
      startTimeout: undefined,
      killAfter: 50,
      onLost: ({ closed, inHand, killed }) => {
        assert.isTrue(killed)
        assert.instanceOf(closed.cause, Error)
        assert.strictEqual(inHand.size, 0)
        log.push("lost")
      },
      onCondemned: () => void log.push("condemned"),
      onUnwanted: () => {},
      ...options
    })
    const worker = yield* Scope.provide(started, scope)
    return { log, scope, worker }
  })

const hook = (body: () => unknown, timeout?: number): Hook => ({ code: portable.closure(body), timeout })

const tagOf = (failure: unknown): string => {
  if (WorkerPoolError.isWorkerPoolError(failure)) return failure.reason._tag
  const { error, of } = failure as InitFailure
  return `${error.reason._tag} of ${of}`
}

/** Runs a hook, whose end is written to the log. */
const fork = (log: Array<string>, effect: Effect.Effect<unknown, unknown>): Effect.Effect<Fiber.Fiber<void>> =>
  Effect.forkChild(
    Effect.map(Effect.exit(effect), (exit) => {
      const [reason] = Exit.isSuccess(exit) ? [] : exit.cause.reasons
      log.push(reason === undefined ? "succeeded" : reason._tag === "Fail" ? tagOf(reason.error) : reason._tag)
    }),
    { startImmediately: true }
  )

const after = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)

const withFinalizer = (log: Array<string>, body: () => unknown) => () =>
  Effect.andThen(
    Effect.addFinalizer(() => Effect.sync(() => log.push("finalized"))),
    Effect.suspend(body as () => Effect.Effect<unknown>)
  )

for (const name of ["layerFibers", "FiberPool"] as const) {
  describe(`hooks on fibers, ${name}`, () => {
    for (const [what, body] of Object.entries(throwing)) {
      // data to a hook, which no Effect has to be fast for
      if (what.includes("an Exit")) continue
      if (what.includes("finalizer")) {
        it.effect(`F8 ${what}: close fails of it, and ends`, () =>
          Effect.gen(function* () {
            const { log, worker } = yield* start(name)
            yield* fork(log, worker.init(hook(body)))
            yield* fork(log, worker.close(undefined))
            yield* settle
            assert.deepStrictEqual(log, ["succeeded", "ExitFailed"])
          })
        )
        continue
      }
      it.effect(`F8 ${what}: init fails, and exit does`, () =>
        Effect.gen(function* () {
          const { log, worker } = yield* start(name)
          yield* fork(log, worker.init(hook(body)))
          yield* settle
          yield* fork(log, worker.exit(hook(body)))
          yield* settle
          yield* fork(log, worker.close(undefined))
          yield* fork(log, worker.kill)
          yield* settle
          assert.deepStrictEqual(log, ["InitFailed of init", "ExitFailed", "succeeded", "succeeded"])
        })
      )
    }

    it.effect("L10 a WorkerPoolError of the hook's own is a failure of the hook", () =>
      Effect.gen(function* () {
        const own = WorkerPoolError.make(new WorkerPoolError.Terminated({}))
        for (const body of [() => Effect.fail(own), () => Promise.reject(own), () => Effect.die(own)]) {
          const { worker } = yield* start(name)
          const { error, of } = yield* Effect.flip(worker.init(hook(body)))
          assert.strictEqual(of, "init")
          assert(error.reason._tag === "InitFailed")
          assert.strictEqual(error.reason.cause, own)
          const exit = yield* Effect.flip(worker.exit(hook(body)))
          assert(exit.reason._tag === "ExitFailed")
          assert.strictEqual(exit.reason.cause, own)
        }
      })
    )

    it.effect("L10 says whether the services or init failed", () =>
      Effect.gen(function* () {
        const init = hook(() => Effect.fail("init"))
        const own = WorkerPoolError.make(new WorkerPoolError.PoolClosed({}))
        const services: Record<string, [services: unknown, expected: string]> = {
          failing: [Layer.effectDiscard(Effect.fail("services")), "InitFailed of services"],
          own: [Layer.effectDiscard(Effect.fail(own)), "InitFailed of services"],
          "no layer": [5, "StartFailed of services"],
          fine: [Layer.empty, "InitFailed of init"]
        }
        for (const [layer, expected] of Object.values(services)) {
          const { worker } = yield* start(name, { services: portable.closure(layer) })
          assert.strictEqual(tagOf(yield* Effect.flip(worker.init(init))), expected)
        }
        const slow = portable.closure(Layer.effectDiscard(Effect.sleep(100)))
        for (const [timeout, expected] of [
          [99, "InitTimedOut of services"],
          [101, "InitTimedOut of init"]
        ] as const) {
          const { log, worker } = yield* start(name, { services: slow })
          yield* fork(log, worker.init(hook(() => Effect.never, timeout)))
          yield* after(timeout)
          assert.deepStrictEqual(log, [expected])
        }
      })
    )

    for (const [what, body] of Object.entries(endless)) {
      if (what.includes("finalizer")) continue

      it.effect(`T3 ${what}: init is given up killAfter after its time is over`, () =>
        Effect.gen(function* () {
          const { log, scope, worker } = yield* start(name)
          yield* fork(
            log,
            worker.init(
              hook(
                withFinalizer(log, () => endlessEffect(body)),
                100
              )
            )
          )
          yield* after(149)
          assert.deepStrictEqual(log, [])
          yield* after(1)
          assert.deepStrictEqual(log, ["lost", "InitTimedOut of init"])
          yield* fork(log, Scope.close(scope, Exit.void))
          yield* settle
          assert.deepStrictEqual(log.slice(2), ["finalized", "succeeded"])
        })
      )

      it.effect(`C4 ${what}: init is given up killAfter after it was interrupted`, () =>
        Effect.gen(function* () {
          const { log, worker } = yield* start(name)
          yield* fork(log, worker.init(hook(body)))
          yield* after(1000)
          worker.interruptInit()
          yield* after(20)
          worker.interruptInit()
          yield* after(29)
          assert.deepStrictEqual(log, [])
          yield* after(1)
          assert.deepStrictEqual(log, ["lost", "Interrupt"])
        })
      )

      it.effect(`T3 ${what}: so are the services`, () =>
        Effect.gen(function* () {
          const layer = Layer.effectDiscard(Effect.suspend(() => endlessEffect(body)))
          const { log, worker } = yield* start(name, { services: portable.closure(layer) })
          yield* fork(log, worker.init(hook(() => 1, 100)))
          yield* after(150)
          // a Promise can be left by an Effect that waits for it
          assert.deepStrictEqual(log, ["lost", "InitTimedOut of services"])
        })
      )

      it.effect(`T3 ${what}: exit is given up killAfter after its time is over`, () =>
        Effect.gen(function* () {
          const { log, scope, worker } = yield* start(name)
          yield* worker.init(hook(withFinalizer(log, () => Effect.void)))
          yield* fork(log, worker.exit(hook(body, 100)))
          yield* after(149)
          assert.deepStrictEqual(log, [])
          yield* after(1)
          assert.deepStrictEqual(log, ["lost", "ExitTimedOut"])
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(log.slice(2), ["finalized"])
        })
      )

      it.effect(`C4 ${what}: without killAfter a hook is waited for`, () =>
        Effect.gen(function* () {
          const { log, worker } = yield* start(name, { killAfter: undefined })
          yield* fork(log, worker.init(hook(body, 100)))
          yield* after(1_000_000)
          worker.interruptInit()
          yield* fork(log, worker.kill)
          yield* after(1_000_000)
          assert.deepStrictEqual(log, [])
        })
      )

      it.effect(`F5 ${what}: kill ends killAfter later, in a hook and among the finalizers`, () =>
        Effect.gen(function* () {
          const { log, scope, worker } = yield* start(name)
          const init = () =>
            Effect.andThen(
              Effect.addFinalizer(() => endlessEffect(body) as Effect.Effect<never>),
              endlessEffect(body)
            )
          yield* fork(log, worker.init(hook(init)))
          yield* settle
          yield* fork(log, worker.kill)
          yield* after(49)
          assert.deepStrictEqual(log, [])
          yield* after(1)
          assert.deepStrictEqual(log, ["Interrupt"])
          yield* after(50)
          assert.deepStrictEqual(log, ["Interrupt", "succeeded"])
          yield* Scope.close(scope, Exit.void)
        })
      )

      it.effect(`T3 ${what}: finalizers are given up killAfter after their time is over`, () =>
        Effect.gen(function* () {
          const { log, scope, worker } = yield* start(name)
          yield* worker.init(hook(() => Effect.addFinalizer(() => endlessEffect(body) as Effect.Effect<void>)))
          yield* fork(log, worker.close(100))
          yield* after(149)
          assert.deepStrictEqual(log, [])
          yield* after(1)
          assert.deepStrictEqual(log, ["lost", "ExitTimedOut"])
          yield* Scope.close(scope, Exit.void)
        })
      )
    }

    it.effect("T3 finalizers that are slow, but in time, are waited for", () =>
      Effect.gen(function* () {
        const { log, worker } = yield* start(name)
        yield* worker.init(hook(() => Effect.addFinalizer(() => Effect.sleep(90))))
        yield* fork(log, worker.close(100))
        yield* after(90)
        assert.deepStrictEqual(log, ["succeeded"])
      })
    )

    it.effect("C4 a hook that yields in time after its timeout has timed out, and its worker is not lost", () =>
      Effect.gen(function* () {
        const { log, worker } = yield* start(name)
        const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(40))
        yield* fork(log, worker.init(hook(() => slow, 100)))
        yield* after(140)
        assert.deepStrictEqual(log, ["InitTimedOut of init"])
        yield* after(1000)
        assert.deepStrictEqual(log, ["InitTimedOut of init"])
      })
    )

    it.effect("T1 a hook that ends when its time does is in time", () =>
      Effect.gen(function* () {
        const { log, worker } = yield* start(name)
        yield* fork(log, worker.init(hook(() => Effect.sleep(100), 100)))
        yield* after(100)
        assert.deepStrictEqual(log, ["succeeded"])
      })
    )

    it.effect("F5 kill with a killAfter of 0 ends, and runs the finalizers that can end", () =>
      Effect.gen(function* () {
        const { log, scope, worker } = yield* start(name, { killAfter: 0 })
        yield* fork(log, worker.init(hook(withFinalizer(log, () => Effect.uninterruptible(Effect.never)))))
        yield* settle
        yield* fork(log, worker.kill)
        yield* settle
        assert.deepStrictEqual(log, ["Interrupt", "finalized", "succeeded"])
        yield* Scope.close(scope, Exit.void)
      })
    )
  })
}

/** What a body of `endless` returns, as an Effect. */
const endlessEffect = (body: () => unknown): Effect.Effect<unknown> => {
  const returned = body()
  return Effect.isEffect(returned) ? (returned as Effect.Effect<unknown>) : Effect.uninterruptible(Effect.never)
}
