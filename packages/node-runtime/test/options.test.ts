/** The options of the layers that put workers on Node.js, and of the one that has them as fibers. */
import { Portable, WorkerPool, WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { reasonOf } from "./support.ts"

const double = Portable.inline((n: number) => 2 * n)

type MakeLayer = (options: never) => Layer.Layer<WorkerRuntime.WorkerRuntime>

/** What is refused as each option, by each layer. */
const cases: Record<string, readonly [layer: MakeLayer, refused: Record<string, ReadonlyArray<unknown>>]> = {
  layerFibers: [
    WorkerRuntime.layerFibers,
    { clone: ["no", 0, null], load: ["./tasks.ts", {}], modules: ["./tasks.ts", [4], [null]] }
  ],
  layerThreads: [
    NodeWorkerRuntime.layerThreads,
    {
      execArgv: ["--expose-gc", [4]],
      compileCache: ["yes"],
      entry: ["./worker.js", 4, null],
      output: ["logs", true],
      mainModule: ["yes"],
      spawn: [new URL(import.meta.url)]
    }
  ],
  layerProcesses: [
    NodeWorkerRuntime.layerProcesses,
    { execArgv: ["--expose-gc"], compileCache: [1], entry: ["./worker.js"], output: ["logs"], cpus: ["0", 0, {}] }
  ]
}

/** What JavaScript lets be given in the place of options. */
const noOptions: ReadonlyArray<unknown> = [null, 4, "threads", [], true, () => {}]

const refuses = (layer: MakeLayer, options: unknown, option: string, value: unknown): Effect.Effect<void> =>
  Effect.gen(function* () {
    const pool = yield* WorkerPool.make({ size: 1 })
    const reason = reasonOf(yield* Effect.exit(pool.map([1], double)))
    assert.deepInclude(reason, { _tag: "InvalidOptions", option, value })
    assert.include(reason.message, `${option} must be`)
  }).pipe(Effect.scoped, Effect.provide(layer(options as never)), Effect.orDie)

for (const [name, [layer, refused]] of Object.entries(cases)) {
  describe(`the options of ${name}`, () => {
    it.live.each(noOptions)("C8 refuses %j in the place of options", (value) => refuses(layer, value, "options", value))
    const options = Object.entries(refused).flatMap(([option, values]) =>
      values.map((value) => [option, value] as const)
    )
    it.live.each(options)("C8 refuses as %s: %j", ([option, value]) =>
      refuses(layer, { [option]: value }, option, value)
    )
    it.live("C8 takes what is left undefined for left out", () =>
      Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 1 })
        assert.deepStrictEqual(yield* pool.map([1], double), [2])
      }).pipe(
        Effect.scoped,
        Effect.provide(layer(Object.fromEntries(Object.keys(refused).map((option) => [option, undefined])) as never))
      )
    )
  })
}
