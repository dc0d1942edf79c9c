import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { clusterOf, secret, startRunner } from "./runners.ts"

const square = Portable.inline((n: number) => n * n)

describe("a cluster", () => {
  for (const workers of ["threads", "processes"] as const) {
    it.live(`K2 maps over two runners' ${workers}`, () =>
      Effect.gen(function* () {
        const runners = yield* Effect.all([1, 2].map(() => startRunner({ workers, slots: 2, secret })))
        const results = yield* Effect.gen(function* () {
          const pool = yield* WorkerPool.make({ size: 4, keepAlive: true })
          yield* pool.start
          return yield* pool.map([1, 2, 3, 4], square)
        }).pipe(
          Effect.scoped,
          Effect.provide(
            clusterOf(
              runners.map(({ address }) => address),
              { secret }
            )
          )
        )
        assert.deepStrictEqual(results, [1, 4, 9, 16])
      })
    )
  }
})
