import { type Case, type Contender, timed } from "../case.ts"
import { byCounter } from "../contenders/hand-written.ts"
import { paretoCosts } from "../random.ts"
import * as targets from "../targets.ts"
import { checkEach, plainTasks, pools, size } from "./parts.ts"

export const p4: Case = {
  timeLimit: 240,
  measurements: ({ quick, repetitions }) => {
    const costs = paretoCosts({ count: 2000, alpha: 1.5, cap: 100, seed: 42 })
    const sum = costs.reduce((a, b) => a + b, 0)
    const serialMillis = quick ? 400 : 1500
    const items = costs.map((cost, index) => ({ index, millis: (cost * serialMillis) / sum }))
    const longest = Math.max(...items.map(({ millis }) => millis))
    const bound = Math.max(serialMillis / size, longest)
    const job = {
      check: (results: ReadonlyArray<unknown>) => checkEach(results, (i) => i, items.length),
      toValue: (millis: number) => millis / bound
    }
    const loop: Contender = {
      name: "written by hand, two threads",
      role: "baseline",
      remark: "both threads have all items and take the next index from shared memory",
      open: async () => {
        const { close, map } = byCounter(size, plainTasks, "spinItem")
        return timed({ ...job, work: () => map(items), close })
      }
    }
    return [
      {
        id: "map",
        title: `2,000 items, the longest ${longest.toFixed(1)} ms, all of them ${serialMillis} ms`,
        method:
          `map of an array with default options on ${size} workers that have been started; costs follow Pareto ` +
          `(α = 1.5, at most 100 times the least) with a fixed seed, and an item spins until its time by the clock has ` +
          `passed; what is shown is the time over its lower bound, the larger of half of the sum and the longest item`,
        unit: "× lower bound",
        compare: "nothing",
        warmUps: 1,
        repetitions,
        contenders: [loop, ...pools({ ...job, work: (pool) => pool.map("spinItem", items) })],
        targets: [
          {
            description: "time over its lower bound",
            limit: "at most",
            bound: 1.05,
            measure: targets.oursItself
          }
        ]
      }
    ]
  }
}
