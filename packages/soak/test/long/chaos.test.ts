import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { program, summary } from "../support.ts"

describe("chaos on a cluster", () => {
  /** Accident: runners are killed and stalled all the time, and some items end each process that they meet. */
  it.live(
    "K4 F5 in 60 s of runners that are killed and stalled, only items fail that end their runner, and nothing is left",
    () =>
      Effect.gen(function* () {
        const ended = yield* program("cluster", "--seconds", "60", "--seed", "1", "--workers", "threads")
        assert.strictEqual(ended.code, 0, ended.stderr + ended.stdout)
        const { items, lost, planted, troubles, violations } = summary(ended)
        assert.strictEqual(violations, 0)
        // few on a busy machine, but each of them happened
        assert.isAbove(items, 100)
        assert.isAbove(lost, 10)
        assert.isAbove(planted.length, 0)
        assert.isAbove(Math.min(...planted), 0)
        for (const what of ["kill", "stall, then go on", "stall, then kill"]) assert.isAbove(troubles[what], 0)
      }),
    180_000
  )
})
