import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { play, reported, scripts } from "./chaos.ts"
import { runs } from "./support.ts"

describe("lifecycle", () => {
  it.effect.prop(
    "L1 L3 F5 whatever happens, a worker whose init succeeded is released exactly once, and no slot has two",
    { script: scripts },
    ({ script }) =>
      Effect.gen(function* () {
        const { killed, ledger, mostSlots } = yield* play(script)
        ledger.assertReleased((entry) => killed.has(entry))
        assert.isAtMost(ledger.most, mostSlots)
      }),
    runs(250)
  )

  it.effect.prop(
    "F1 F5 L1 L3 the same when workers vanish: all calls settle, and only those that vanished skip their exit",
    { script: scripts },
    ({ script }) =>
      Effect.gen(function* () {
        const { killed, ledger, mostSlots } = yield* play(script, { lossy: true })
        ledger.assertReleased((entry) => killed.has(entry))
        assert.isAtMost(ledger.most, mostSlots)
      }),
    runs(150)
  )

  it.effect.prop(
    "L10 every release that fails is told once: by what caused it, or in the log",
    { script: scripts },
    ({ script }) =>
      Effect.gen(function* () {
        const { exits, failedReleases, logged } = yield* play(
          { ...script, hooksFail: true },
          { restrict: ({ kind }) => kind !== "terminate" }
        )
        const told = exits.reduce((sum, exit) => sum + reported(exit), 0)
        assert.strictEqual(told + logged, failedReleases)
      }),
    runs(200)
  )
})
