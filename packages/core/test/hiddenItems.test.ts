import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as errors from "../src/internal/common/errors.ts"
import type { PoolEvent } from "../src/PoolEvent.ts"
import * as Portable from "../src/Portable.ts"
import * as WorkerPool from "../src/WorkerPool.ts"
import { RunnerLost, type WorkerPoolError } from "../src/WorkerPoolError.ts"
import { diligent, FakeRuntime } from "./fakeRuntime.ts"
import { driven, reasons, settle } from "./support.ts"

const item = "s3cr3t"

const task = Portable.make("test:hidden", "task", (text: string) => text)

const closed = { exitCode: 1, signal: undefined, cause: new Error(`cannot parse ${item}`) }

/** The ways in which a worker that has an item can end by an error that quotes it. */
const ends: Readonly<Record<string, (runtime: FakeRuntime) => void>> = {
  "lost with the item": ({ last }) => {
    last.begin()
    last.lose({ closed })
  },
  "lost after the item": ({ last }) => {
    last.work()
    last.lose({ closed })
  },
  "lost during its release": (runtime) => {
    runtime.released = (worker) =>
      Effect.suspend(() => {
        if (!worker.isGone) worker.lose({ closed })
        return Effect.never
      })
    runtime.last.work()
  },
  "its release fails": (runtime) => {
    runtime.exit = ({ options }) => Effect.fail(errors.exitErrors(options.worker).failed(closed.cause))
    runtime.last.work()
  }
}

interface Hidden {
  readonly pool?: false
  readonly call?: false | ((text: string) => string)
}

/** All that is told, and logged, of a pool whose worker ends so. */
const told = (end: (runtime: FakeRuntime) => void, { call, pool: ofPool }: Hidden) => {
  const logged: Array<string> = []
  const events: Array<PoolEvent> = []
  const logger = Logger.make(({ cause, message }) => void logged.push(`${String(message)} ${Cause.pretty(cause)}`))
  return Effect.gen(function* () {
    const runtime = new FakeRuntime()
    const options = { size: 1, keepAlive: true, ...(ofPool === undefined ? {} : { describe: ofPool }) }
    const pool = yield* Effect.provide(WorkerPool.make(options), runtime.layer)
    yield* Effect.forkChild(
      Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
      { startImmediately: true }
    )
    const fiber = yield* Effect.forkChild(
      pool.mapExit([item], task, call === undefined ? {} : { describe: call }).pipe(Effect.exit)
    )
    yield* settle
    // the next one does what is sent again
    runtime.run = diligent
    end(runtime)
    yield* driven(Fiber.join(fiber))
    yield* driven(Effect.exit(pool.stop))
    yield* settle
    return { events, all: JSON.stringify([events, logged]) }
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
}

describe("items that are not to be shown", () => {
  for (const [how, end] of Object.entries(ends)) {
    it.effect(`O2 are quoted in nothing that a pool tells of a worker that ends: ${how}`, () =>
      Effect.gen(function* () {
        for (const hidden of [{ pool: false }, { call: false }, { pool: false, call: false }] as const) {
          assert.notInclude((yield* told(end, hidden)).all, item, JSON.stringify(hidden))
        }
        // of others all is told
        assert.include((yield* told(end, {})).all, closed.cause.message)
        const { events } = yield* told(end, { call: () => "text" })
        const ended = events.find(({ _tag }) => _tag === "WorkerLost" || _tag === "WorkerReleased")
        assert.include(JSON.stringify(ended), item)
      })
    )
  }

  it.effect("O2 are quoted to nobody by the loss of another call's item, which their worker had left behind", () =>
    Effect.gen(function* () {
      for (const method of ["map", "mapExit"] as const) {
        const events: Array<PoolEvent> = []
        const runtime = new FakeRuntime()
        const pool = yield* Effect.provide(WorkerPool.make({ size: 1, keepAlive: true }), runtime.layer)
        yield* Effect.forkScoped(
          Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
          { startImmediately: true }
        )
        runtime.run = diligent
        yield* pool.map([item], task, { describe: false })
        runtime.run = () => {}
        const call: Effect.Effect<unknown, WorkerPoolError> = pool[method](["other"], task)
        const fiber = yield* Effect.forkChild(Effect.exit(call))
        yield* settle
        runtime.last.begin()
        runtime.last.lose({ closed })
        const exit = yield* driven(Fiber.join(fiber))
        yield* settle
        assert.notInclude(JSON.stringify(events), item)
        assert.include(JSON.stringify(events), "was lost (exit code 1) with items 0 of test:hidden#task in hand")
        // the caller gets all of it
        const own = Exit.isSuccess(exit) ? (exit.value as ReadonlyArray<Exit.Exit<unknown, unknown>>)[0]! : exit
        assert.strictEqual(Reflect.get(reasons(own)[0]!, "cause"), closed.cause)
      }
    })
  )

  it.effect("O2 what is known of a loss beside an uncaught error is told all the same", () =>
    Effect.gen(function* () {
      const lost = (cause: unknown, external: boolean) =>
        told(({ last }) => last.lose({ closed: { exitCode: 3, signal: "SIGKILL", cause, external } }), { call: false })
      const one = (yield* lost(closed.cause, false)).events.find(({ _tag }) => _tag === "WorkerLost")
      assert.deepInclude(one, { exitCode: 3, signal: "SIGKILL", cause: undefined })
      // that a machine is gone quotes nothing
      const { all } = yield* lost(new RunnerLost({ runner: "one" }), true)
      assert.include(all, "The runner one was lost")
      const { events } = yield* told(ends["its release fails"]!, { call: false })
      assert.deepInclude(
        events.find(({ _tag }) => _tag === "WorkerReleased"),
        { failure: "ExitFailed" }
      )
    })
  )
})
