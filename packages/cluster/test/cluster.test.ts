import { Runner } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { clusterOf, eventually, secret, startRunner } from "./runners.ts"

const square = Portable.inline((n: number) => n * n)

describe("a cluster", () => {
  it.live("F5 an idle worker alone does not keep a driver's process alive, and ends with it", () =>
    Effect.gen(function* () {
      const runner = yield* startRunner({ slots: 1, secret })
      const program = fileURLToPath(new URL("./fixtures/idleDriver.ts", import.meta.url))
      const settings = JSON.stringify({ address: runner.address, secret })
      const { error, stdout } = yield* Effect.callback<{ error: unknown; stdout: string }>((resume) => {
        execFile(process.execPath, [program, settings], { timeout: 30_000 }, (error, stdout) =>
          resume(Effect.succeed({ error, stdout }))
        )
      })
      assert.isNull(error)
      assert.strictEqual(stdout, "[1,4,9]\n")
      const target = { address: runner.address, secret: { env: secret } }
      yield* eventually(Effect.map(Runner.statusOf(target), ({ used }) => used === 0))
    })
  )

  it.live("T4 a chunk waits for its module for as long as another's item computes", () =>
    Effect.gen(function* () {
      const { address } = yield* startRunner({ slots: 1, secret })
      const { compute } = Portable.module<typeof import("./fixtures/slow.tasks.ts")>(
        new URL("./fixtures/slow.tasks.ts", import.meta.url)
      )
      yield* Effect.gen(function* () {
        const control = Effect.scoped(Effect.flatMap(WorkerPool.make({ size: 1 }), (pool) => pool.run(square, 1)))
        // a worker, and the module, may take longer to start on a machine that gets busy
        const [started] = yield* Effect.timed(control)
        const startTimeout = Math.max(3000, 10 * Duration.toMillis(started))
        const items = [1.2 * startTimeout, 1, 1, 1]
        const pool = yield* WorkerPool.make({ size: 1, keepAlive: true, startTimeout, tasksPerWorker: 2 })
        assert.deepStrictEqual(yield* pool.map(items, compute, { chunkSize: 1 }), items)
        assert.deepInclude(yield* pool.stats, { killed: 0, lost: 0 })
      }).pipe(Effect.scoped, Effect.provide(clusterOf([address], { secret })))
    })
  )

  for (const workers of ["threads", "processes"] as const) {
    it.live(`maps over two runners' ${workers}`, () =>
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
