/** Connections on which nothing arrives any more, one way or both, though they stay open. */
import { Portable, WorkerPool } from "@effect-mpire/core"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Dropped, startProxy } from "../proxy.ts"
import { clusterOf, eventually, secret, startRunner } from "../runners.ts"
import { folder } from "../support.ts"

const tasks = Portable.module<typeof import("../fixtures/cluster.tasks.ts")>(
  new URL("../fixtures/cluster.tasks.ts", import.meta.url)
)

// a runner that is kept from running for as long as lies between them would be replaced while its worker goes on
const times = { lease: 1000, suspectAfter: 4000 }

interface Beat {
  readonly pid: number
  readonly at: number
}

const beatsIn = (file: string): ReadonlyArray<Beat> =>
  (existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [])
    .map((line) => line.split(" ").map(Number))
    .map(([pid, at]) => ({ pid: pid!, at: at! }))

describe("a connection that loses what is sent", () => {
  for (const dropped of ["up", "down", "both"] satisfies ReadonlyArray<Dropped>) {
    /** Accident: a connection stays open and loses what is sent: to the runner, to the driver, or both. */
    it.live(
      `K5 the worker has ended before another one takes its place, ${dropped === "both" ? "both ways" : dropped}`,
      () =>
        Effect.gen(function* () {
          const file = join(yield* folder, "beats")
          const [first, second] = yield* Effect.all(
            [1, 2].map(() => startRunner({ slots: 1, secret, lease: times.lease })),
            { concurrency: 2 }
          )
          const proxies = yield* Effect.all([first!, second!].map(({ port }) => startProxy(port)))
          yield* Effect.gen(function* () {
            const pool = yield* WorkerPool.make({ size: 1, onWorkerLost: { retries: 3 } })
            const before = performance.now()
            yield* Effect.forkScoped(pool.run(tasks.beatWithTime, file))
            yield* eventually(Effect.sync(() => beatsIn(file).length > 5))
            const began = performance.now()
            const took = began - before
            const pid = beatsIn(file)[0]!.pid
            proxies[first!.child.pid === pid ? 0 : 1]!.drop(dropped)
            yield* eventually(Effect.sync(() => beatsIn(file).some((beat) => beat.pid !== pid)))
            // as well as the first one, another worker has to be started
            assert.isBelow(performance.now() - began, times.suspectAfter + Math.max(2000, 4 * took))
            const beats = beatsIn(file)
            const last = Math.max(...beats.filter((beat) => beat.pid === pid).map(({ at }) => at))
            const next = Math.min(...beats.filter((beat) => beat.pid !== pid).map(({ at }) => at))
            assert.isBelow(last, next)
          }).pipe(
            Effect.scoped,
            Effect.provide(
              clusterOf(
                proxies.map(({ address }) => address),
                { secret, suspectAfter: times.suspectAfter }
              )
            )
          )
        })
    )
  }
})
