import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"
import { fuzzValues } from "./fuzzValues.ts"

/** Declares a case that tries 2,000 values; `pnpm fuzz:values` tries more. */
export const fuzzRandomValues = (name: string, runtime: Layer.Layer<WorkerRuntime>) =>
  it.live(`S3 F4 brings random values as they were sent, or refuses them, on ${name}`, () =>
    Effect.gen(function* () {
      const { fates, wrong } = yield* fuzzValues({ from: 0, count: 2000 })
      assert.deepStrictEqual(wrong, [])
      for (const fate of ["arrives", "refused", "deep", "hostile"]) assert.isAbove(fates[fate] ?? 0, 0, fate)
    }).pipe(Effect.provide(runtime))
  )
