import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const tasks = Portable.module<typeof import("./fixtures/imports.tasks.ts")>(
  new URL("./fixtures/imports.tasks.ts", import.meta.url)
)

const recorder = new URL("./fixtures/record-imports.ts", import.meta.url)

const ofEffect = (modules: ReadonlyArray<string>) => modules.filter((url) => url.includes("/node_modules/effect/"))

const execArgv = ["--import", recorder.href]

describe("the worker entry", () => {
  for (const [name, runtime] of [
    ["a thread", NodeWorkerRuntime.layerThreads({ execArgv })],
    ["a process", NodeWorkerRuntime.layerProcesses({ execArgv })]
  ] as const) {
    it.live(`imports nothing in ${name} that a plain function does not need, and nothing of Effect`, () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        const modules = yield* pool.run(tasks.loadedModules, undefined)
        assert.isTrue(modules.some((url) => url.endsWith("/core/src/WorkerEntry.ts")))
        assert.isTrue(modules.some((url) => url.endsWith("imports.tasks.ts")))
        assert.strictEqual(
          modules.some((url) => url.endsWith("/servedProcess.ts")),
          name === "a process"
        )
        assert.deepStrictEqual(ofEffect(modules), [])
        // and would be found if it were there
        yield* pool.run(tasks.loadsEffect, undefined)
        assert.isNotEmpty(ofEffect(yield* pool.run(tasks.loadedModules, undefined)))
      }).pipe(Effect.provide(runtime))
    )
  }
})
