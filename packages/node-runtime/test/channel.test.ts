/** The channel, which tasks cannot reach: what they send, close, scribble on and break is theirs (F6). */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { bare, reasonOf } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/channel.tasks.ts")>(
  new URL("./fixtures/channel.tasks.ts", import.meta.url)
)

const items = [1, 2, 3, 4]

const doubles = items.map((n) => 2 * n)

const make = WorkerPool.make({ size: 2, keepAlive: true, killAfter: 200, startTimeout: 15_000 })

/** A call comes to an end, whatever its task has broken. */
const settles = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.exit(Effect.timeoutOrElse(call, { duration: "20 seconds", orElse: () => Effect.die("it hangs") })).pipe(
    Effect.tap((exit) => Effect.sync(() => assert.notInclude(String(exit), "it hangs")))
  )

/** What a task can break, and how. */
const broken = [
  ["Array", "push"],
  ["Array", "shift"],
  ["Array", "map"],
  ["Map", "get"],
  ["Promise", "then"],
  ["performance", "now"],
  ["MessagePort", "postMessage"],
  ["JSON", "stringify"],
  ["global", "Promise"],
  ["global", "setTimeout"],
  ["global", "setImmediate"],
  ["global", "structuredClone"]
].flatMap(([owner, name]) => (["fails", "does nothing"] as const).map((how) => [owner!, name!, how] as const))

describe("the channel of a process", () => {
  it.live("F6 a task that writes to all that is open ends its worker, which says why", () =>
    Effect.gen(function* () {
      const pool = yield* make
      const reason = reasonOf(yield* settles(pool.run(tasks.scribble, 1)))
      assert(reason._tag === "WorkerLost")
      assert.match(String(reason.cause), /channel is broken/)
      assert.deepStrictEqual(yield* pool.map(items, tasks.double), doubles)
    }).pipe(Effect.provide(NodeWorkerRuntime.layerProcesses(bare)))
  )
})

for (const [name, runtime] of [
  ["threads", NodeWorkerRuntime.layerThreads(bare)],
  ["processes", NodeWorkerRuntime.layerProcesses(bare)]
] as const) {
  describe(`tasks and the channel, on ${name}`, () => {
    it.live("F6 what a task sends to its parent is nobody's, and neither floods nor confuses the pool", () =>
      Effect.gen(function* () {
        const pool = yield* make
        for (const task of [tasks.postAll, tasks.flood]) {
          const [own, beside] = yield* Effect.all([pool.map(items, task), pool.map(items, tasks.double)], {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual([own, beside], [doubles, doubles])
        }
        assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0, calls: 0 })
      }).pipe(Effect.provide(runtime))
    )

    it.live("F6 a task finds no channel, and closes its own port alone", () =>
      Effect.gen(function* () {
        const pool = yield* make
        assert.deepStrictEqual(yield* pool.run(tasks.findChannel, 1), [])
        yield* settles(pool.map(items, tasks.closeOwn))
        assert.deepStrictEqual(yield* pool.map(items, tasks.double), doubles)
        assert.deepInclude(yield* pool.stats, { lost: 0, killed: 0, calls: 0 })
      }).pipe(Effect.provide(runtime))
    )

    it.live("F6 a task that breaks what its worker is made of fails its own call at most", () =>
      Effect.gen(function* () {
        const pool = yield* make
        for (const what of broken.filter((_, n) => n % (name === "threads" ? 2 : 5) === 0)) {
          const beside = yield* Effect.forkChild(pool.map(items, tasks.double), { startImmediately: true })
          const exit = yield* settles(pool.run(Portable.bind(tasks.breaks, what), 4))
          if (Exit.isSuccess(exit)) assert.strictEqual(exit.value, 8, what.join())
          // a call that shares the broken worker may end with it; none hangs, and the pool goes on
          yield* settles(Fiber.join(beside))
          yield* settles(pool.restart)
          assert.deepStrictEqual(yield* pool.map(items, tasks.echo), items, what.join())
        }
        assert.strictEqual((yield* pool.stats).calls, 0)
      }).pipe(Effect.provide(runtime))
    )

    it.live("F6 T2 killAfter holds for a task that stops its worker's clocks and computes without end", () =>
      Effect.gen(function* () {
        const pool = yield* make
        const exit = yield* settles(pool.map([1], tasks.hang, { timeout: 100 }))
        assert.strictEqual(reasonOf(exit)._tag, "TaskTimedOut")
        assert.deepStrictEqual(yield* pool.map(items, tasks.double), doubles)
      }).pipe(Effect.provide(runtime))
    )
  })
}
