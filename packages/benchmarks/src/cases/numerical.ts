import { Portable, WorkerPool } from "@effect-mpire/core"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Case, type Contender, timed } from "../case.ts"
import { acquire } from "../contenders/ours.ts"
import { peers } from "../contenders/peers.ts"
import { piscina } from "../contenders/piscina.ts"
import { makeRandom } from "../random.ts"
import { sibling } from "../sibling.ts"
import type { PoolKind, TaskPool } from "../task-pool.ts"
import { convolve, type Matrix } from "../tasks/convolution.tasks.ts"
import { keptSize, serial, sizesOf, speedUp, startedWithin } from "./mpire.ts"
import { check } from "./parts.ts"

const url = sibling(import.meta.url, "../tasks/convolution.tasks")
const tasks = Portable.module<typeof import("../tasks/convolution.tasks.ts")>(url)

interface Job {
  readonly sizes: ReadonlyArray<number>
  readonly image: Matrix
  readonly filters: ReadonlyArray<Matrix>
  readonly check: (checksum: number) => void
}

const makeImage = (side: number, random: () => number): Matrix => {
  const values = new Float64Array(new SharedArrayBuffer(side * side * 8))
  for (let i = 0; i < values.length; i++) values[i] = random()
  return { columns: side, values }
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)

const runSerially = ({ filters, image }: Pick<Job, "filters" | "image">): number =>
  filters.reduce((total, filter) => total + sum(convolve(image, filter)), 0)

const makeJob = (side: number, count: number, sizes: ReadonlyArray<number>): Job => {
  const random = makeRandom(42)
  const image = makeImage(side, random)
  const filters = Array.from({ length: count }, () => ({
    columns: 4,
    values: Float64Array.from({ length: 16 }, () => random() - 0.5)
  }))
  let expected: number | undefined
  return {
    sizes,
    image,
    filters,
    check: (checksum) => {
      expected ??= runSerially({ filters, image })
      check(checksum === expected, `the results add up to ${checksum}, not ${expected}`)
    }
  }
}

const streamSum = (pool: WorkerPool.WorkerPool, { filters, image }: Job): Effect.Effect<number, unknown> =>
  pool.stream(filters, Portable.bind(tasks.convolve, image)).pipe(
    Stream.runFold(
      () => 0,
      (total, part) => total + sum(part)
    )
  )

const ours = (job: Job): ReadonlyArray<Contender> => [
  ...job.sizes.map((size) =>
    startedWithin({
      name: "effect-mpire",
      role: "ours",
      remark: "the image shared by Portable.bind",
      size,
      check: job.check,
      job: async () => {
        const [pool, close] = await acquire(WorkerPool.make({ size }))
        const total = await Effect.runPromise(streamSum(pool, job))
        await close()
        return total
      }
    })
  ),
  {
    name: `effect-mpire, ${keptSize} workers, kept`,
    role: "ours",
    open: async () => {
      const [pool, close] = await acquire(WorkerPool.make({ size: keptSize, keepAlive: true }))
      await Effect.runPromise(pool.start)
      return timed({ work: () => Effect.runPromise(streamSum(pool, job)), check: job.check, close })
    }
  }
]

/** All at once, as they take it. */
const mapSum = async (pool: TaskPool, { filters }: Job): Promise<number> => {
  const parts: ReadonlyArray<Float64Array> = await pool.map("convolveShared", filters)
  return parts.reduce((total, part) => total + sum(part), 0)
}

const ofPeer = (kind: PoolKind, job: Job): ReadonlyArray<Contender> => {
  const remark = kind.name === "jest-worker" ? "the image shared by setupArgs" : "the image shared by workerData"
  const open = (size: number) => kind.open({ tasks: url, size, workerData: { image: job.image } })
  return [
    ...job.sizes.map((size) =>
      startedWithin({
        name: kind.name,
        role: "peer",
        remark,
        size,
        check: job.check,
        job: async () => {
          const pool = await open(size)
          const total = await mapSum(pool, job)
          await pool.close()
          return total
        }
      })
    ),
    {
      name: `${kind.name}, ${keptSize} workers, kept`,
      role: "peer",
      remark,
      open: async () => {
        const pool = await open(keptSize)
        await mapSum(pool, { ...job, filters: job.filters.slice(0, keptSize * 2) })
        return timed({ work: () => mapSum(pool, job), check: job.check, close: pool.close })
      }
    }
  ]
}

/** What a user does who knows of nothing better: the image is copied with every task. */
const sentWithEachTask = ({ check, filters, image }: Job): Contender =>
  startedWithin({
    name: "piscina, the image with each task",
    role: "peer",
    remark: "the image is no SharedArrayBuffer, and is copied",
    size: keptSize,
    check,
    job: async () => {
      const copy = { columns: image.columns, values: new Float64Array(image.values) }
      const pool = await piscina.open({ tasks: url, size: keptSize })
      const items = filters.map((filter) => ({ image: copy, filter }))
      const parts: ReadonlyArray<Float64Array> = await pool.map("convolveSent", items)
      await pool.close()
      return parts.reduce((total, part) => total + sum(part), 0)
    }
  })

export const numerical: Case = {
  timeLimit: 300,
  measurements: ({ quick, repetitions }) => {
    const side = quick ? 400 : 1000
    const count = quick ? 8 : 20
    const job = makeJob(side, count, sizesOf(quick))
    return [
      {
        ...speedUp(repetitions),
        id: "convolution",
        title: `${count} filters over one image of ${side} × ${side} doubles`,
        method:
          "each task computes the full two-dimensional convolution of the image with a 4 × 4 filter, and returns every " +
          "fifth row and column of it, as MPIRE's benchmark does with scipy; filters are streamed, results are added up; " +
          "starting and stopping the pool is in the time, unless the pool is kept",
        contenders: [
          serial(() => runSerially(job), job.check),
          ...ours(job),
          ...peers.flatMap((kind) => ofPeer(kind, job)),
          sentWithEachTask(job)
        ]
      }
    ]
  }
}
