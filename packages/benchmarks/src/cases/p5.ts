import type { Case, Contender, Role } from "../case.ts"
import { type Bare, bareProcess, bareThread } from "../contenders/bare.ts"
import * as ours from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import type { PoolKind } from "../task-pool.ts"
import * as targets from "../targets.ts"
import { check, plainTasks } from "./parts.ts"

const nothing = async (): Promise<void> => {}

/** From nothing to the first result; what is closed afterwards is not measured. */
const cold = (name: string, role: Role, remark: string, begin: (item: number) => Promise<Bare>): Contender => ({
  name,
  role,
  remark,
  open: async () => ({
    sample: async () => {
      const start = performance.now()
      const { answer, close } = await begin(12)
      const value = performance.now() - start
      await close()
      check(answer === 144, `${String(answer)} for 12 * 12`)
      return { value }
    },
    close: nothing
  })
})

const pool = (kind: PoolKind, role: Role): Contender =>
  cold(kind.name, role, "its default options", async (item) => {
    const { close, run } = await kind.open({ tasks: plainTasks })
    return { answer: await run("square", item), close }
  })

export const p5: Case = {
  timeLimit: 240,
  measurements: ({ quick, repetitions }) => {
    const shared = {
      unit: "ms",
      compare: "ratio",
      warmUps: 2,
      // each is short
      repetitions: quick ? repetitions : repetitions * 3
    } as const
    return [
      {
        ...shared,
        id: "threads",
        title: "a pool is made and gives its first result",
        method:
          "from before the pool is made, with its default options, to the result of one run of a plain function; the " +
          "baseline is a bare thread that imports the same module and answers once; Node's cache of compiled modules, which " +
          "our workers use, has been filled by the warm-ups",
        contenders: [
          cold("bare thread", "baseline", "new Worker, and one message each way", bareThread),
          pool(ours.threads, "ours"),
          ...peers.map((kind) => pool(kind, "peer"))
        ],
        targets: [
          {
            description: "time over that of a bare thread",
            limit: "at most",
            bound: 1.5,
            measure: targets.oursOverBaseline
          }
        ]
      },
      {
        ...shared,
        id: "processes",
        title: "the same with child processes",
        method: "as with threads; the baseline is a bare fork",
        contenders: [
          cold("bare process", "baseline", "fork, and one message each way", bareProcess),
          pool(ours.processes, "information")
        ],
        targets: []
      }
    ]
  }
}
