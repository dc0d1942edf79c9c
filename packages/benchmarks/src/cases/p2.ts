import { type Case, type Contender, timed } from "../case.ts"
import { byCounter } from "../contenders/hand-written.ts"
import * as targets from "../targets.ts"
import { compute } from "../tasks/plain.tasks.ts"
import { checkEach, plainTasks, pools, size } from "./parts.ts"

interface Item {
  readonly seed: number
  readonly iterations: number
}

/** How many iterations take `millis` milliseconds here: the same number is then given to all. */
const calibrate = (millis: number): number => {
  const trial = 2_000_000
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    compute({ seed: i + 1, iterations: trial })
    fastest = Math.min(fastest, performance.now() - start)
  }
  return Math.round((trial * millis) / fastest)
}

const seeds = 4

/** The items and their results, made when they are first needed, once in a process. */
const makeJob = (count: number) => {
  let job: { readonly items: ReadonlyArray<Item>; readonly expected: ReadonlyArray<number> } | undefined
  return () => {
    if (job !== undefined) return job
    const iterations = calibrate(10)
    const items = Array.from({ length: count }, (_, i) => ({ seed: 1 + (i % seeds), iterations }))
    const first = items.slice(0, seeds).map(compute)
    job = { items, expected: items.map((_, i) => first[i % seeds]!) }
    return job
  }
}

export const p2: Case = {
  timeLimit: 300,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 20 : 200
    const job = makeJob(count)
    const check = (results: ReadonlyArray<unknown>): void => checkEach(results, (i) => job().expected[i], count)

    const serial: Contender = {
      name: "serial",
      role: "baseline",
      open: async () => timed({ work: () => job().items.map(compute), check })
    }
    const loop: Contender = {
      name: "written by hand, two threads",
      role: "baseline",
      remark: "both threads have all items and take the next index from shared memory",
      open: async () => {
        const { close, map } = byCounter(size, plainTasks, "compute")
        await map(job().items.slice(0, 8))
        return timed({ work: () => map(job().items), check, close })
      }
    }
    return [
      {
        id: "map",
        title: `${count} items of 10 ms of computing`,
        method:
          `map with default options on ${size} workers that have been started; an item is a number of loop iterations ` +
          `that takes 10 ms here, the same for all`,
        unit: "ms",
        compare: "speed-up",
        // it takes long, and `prepare` has done some of it
        warmUps: 0,
        repetitions,
        contenders: [
          serial,
          loop,
          ...pools({
            prepare: (pool) => pool.map("compute", job().items.slice(0, 8)),
            work: (pool) => pool.map("compute", job().items),
            check
          })
        ],
        targets: [
          {
            description: "times as fast as two threads written by hand",
            limit: "at least",
            bound: 0.97,
            measure: targets.baselineOverOurs
          }
        ]
      }
    ]
  }
}
