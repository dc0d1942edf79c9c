import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { program, summary } from "../support.ts"

describe("what is left", () => {
  for (const [what, args] of [
    ["of 40 pools: no thread, file, handle or listener", ["only-pools", "--count", "40"]],
    ["of 2,000 calls: no listener and no timer", ["calls", "--count", "2000"]],
    ["in workers of 5,000 bound values: nothing", ["large-binds"]]
  ] as const) {
    it.live(`F5 ${what}`, () =>
      Effect.gen(function* () {
        const ended = yield* program("leaks", ...args)
        assert.strictEqual(ended.stderr, "")
        assert.deepStrictEqual(summary(ended).problems, [])
        assert.strictEqual(ended.code, 0)
      })
    )
  }
})
