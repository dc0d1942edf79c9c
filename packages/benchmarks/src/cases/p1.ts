import { FiberPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type Case, type Contender, timed } from "../case.ts"
import { squareByChunks } from "../contenders/hand-written.ts"
import { checkEach, pools, size } from "./parts.ts"
import * as targets from "../targets.ts"

const square = (i: number): number => i * i

const work = (count: number) => {
  const items = Array.from({ length: count }, (_, i) => i)
  const checked = (results: ReadonlyArray<unknown>): void => checkEach(results, square, count)
  return { items, check: checked, toValue: (millis: number) => (millis * 1000) / count }
}

const handWritten = (count: number, chunkSize: number): Contender => ({
  name: `written by hand, chunks of ${chunkSize.toLocaleString("en")}`,
  role: "baseline",
  open: async () => {
    const { map, close } = squareByChunks(size, chunkSize)
    const { items, ...rest } = work(count)
    return timed({ ...rest, work: () => map(items), close })
  }
})

const fiberPool = (count: number): Contender => ({
  name: "effect-mpire, FiberPool",
  role: "information",
  open: async () => {
    const scope = Scope.makeUnsafe()
    const pool = await Effect.runPromise(FiberPool.make({ size, keepAlive: true }).pipe(Scope.provide(scope)))
    const { items, ...rest } = work(count)
    return timed({
      ...rest,
      work: () => Effect.runPromise(pool.map(items, (n) => Effect.succeed(n * n))),
      close: () => Effect.runPromise(Scope.close(scope, Exit.void))
    })
  }
})

export const p1: Case = {
  timeLimit: 240,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 50_000 : 200_000
    const peersCount = quick ? 2000 : 20_000
    const { items, ...ours } = work(count)
    const { items: peersItems, ...peers } = work(peersCount)
    return [
      {
        id: "map",
        title: `x * x of ${count.toLocaleString("en")} numbers`,
        method:
          `map with default options on ${size} workers that have been started and are kept; the other pools get a task ` +
          `per item, all at once, and ${peersCount.toLocaleString("en")} items, because they take so long; the baseline ` +
          `is a loop written by hand over worker_threads, at the best of a few chunk sizes`,
        unit: "µs per item",
        compare: "ratio",
        warmUps: 2,
        repetitions,
        contenders: [
          ...[2000, 8000, 20_000, 50_000, 100_000].map((chunkSize) => handWritten(count, chunkSize)),
          ...pools(
            { ...ours, work: (pool) => pool.map("square", items) },
            { ...peers, work: (pool) => pool.map("square", peersItems) }
          ),
          fiberPool(count)
        ],
        targets: [
          {
            description: "time over that of the best loop written by hand",
            limit: "at most",
            bound: 1.5,
            measure: targets.oursOverBaseline
          },
          {
            description: "times as fast as the fastest of piscina, tinypool, workerpool and poolifier",
            limit: "at least",
            bound: 20,
            measure: targets.peersOverOurs("piscina", "tinypool", "workerpool", "poolifier")
          }
        ]
      }
    ]
  }
}
