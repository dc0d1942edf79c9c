import { Portable, WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Case, Contender, Sample } from "../case.ts"
import { acquire } from "../contenders/ours.ts"
import * as targets from "../targets.ts"
import { check, plainTasks, size } from "./parts.ts"

const tasks = Portable.module<typeof import("../tasks/plain.tasks.ts")>(plainTasks)

const every = 100_000
const megabyte = 2 ** 20

// squares of larger numbers would not add up exactly
const modulus = 1000

function* numbers(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i % modulus
}

const sumOfSquares = (count: number): number => {
  let sum = 0
  for (let i = 0; i < count; i++) sum += (i % modulus) ** 2
  return sum
}

const stream = (count: number): Contender => ({
  name: "effect-mpire",
  role: "ours",
  open: async () => {
    const [pool, close] = await acquire(WorkerPool.make({ size, keepAlive: true }))
    await Effect.runPromise(pool.start)

    const sample = async (): Promise<Sample> => {
      let sum = 0
      let delivered = 0
      // RSS after the first 100,000, and the least and the most since
      let first = 0
      let least = 0
      let most = 0
      const look = (): void => {
        const now = process.memoryUsage.rss() / megabyte
        if (delivered === every) first = least = most = now
        least = Math.min(least, now)
        most = Math.max(most, now)
      }
      const consume = (squares: ReadonlyArray<number>) =>
        Effect.sync(() => {
          for (const square of squares) {
            sum += square
            if (++delivered % every === 0) look()
          }
        })

      const start = performance.now()
      await Effect.runPromise(pool.stream(numbers(count), tasks.square).pipe(Stream.runForEachArray(consume)))
      const millis = performance.now() - start
      check(delivered === count, `${delivered} results for ${count} items`)
      check(sum === sumOfSquares(count), `the sum is ${sum}, not ${sumOfSquares(count)}`)
      return {
        value: Math.max(most - first, first - least),
        details: {
          "MB at first": first,
          "MB at least": least,
          "MB at most": most,
          "µs per item": (millis * 1000) / count
        }
      }
    }
    return { sample, close }
  }
})

export const p6: Case = {
  timeLimit: 300,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 1_000_000 : 10_000_000
    return [
      {
        id: "stream",
        title: `a stream of ${count.toLocaleString("en")} items`,
        method:
          `items come from a generator, the results of x * x are folded; the memory of the process (RSS) is read every ` +
          `${every.toLocaleString("en")} results; what is shown is how far it is at most from that after the first ` +
          `${every.toLocaleString("en")}. Other pools have no streams`,
        unit: "MB",
        compare: "nothing",
        // a second one begins with memory that the first has left
        warmUps: 0,
        repetitions: Math.min(repetitions, 2),
        contenders: [stream(count)],
        targets: [
          {
            description: "MB that RSS moves by after the first 100,000 items",
            limit: "at most",
            bound: 32,
            measure: targets.oursAtWorst
          }
        ]
      }
    ]
  }
}
