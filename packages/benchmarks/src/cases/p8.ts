import { FiberPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type Case, type Contender, type Measurement, type Settings, timed } from "../case.ts"
import * as targets from "../targets.ts"
import { checkEach } from "./parts.ts"

const concurrency = 8

type Body = (n: number) => Effect.Effect<number | void>

const measurement = (
  { quick, repetitions }: Settings,
  id: string,
  what: string,
  bound: number,
  body: Body,
  expected: (index: number) => unknown
): Measurement => {
  const count = quick ? 20_000 : 100_000
  const items = Array.from({ length: count }, (_, i) => i)
  const job = {
    check: (results: ReadonlyArray<unknown>) => checkEach(results, expected, count),
    toValue: (millis: number) => (millis * 1000) / count
  }
  const forEach: Contender = {
    name: "Effect.forEach",
    role: "baseline",
    open: async () => timed({ ...job, work: () => Effect.runPromise(Effect.forEach(items, body, { concurrency })) })
  }
  const fiberPool: Contender = {
    name: "effect-mpire, FiberPool",
    role: "ours",
    open: async () => {
      const scope = Scope.makeUnsafe()
      const make = FiberPool.make({ size: concurrency, keepAlive: true })
      const pool = await Effect.runPromise(make.pipe(Scope.provide(scope)))
      return timed({
        ...job,
        work: () => Effect.runPromise(pool.map(items, body)),
        close: () => Effect.runPromise(Scope.close(scope, Exit.void))
      })
    }
  }
  return {
    id,
    title: `${count.toLocaleString("en")} times ${what}`,
    method: `map of a FiberPool of size ${concurrency}, against Effect.forEach with concurrency ${concurrency}`,
    unit: "µs per item",
    compare: "ratio",
    warmUps: 2,
    repetitions,
    contenders: [forEach, fiberPool],
    targets: [
      {
        description: `time over that of Effect.forEach, ${what}`,
        limit: "at most",
        bound,
        measure: targets.oursOverBaseline
      }
    ]
  }
}

export const p8: Case = {
  timeLimit: 120,
  measurements: (settings) => [
    measurement(
      settings,
      "yieldNow",
      "Effect.yieldNow",
      1.5,
      () => Effect.yieldNow,
      () => undefined
    ),
    measurement(
      settings,
      "succeed",
      "Effect.succeed",
      5,
      (n) => Effect.succeed(n),
      (index) => index
    )
  ]
}
