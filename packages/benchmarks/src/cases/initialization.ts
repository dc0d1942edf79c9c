import { Portable, WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import type { Case, Contender } from "../case.ts"
import { acquire } from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import { sibling } from "../sibling.ts"
import type { PoolKind } from "../task-pool.ts"
import { predictWith, trainModel } from "../tasks/model.tasks.ts"
import { keptSize, serial, sizesOf, speedUp, startedWithin } from "./mpire.ts"
import { checkEach } from "./parts.ts"

const url = sibling(import.meta.url, "../tasks/model.tasks")
const tasks = Portable.module<typeof import("../tasks/model.tasks.ts")>(url)

interface Job {
  /** The items of each call. */
  readonly calls: ReadonlyArray<ReadonlyArray<number>>
  readonly check: (results: ReadonlyArray<number>) => void
}

const runSerially = (calls: Job["calls"]): ReadonlyArray<number> => {
  const model = trainModel()
  return calls.flat().map((index) => predictWith(model, index))
}

const makeJob = (callCount: number, itemCount: number): Job => {
  const calls = Array.from({ length: callCount }, () => Array.from({ length: itemCount }, (_, i) => i))
  let expected: ReadonlyArray<number> | undefined
  return {
    calls,
    check: (results) => {
      expected ??= runSerially(calls)
      checkEach(results, (i) => expected![i], expected.length)
    }
  }
}

const ours = (job: Job, size: number, keepAlive: boolean): Contender =>
  startedWithin({
    name: keepAlive ? "effect-mpire, keepAlive" : "effect-mpire, without keepAlive",
    role: "ours",
    remark: keepAlive ? "each worker is initialised once" : "each call initialises its workers",
    size,
    check: job.check,
    job: async () => {
      const [pool, close] = await acquire(WorkerPool.make({ size, keepAlive, init: tasks.trainModel }))
      const results = await Effect.runPromise(Effect.forEach(job.calls, (items) => pool.map(items, tasks.predict)))
      await close()
      return results.flat()
    }
  })

const ofPeer = (kind: PoolKind, job: Job, size: number): Contender =>
  startedWithin({
    name: kind.name,
    role: "peer",
    remark: "each worker makes the model when it first needs it",
    size,
    check: job.check,
    job: async () => {
      const pool = await kind.open({ tasks: url, size })
      const results: Array<number> = []
      for (const items of job.calls) results.push(...(await pool.map("predictLazily", items)))
      await pool.close()
      return results
    }
  })

export const initialization: Case = {
  timeLimit: 300,
  measurements: ({ quick, repetitions }) => {
    const callCount = quick ? 3 : 10
    const itemCount = quick ? 4 : 10
    const job = makeJob(callCount, itemCount)
    const sizes = sizesOf(quick)
    return [
      {
        ...speedUp(repetitions),
        id: "model",
        title: `${callCount} calls of ${itemCount} predictions, by a model that must be trained first`,
        method:
          "workers are initialised by training a small network, which takes some 200 ms of computing; then one call " +
          "follows the other on the same pool. Other pools keep their workers, and have no init hooks: the model is " +
          "made by the first task that needs it; starting and stopping the pool is in the time",
        contenders: [
          serial(() => runSerially(job.calls), job.check),
          ...sizes.map((size) => ours(job, size, true)),
          ours(job, keptSize, false),
          ...peers.flatMap((kind) => sizes.map((size) => ofPeer(kind, job, size)))
        ]
      }
    ]
  }
}
