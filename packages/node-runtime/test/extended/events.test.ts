import { type PoolEvent, Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { assertLaws, of } from "../../../core/test/utils/eventLaws.ts"
import { noise } from "../../../core/test/support.ts"
import { bare } from "../support.ts"

const runtimes: ReadonlyArray<readonly [string, Layer.Layer<WorkerRuntime.WorkerRuntime>]> = [
  ["layerThreads", NodeWorkerRuntime.layerThreads(bare)],
  ["layerProcesses", NodeWorkerRuntime.layerProcesses(bare)]
]

/** Computes for a while; by its number it then returns, throws, ends its worker, or never yields. */
const act = Portable.inline((n: number): number => {
  const end = performance.now() + (n % 7)
  while (performance.now() < end);
  if (n % 23 === 22) process.exit(3)
  if (n % 41 === 40) for (;;);
  if (n % 5 === 4) throw new Error("no")
  return n
})

describe.each(runtimes)("events on NodeWorkerRuntime.%s", (_, runtime) => {
  it.live(
    "O2 what is sent is done, workers that start end, and the counts agree with the results, whatever tasks do",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const options = { size: 3, keepAlive: true, timeout: 300, killAfter: 50 }
        const pool = yield* Scope.provide(WorkerPool.make(options), scope)
        const listening = yield* Effect.forkDetach(Stream.runCollect(pool.events), { startImmediately: true })
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, n) => n),
          (n) => {
            const items = Array.from({ length: 15 }, (_, item) => noise(n, item) % 1000)
            switch (n % 4) {
              case 0:
                return Effect.forEach(items, (item) => Effect.exit(pool.run(act, item)), { concurrency: 5 })
              case 1:
                return Effect.as(Effect.timeoutOption(Effect.exit(pool.map(items, act)), 50), [])
              default:
                return pool.mapExit(items, act, { onWorkerLost: { retries: n % 3 } })
            }
          },
          { concurrency: 4 }
        )
        const { killed, lost } = yield* pool.stats
        yield* Scope.close(scope, Exit.void)
        const events: ReadonlyArray<PoolEvent.PoolEvent> = yield* Fiber.join(listening)
        const { failed, succeeded } = assertLaws(events)
        const exits = outcomes.flat()
        // those of the calls that were interrupted count too
        assert.isAtLeast(succeeded, exits.filter(Exit.isSuccess).length)
        assert.isAtLeast(failed, exits.filter(Exit.isFailure).length)
        assert.strictEqual(of(events, "WorkerLost").length, lost)
        assert.strictEqual(of(events, "WorkerKilled").length, killed)
        assert.isAbove(lost, 0)
        assert.isAbove(killed, 0)
      }).pipe(Effect.provide(runtime)),
    60_000
  )
})
