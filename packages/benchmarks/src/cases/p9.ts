import { Portable, WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Case, Contender, Sample } from "../case.ts"
import { acquire } from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import { quantile } from "../statistics.ts"
import * as targets from "../targets.ts"
import type { PoolKind } from "../task-pool.ts"
import { check, plainTasks, size } from "./parts.ts"

const tasks = Portable.module<typeof import("../tasks/plain.tasks.ts")>(plainTasks)

const itemMillis = 5

/** Milliseconds after which no more runs begin, so that slow ones do not take minutes. */
const enoughMillis = 8000

/** `durations` are those of the map's items, as measured in the workers. */
const toSample = (latencies: ReadonlyArray<number>, durations: ReadonlyArray<number>): Sample => {
  check(
    durations.every((millis) => millis >= itemMillis),
    "an item of the map was too short"
  )
  const longest = Math.max(...durations)
  const p99 = quantile(latencies, 0.99)
  return {
    value: p99 - longest,
    details: { runs: latencies.length, "ms p50": quantile(latencies, 0.5), "ms p99": p99, "ms longest item": longest }
  }
}

const ours = (count: number): Contender => ({
  name: "effect-mpire",
  role: "ours",
  open: async () => {
    const [pool, close] = await acquire(WorkerPool.make({ size, keepAlive: true }))
    await Effect.runPromise(pool.start)

    const program = Effect.gen(function* () {
      const map = { enough: false }
      const items = function* (): Generator<number> {
        while (!map.enough) yield itemMillis
      }
      const fiber = yield* Effect.forkChild(pool.map(items(), tasks.spin))
      // until the map has found its pace
      yield* Effect.sleep("300 millis")

      const latencies: Array<number> = []
      const begun = performance.now()
      for (let i = 0; i < count && performance.now() - begun < enoughMillis; i++) {
        const start = performance.now()
        const result = yield* pool.run(tasks.square, i)
        latencies.push(performance.now() - start)
        check(result === i * i, `${result} for ${i} * ${i}`)
        yield* Effect.sleep(2)
      }
      map.enough = true
      return toSample(latencies, yield* Fiber.join(fiber))
    })
    return { sample: () => Effect.runPromise(program), close }
  }
})

/** The others have one queue: a task waits for all that were submitted before it. */
const peer = (kind: PoolKind, queued: number): Contender => ({
  name: kind.name,
  role: "peer",
  remark: `one task behind ${queued} of ${itemMillis} ms each`,
  open: async () => {
    const pool = await kind.open({ tasks: plainTasks, size })
    await pool.start()
    return {
      sample: async () => {
        const map = pool.map("spin", new Array<number>(queued).fill(itemMillis))
        const start = performance.now()
        const result = await pool.run("square", 12)
        const latency = performance.now() - start
        check(result === 144, `${String(result)} for 12 * 12`)
        return toSample([latency], await map)
      },
      close: pool.close
    }
  }
})

export const p9: Case = {
  timeLimit: 240,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 20 : 200
    const queued = quick ? 40 : 100
    return [
      {
        id: "latency",
        title: `${count} runs beside a map of ${itemMillis} ms items`,
        method:
          `runs of x * x, one after the other with pauses of 2 ms (fewer of them when they take longer than 8 seconds), while a map keeps ${size} workers busy; what is shown ` +
          `is how much longer the 99th percentile of the runs takes than the longest item of the map, as measured in ` +
          `the worker. With the other pools one task waits behind ${queued} that were submitted before it, so that ` +
          `their figure grows with the queue`,
        unit: "ms more than an item",
        compare: "nothing",
        warmUps: 0,
        repetitions: Math.min(repetitions, 3),
        contenders: [ours(count), ...peers.map((kind) => peer(kind, queued))],
        targets: [
          {
            description: "ms that the 99th percentile of runs exceeds the longest item by",
            limit: "at most",
            bound: 5,
            measure: targets.oursItself
          }
        ]
      }
    ]
  }
}
