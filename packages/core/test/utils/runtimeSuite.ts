import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { type Need, suite } from "../../src/testing/RuntimeSuite.ts"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"

/** Runs the conformance suite on a runtime, without the cases that need what it does not do. */
export const runSuite = (
  name: string,
  runtime: Layer.Layer<WorkerRuntime>,
  options: { readonly without: ReadonlyArray<Need> } = { without: [] }
): void => {
  describe(`RuntimeSuite on ${name}`, () => {
    for (const { effect, name, needs, rule } of suite) {
      if (needs.some((need) => options.without.includes(need))) continue
      it.live(`${rule} ${name}`, () => Effect.provide(effect, runtime), 15_000)
    }
  })
}
