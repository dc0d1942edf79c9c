import type { Case, Contender } from "../case.ts"
import * as ours from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import * as targets from "../targets.ts"
import type { TaskPool } from "../task-pool.ts"
import { checkEach, size, started } from "./parts.ts"

const contenders = (
  count: number,
  work: (pool: TaskPool, items: ReadonlyArray<number>) => Promise<ReadonlyArray<unknown>>
): ReadonlyArray<Contender> => {
  const items = Array.from({ length: count }, (_, i) => i)
  const job = {
    work: (pool: TaskPool) => work(pool, items),
    check: (results: ReadonlyArray<unknown>) => checkEach(results, (i) => i * i, count),
    toValue: (millis: number) => (millis * 1000) / count
  }
  return [
    started(ours.threads, "ours", job, { remark: "Effect.forEach over run" }),
    started(ours.fromPromises, "information", job, { remark: "Effect.runPromise of every run" }),
    started(ours.processes, "information", job),
    ...peers.map((kind) => started(kind, kind.name === "piscina" ? "baseline" : "peer", job))
  ]
}

export const p3: Case = {
  timeLimit: 240,
  measurements: ({ quick, repetitions }) => {
    const atOnce = quick ? 2000 : 10_000
    const inTurn = quick ? 300 : 2000
    return [
      {
        id: "concurrent",
        title: `${atOnce.toLocaleString("en")} runs of x * x at once`,
        method: `Effect.forEach with unbounded concurrency over run, on ${size} workers; Promise.all with the other pools`,
        unit: "µs per run",
        compare: "speed-up",
        // until all that they go through has been compiled
        warmUps: quick ? 1 : 5,
        repetitions,
        contenders: contenders(atOnce, (pool, items) => pool.runAll("square", items)),
        targets: [
          {
            description: "times as fast as piscina, at once",
            limit: "at least",
            bound: 10,
            measure: targets.baselineOverOurs
          }
        ]
      },
      {
        id: "sequential",
        title: `${inTurn.toLocaleString("en")} runs of x * x, one after the other`,
        method: `Effect.forEach over run, on ${size} workers; a loop with await with the other pools`,
        unit: "µs per run",
        compare: "speed-up",
        warmUps: quick ? 1 : 5,
        repetitions,
        contenders: contenders(inTurn, (pool, items) => pool.runEach("square", items)),
        targets: [
          {
            description: "times as fast as piscina, one after the other",
            limit: "at least",
            bound: 1,
            measure: targets.baselineOverOurs
          }
        ]
      }
    ]
  }
}
