import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { fileURLToPath } from "node:url"
import { threadId } from "node:worker_threads"
import { reasonOf, runFixture, runNode } from "./support.ts"

const tasks = Portable.module<typeof import("./fixtures/thread.tasks.ts")>(
  new URL("./fixtures/thread.tasks.ts", import.meta.url)
)
const throwing = Portable.module<typeof import("./fixtures/throws.tasks.ts")>(
  new URL("./fixtures/throws.tasks.ts", import.meta.url)
)
const missing = Portable.module<{ readonly square: (n: number) => number }>(
  new URL("./fixtures/not-there.tasks.ts", import.meta.url)
)

const threads = Effect.provide(NodeWorkerRuntime.layerThreads())

describe("NodeWorkerRuntime.layerThreads", () => {
  it.live("runs every worker in a thread of its own", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, keepAlive: true })
      yield* pool.start
      const where = yield* pool.map([0, 1, 2, 3], tasks.where, { dispatch: "ordered", chunkSize: 1 })
      assert.deepStrictEqual(
        where.map(({ id }) => id),
        [0, 1, 0, 1]
      )
      assert.isTrue(where.every((one) => !one.isMainThread && one.threadId !== threadId && one.generation === 1))
      assert.strictEqual(new Set(where.map((one) => one.threadId)).size, 2)
    }).pipe(threads)
  )

  it.live("passes env, name, execArgv and resourceLimits through", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      assert.deepStrictEqual(yield* pool.run(tasks.seen, undefined), {
        greeting: "hello",
        inherited: false,
        name: "resizer",
        execArgv: ["--no-warnings"],
        youngGeneration: 7
      })
    }).pipe(
      Effect.provide(
        NodeWorkerRuntime.layerThreads({
          env: { GREETING: "hello" },
          name: "resizer",
          execArgv: ["--no-warnings"],
          resourceLimits: { maxYoungGenerationSizeMb: 7 }
        })
      )
    )
  )

  it.live("inherits the environment by default", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const seen = yield* pool.run(tasks.seen, undefined)
      assert.isTrue(seen.inherited)
      assert.strictEqual(seen.name, "effect-mpire 0")
    }).pipe(threads)
  )

  it.live(
    "F3 fails every waiting run at once when a module throws while it loads, and starts no thread over and over",
    () =>
      Effect.gen(function* () {
        const hundred = <A, E>(run: (pool: WorkerPool.WorkerPool, n: number) => Effect.Effect<A, E>) =>
          Effect.gen(function* () {
            const pool = yield* WorkerPool.make({ size: 2 })
            const [took, exits] = yield* Effect.timed(
              Effect.forEach(
                Array.from({ length: 100 }, (_, n) => n),
                (n) => Effect.exit(run(pool, n)),
                { concurrency: "unbounded" }
              )
            )
            return { exits, pool, took: Duration.toMillis(took) }
          })
        const control = yield* hundred((pool, n) => pool.run(tasks.square, n))
        const attempts = yield* Effect.replicateEffect(
          hundred((pool, n) => pool.run(throwing.square, n)),
          3
        )
        const { exits, pool } = attempts[0]!
        // those whose module loads have to start their threads as well; a busy machine may hold one of them up
        assert.isBelow(Math.min(...attempts.map(({ took }) => took)), 5 * control.took)
        for (const exit of exits) {
          const reason = reasonOf(exit)
          assert.strictEqual(reason._tag, "StartFailed")
          assert.include(reason.message, "this module throws while it loads")
        }
        const where = yield* pool.map([1, 2, 3, 4], tasks.where, { chunkSize: 1 })
        assert.isTrue(where.every(({ generation }) => generation === 1))
      }).pipe(threads)
  )

  it.live("F3 names a missing module and the compiled one that it looked for instead", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const reason = reasonOf(yield* Effect.exit(pool.map([1], missing.square)))
      assert.strictEqual(reason._tag, "StartFailed")
      assert.include(reason.message, "not-there.tasks.ts")
      assert.include(reason.message, "nor has a file .js, .mjs, .cjs beside it")
      assert.deepStrictEqual(yield* pool.map([1, 2], tasks.square), [1, 4])
    }).pipe(threads)
  )

  it.live("F3 names the trap of a program that a worker starts again by loading it", () =>
    Effect.gen(function* () {
      // not known as the main file, because another starts it, as process managers do
      const { code, stdout } = yield* runNode(["--eval", 'import("./test/fixtures/unguarded.ts")'])
      assert.strictEqual(code, 0)
      assert.include(stdout, "could not start")
      assert.include(stdout, "Keep tasks in a module of their own")
    })
  )

  it.live("F3 fails at once when the entry cannot be started", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2 })
      const reason = reasonOf(yield* Effect.exit(pool.map([1, 2, 3], tasks.square)))
      assert.strictEqual(reason._tag, "StartFailed")
      assert.deepInclude(yield* pool.stats, { live: 0, starting: 0, calls: 0, lost: 0 })
    }).pipe(Effect.provide(NodeWorkerRuntime.layerThreads({ entry: new URL("file:///nowhere/entry.js") })))
  )

  it.live("a closure that was smuggled past the types is NotPortable", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const closure: any = (n: number) => n
      const reason = reasonOf(yield* Effect.exit(pool.map([1], closure)))
      assert.deepInclude(reason, { _tag: "NotPortable", role: "task" })
      const hook = reasonOf(yield* Effect.exit(pool.map([1], tasks.square, { init: closure })))
      assert.deepInclude(hook, { _tag: "NotPortable", role: "init" })
      assert.deepStrictEqual(yield* pool.map([1, 2], tasks.square), [1, 4])
    }).pipe(threads)
  )

  it.effect("T3 times items out in real time, even under TestClock", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const reason = reasonOf(yield* Effect.exit(pool.run(tasks.never, undefined, { timeout: 30 })))
      assert.deepInclude(reason, { _tag: "TaskTimedOut", index: 0 })
      assert.strictEqual(yield* pool.run(tasks.slow, 1, { timeout: "1 minute" }), 1)
    }).pipe(threads)
  )

  it.live("C5 aborts the signal of a task whose caller is interrupted, and keeps its worker", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1, keepAlive: true })
      yield* pool.start
      const fiber = yield* Effect.forkChild(pool.map([1], tasks.untilAborted), { startImmediately: true })
      // messages keep their order, so the task has started when another's result is there
      yield* Fiber.interrupt(fiber)
      const { generation } = yield* pool.run(tasks.where, undefined)
      assert.strictEqual(generation, 1)
    }).pipe(threads)
  )

  it.live("F1 a worker that ends with an item in hand fails that call, and only that", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const reason = reasonOf(yield* Effect.exit(pool.run(tasks.exit, 3)))
      assert.deepInclude(reason, { _tag: "WorkerLost", exitCode: 3, indices: [0] })
      assert.deepStrictEqual(yield* pool.map([1, 2], tasks.square), [1, 4])
      assert.strictEqual((yield* pool.stats).lost, 1)
    }).pipe(threads)
  )
})

describe("a program on threads", () => {
  it.live("ends by itself after the scope has closed, with no thread, port or timer left", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFixture("exits-by-itself.ts")
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const lines = stdout.trim().split("\n")
      assert.include(lines, "said in a worker")
      assert.deepStrictEqual(JSON.parse(lines.at(-1)!), [])
    })
  )

  it.live("runs under options that only a whole process can have", () =>
    Effect.gen(function* () {
      const fixture = fileURLToPath(new URL("./fixtures/never-closed.ts", import.meta.url))
      const { code, stderr, stdout } = yield* runNode(["--max-old-space-size=1000", "--expose-gc", fixture])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(stdout), [1, 4, 9])
    })
  )

  it.live("ends though an idle worker of it lives", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runFixture("never-closed.ts")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(JSON.parse(stdout), [1, 4, 9])
    })
  )
})
