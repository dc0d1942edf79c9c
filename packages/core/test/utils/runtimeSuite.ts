import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { type Case, type Need, suite } from "../../src/testing/RuntimeSuite.ts"
import type { WorkerRuntime } from "../../src/WorkerRuntime.ts"

/** Runs the conformance suite on a runtime, or `only` some of it, without the cases that need what it does not do. */
export const runSuite = (
  name: string,
  runtime: Layer.Layer<WorkerRuntime>,
  options: { readonly without: ReadonlyArray<Need>; readonly only?: (of: Case) => boolean } = { without: [] }
): void => {
  const { only = () => true, without } = options
  const cases = suite.filter((one) => !one.needs.some((need) => without.includes(need)) && only(one))
  const run = (which: typeof cases) => {
    for (const { effect, name, rule } of which) it.live(`${rule} ${name}`, () => Effect.provide(effect, runtime))
  }
  describe(`RuntimeSuite on ${name}`, () => {
    // of some runtimes only one kind is tried, and a group without a case would be a failure
    const kinds = Map.groupBy(cases, ({ accident }) => (accident === undefined ? "cases" : "accidents"))
    describe.each([...kinds])("%s", (_, cases) => {
      run(cases)
    })
  })
}
