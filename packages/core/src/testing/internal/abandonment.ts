/** C4, C5, T2: Promises that ignore their signal, on every runtime: nobody waits for them longer than `killAfter`. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Portable from "../../Portable.ts"
import type { WorkerRuntime } from "../../WorkerRuntime.ts"
import { patience, promptly, usable } from "./aftermath.ts"
import * as assert from "./assert.ts"
import { type Case, type LaxPool, makeLax, harmful, hostile, plain } from "./case.ts"

const impatient = { size: 1, keepAlive: true, killAfter: patience } as const

/** Checks that the worker that ran such a Promise is gone and counted, and that the pool has another. */
const isReplaced = Effect.fnUntraced(function* (pool: LaxPool) {
  yield* usable(pool)
  yield* assert.equal(yield* promptly(pool.run(plain.where, undefined)), { id: 0, generation: 2 }, "worker")
  const { killed, lost } = yield* pool.stats
  yield* assert.equal({ killed, lost }, { killed: 1, lost: 0 }, "stats")
  yield* promptly(pool.stop)
  yield* assert.equal((yield* pool.stats).live, 0, "live workers")
})

/** Starts a call, and gives its fiber once its item has started, or so it seems. */
const started = Effect.fnUntraced(function* <A, E>(pool: LaxPool, call: Effect.Effect<A, E>) {
  yield* promptly(pool.run(plain.square, 1))
  const fiber = yield* Effect.forkChild(call, { startImmediately: true })
  yield* assert.eventually(Effect.map(pool.stats, ({ busy }) => busy === 1))
  return fiber
})

const calls: Record<
  string,
  (pool: LaxPool, options?: { readonly timeout: number }) => Effect.Effect<unknown, unknown>
> = {
  run: (pool, options) => pool.run(harmful.pend, 1, options),
  map: (pool, options) => pool.map([1], harmful.pend, options),
  stream: (pool, options) => Stream.runDrain(pool.stream([1], harmful.pend, options))
}

export const cases: ReadonlyArray<Case> = [
  ...Object.entries(calls).map(([name, call]): Case => ({
    rule: "T2",
    name: `fails \`${name}\` with TaskTimedOut when a Promise ignores its signal, and replaces its worker`,
    effect: Effect.gen(function* () {
      const pool = yield* makeLax(impatient)
      yield* promptly(pool.run(plain.square, 1))
      yield* assert.failsWith(promptly(call(pool, { timeout: 40 })), "TaskTimedOut")
      yield* isReplaced(pool)
    })
  })),
  {
    rule: "T2",
    name: "marks the item whose Promise ignores its signal in mapExit, and does the others",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax(impatient)
      yield* promptly(pool.run(plain.square, 1))
      const exits = yield* promptly(
        pool.mapExit([1, 2, 3, 4], Portable.bind(hostile.ignoreAt, 2), { timeout: 100, chunkSize: 4 })
      )
      yield* assert.equal(exits.map(Exit.isSuccess), [true, false, true, true])
      yield* assert.exitFailsWith(exits[1], "TaskTimedOut")
      yield* isReplaced(pool)
    })
  },
  {
    rule: "C5",
    name: "interrupts the caller of a Promise that ignores its signal, and replaces its worker",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...impatient, init: plain.openJournal, exit: plain.closeJournal })
      // the item may not have begun yet: then nothing is killed, and it is tried again
      const attempt = (delay: number): Effect.Effect<void, unknown, WorkerRuntime> =>
        Effect.gen(function* () {
          const fiber = yield* started(pool, pool.run(harmful.waitForEver, 1))
          yield* Effect.sleep(delay)
          yield* promptly(Fiber.interrupt(fiber))
          if ((yield* pool.stats).killed === 0) yield* attempt(2 * delay)
        })
      yield* attempt(patience)
      yield* isReplaced(pool)
    })
  },
  {
    rule: "C5",
    name: "ends a stream early although the Promise of its next item ignores its signal",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax(impatient)
      const stream = pool.stream([1, 2], Portable.bind(hostile.ignoreAt, 2), { chunkSize: 1 })
      yield* assert.equal(yield* promptly(Stream.runCollect(Stream.take(stream, 1))), [1])
      yield* usable(pool)
      yield* promptly(pool.stop)
    })
  },
  {
    rule: "C4",
    name: "fails fast although the Promise of another item of the call ignores its signal",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ ...impatient, size: 2 })
      yield* promptly(pool.start)
      const items = ["pend", "fail"] as const
      const map = pool.map(items, hostile.pendOrFail, { chunkSize: 1, dispatch: "ordered" })
      const { error } = yield* assert.diesWithError(promptly(map))
      yield* assert.equal(error.message, "fail", "message")
      yield* usable(pool)
      yield* promptly(pool.stop)
    })
  },
  {
    rule: "L3",
    name: "terminates although an item's Promise ignores its signal",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax(impatient)
      const fiber = yield* started(pool, pool.map([1], harmful.pend))
      yield* promptly(pool.terminate)
      yield* assert.failsWith(promptly(Fiber.join(fiber)), "Terminated")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* usable(pool)
    })
  },
  {
    rule: "F5",
    name: "closes the scope although an item's Promise ignores its signal",
    effect: Effect.gen(function* () {
      const held = Effect.gen(function* () {
        const pool = yield* makeLax(impatient)
        return yield* started(pool, pool.map([1], harmful.pend))
      })
      const fiber = yield* promptly(Effect.scoped(Effect.flatMap(held, (fiber) => Effect.succeed(fiber))))
      yield* promptly(Fiber.await(fiber))
    })
  },
  {
    rule: "T2",
    name: "fails with InitTimedOut when init's Promise never settles, on fibers too",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, init: harmful.openNumber, killAfter: patience })
      const map = pool.map([1], plain.square, { init: harmful.pendOnOpen, initTimeout: 50 })
      yield* assert.failsWith(promptly(map), "InitTimedOut")
      yield* assert.equal(yield* promptly(pool.map([2], plain.square)), [4])
      yield* usable(pool)
      yield* promptly(pool.stop)
    })
  },
  {
    rule: "T2",
    name: "fails with ExitTimedOut when exit's Promise never settles, on fibers too",
    effect: Effect.gen(function* () {
      const pool = yield* makeLax({ size: 1, exit: plain.closeQuietly, killAfter: patience })
      const options = { exit: harmful.pendOnClose as never, exitTimeout: 50 }
      yield* assert.failsWith(promptly(pool.map([1], plain.square, options)), "ExitTimedOut")
      yield* assert.equal((yield* pool.stats).live, 0, "live workers")
      yield* assert.equal(yield* promptly(pool.map([2], plain.square)), [4])
      yield* usable(pool)
    })
  }
]
