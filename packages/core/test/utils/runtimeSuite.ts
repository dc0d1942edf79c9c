import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { type Need, suite } from "../../src/testing/RuntimeSuite.ts"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"

/** Runs the conformance suite on a runtime, without the cases that need what it does not do, and those to `skip`. */
export const runSuite = (
  name: string,
  runtime: Layer.Layer<WorkerRuntime>,
  options: { readonly without: ReadonlyArray<Need>; readonly skip?: RegExp } = { without: [] }
): void => {
  const { skip, without } = options
  const cases = suite.filter(
    ({ name, needs }) => !needs.some((need) => without.includes(need)) && skip?.test(name) !== true
  )
  const run = (which: typeof cases) => {
    for (const { effect, name, rule } of which) it.live(`${rule} ${name}`, () => Effect.provide(effect, runtime))
  }
  describe(`RuntimeSuite on ${name}`, () => {
    run(cases.filter(({ accident }) => accident === undefined))
    describe("accidents", () => {
      run(cases.filter(({ accident }) => accident !== undefined))
    })
  })
}
