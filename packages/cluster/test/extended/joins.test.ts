/** A runner that is added while a pool works. */
import { ClusterRuntime, Members } from "@effect-mpire/cluster"
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { eventually, type RunnerProcess, secret, startRunner } from "../runners.ts"

const tasks = Portable.module<typeof import("../fixtures/cluster.tasks.ts")>(
  new URL("../fixtures/cluster.tasks.ts", import.meta.url)
)

const memberOf = ({ port }: RunnerProcess): Members.Member => ({ host: "127.0.0.1", port, labels: [] })

describe("a runner that joins", () => {
  it.live("K1 K9 gets the next worker, and none of those that are there", () =>
    Effect.gen(function* () {
      const first = yield* startRunner({ slots: 2, secret })
      const list = yield* SubscriptionRef.make([memberOf(first)])
      const members = Members.make({ changes: SubscriptionRef.changes(list) })
      yield* Effect.gen(function* () {
        const pool = yield* WorkerPool.make({ size: 3, keepAlive: true })
        const start = yield* Effect.forkChild(pool.start, { startImmediately: true })
        yield* eventually(Effect.map(pool.stats, ({ live }) => live === 2))
        const second = yield* startRunner({ slots: 2, secret })
        const before = yield* pool.map(
          Array.from({ length: 12 }, () => 20),
          tasks.whoAfter,
          { chunkSize: 1 }
        )
        yield* SubscriptionRef.set(list, [memberOf(first), memberOf(second)])
        yield* Fiber.join(start)
        // those that were there stay where they are
        const after = yield* pool.map(
          Array.from({ length: 24 }, () => 20),
          tasks.whoAfter,
          { chunkSize: 1 }
        )
        for (const who of new Set(before)) assert.include(after, who)
        assert.strictEqual(new Set(after).size, 3)
        const items = Array.from({ length: 12 }, () => 50)
        const pids = yield* pool.map(items, tasks.whereAfter, { chunkSize: 1 })
        for (const { child } of [first, second]) assert.include(pids, child.pid)
      }).pipe(Effect.scoped, Effect.provide(Layer.orDie(ClusterRuntime.layer({ members, secret: { env: secret } }))))
    })
  )
})
