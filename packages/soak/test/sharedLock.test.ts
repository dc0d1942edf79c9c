import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SharedLock } from "../src/sharedLock.ts"

describe("a lock that many may share", () => {
  it.effect("serves them in turn, and lets one have it for itself", () =>
    Effect.gen(function* () {
      const lock = new SharedLock()
      const said: Array<string> = []
      const enter = (name: string, how: Effect.Effect<void>) =>
        Effect.forkChild(
          Effect.map(how, () => void said.push(name)),
          { startImmediately: true }
        )
      yield* enter("a", lock.share)
      yield* enter("b", lock.share)
      yield* enter("alone", lock.take)
      yield* enter("c", lock.share)
      lock.join()
      assert.deepStrictEqual(said, ["a", "b"])
      for (const _ of ["a", "b", "joined"]) lock.leave()
      yield* Effect.yieldNow
      assert.deepStrictEqual(said, ["a", "b", "alone"])
      lock.leave()
      yield* Effect.yieldNow
      assert.deepStrictEqual(said, ["a", "b", "alone", "c"])
    })
  )
})
