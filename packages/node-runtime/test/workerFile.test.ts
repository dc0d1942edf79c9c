/** A worker file, which names the modules of tasks, on threads and processes. */
import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { threadId, Worker } from "node:worker_threads"
import { Negative, root } from "./fixtures/worker-file.arithmetic.ts"
import type { modules } from "./fixtures/worker-file.ts"
import { reasonOf } from "./support.ts"

const { arithmetic, texts } = Portable.modules<typeof modules>()

const file = new URL("./fixtures/worker-file.ts", import.meta.url)

const runtimes = {
  "threads, by spawn": NodeWorkerRuntime.layerThreads({
    execArgv: [],
    spawn: (options) => new Worker(new URL("./fixtures/worker-file.ts", import.meta.url), options)
  }),
  "threads, by entry": NodeWorkerRuntime.layerThreads({ execArgv: [], entry: file }),
  processes: NodeWorkerRuntime.layerProcesses({ execArgv: [], entry: file }),
  fibers: WorkerRuntime.layerFibers({ load: () => import("./fixtures/worker-file.ts") })
}

describe("a worker file", () => {
  it.live.each(Object.entries(runtimes))("finds tasks, hooks and Schemas by names: %s", ([name, runtime]) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 2, init: arithmetic.open, keepAlive: true })
      assert.deepStrictEqual(yield* pool.map([1, 2, 3], arithmetic.square, { chunkSize: 1 }), [1, 4, 9])
      assert.deepStrictEqual(yield* pool.map(["a"], texts.shout), ["A"])
      const error = yield* Effect.flip(pool.run(root, -4))
      assert.deepStrictEqual(error, new Negative({ n: -4 }))
      assert.strictEqual(yield* pool.run(root, 9), 3)
      const here = [process.pid, threadId]
      const there = yield* pool.run(texts.where, undefined)
      if (name === "fibers") assert.deepStrictEqual([...there], here)
      else assert.notDeepEqual([...there], here)
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )

  it.live.each(Object.entries(runtimes))(
    "F3 F7 lists its modules where one is asked for that it lacks: %s",
    ([, runtime]) =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const { images } = Portable.modules<any>() as unknown as Record<string, typeof texts>
        const { message } = reasonOf(yield* Effect.exit(pool.map(["a"], images!.shout)))
        assert.include(
          message,
          'could not load worker:images: The worker file names no module "images", but arithmetic, texts'
        )
      }).pipe(Effect.scoped, Effect.provide(runtime))
  )

  it.live("F3 F7 is what a worker without one says that it lacks", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { message } = reasonOf(yield* Effect.exit(pool.map(["a"], texts.shout)))
      assert.include(
        message,
        "could not load worker:texts: The worker has no worker file: name one by the runtime's option"
      )
    }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerThreads({ execArgv: [] })))
  )

  const missing = new URL("./fixtures/no-such-file.ts", import.meta.url)
  const inlined = new URL("data:video/mp2t;base64,aW1wb3J0")

  it.live.each(
    Object.entries({
      "an entry, threads": [
        NodeWorkerRuntime.layerThreads({ entry: missing }),
        "make the worker file an entry of its own"
      ],
      "an entry, processes": [
        NodeWorkerRuntime.layerProcesses({ entry: missing }),
        "nor has one .js, .mjs or .cjs beside it"
      ],
      "by spawn": [
        NodeWorkerRuntime.layerThreads({ spawn: (options) => new Worker(missing, options) }),
        "make the worker file an entry of its own, and name it by `entry`"
      ],
      "within its URL, threads": [
        NodeWorkerRuntime.layerThreads({ entry: inlined }),
        "a URL which begins with data:video/mp2t"
      ],
      "within its URL, processes": [
        NodeWorkerRuntime.layerProcesses({ entry: inlined }),
        "in Vite by `build: { ssr: true }`"
      ]
    } as const)
  )("F3 says what to do where a bundler has not built it: %s", ([, [runtime, expected]]) =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      assert.include(reasonOf(yield* Effect.exit(pool.map(["a"], texts.shout))).message, expected)
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )

  it.live("F7 says what to do where a bundler has put a module of tasks into its URL", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const { shout } = Portable.module<{ readonly shout: (text: string) => string }>(inlined)
      const { message } = reasonOf(yield* Effect.exit(pool.map(["a"], shout)))
      assert.include(message, "could not load data:video/…: A bundler has put the file itself into its URL")
    }).pipe(Effect.scoped, Effect.provide(NodeWorkerRuntime.layerThreads({ execArgv: [] })))
  )

  it.live("C8 is given to threads in one way", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ size: 1 })
      const reason = reasonOf(yield* Effect.exit(pool.map(["a"], texts.shout)))
      assert.deepInclude(reason, { _tag: "InvalidOptions", option: "entry" })
    }).pipe(
      Effect.scoped,
      Effect.provide(NodeWorkerRuntime.layerThreads({ entry: file, spawn: (options) => new Worker(file, options) }))
    )
  )
})
