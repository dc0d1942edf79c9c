import { Portable, WorkerPool, type WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { type Case, type Contender, type Role, timed } from "../case.ts"
import { wavesByCounter } from "../contenders/hand-written.ts"
import { acquire } from "../contenders/ours.ts"
import { sibling } from "../sibling.ts"
import * as targets from "../targets.ts"
import { waves } from "../tasks/array.tasks.ts"
import { check, size } from "./parts.ts"

const tasks = Portable.module<typeof import("../tasks/array.tasks.ts")>(
  sibling(import.meta.url, "../tasks/array.tasks")
)

/** Elements of a slice where nothing says otherwise: 32 for each worker of the size of the largest job. */
const sliceLength = 156_250

const numbers = (buffer: ArrayBufferLike): Float64Array => {
  const array = new Float64Array(buffer)
  for (let i = 0; i < array.length; i++) array[i] = i / 1000
  return array
}

export const p7: Case = {
  timeLimit: 120,
  measurements: ({ quick, repetitions }) => {
    const count = quick ? 1_000_000 : 10_000_000
    let made:
      | { readonly shared: Float64Array; readonly ordinary: Float64Array; readonly expected: Float64Array }
      | undefined
    const job = () => {
      if (made !== undefined) return made
      const shared = numbers(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT))
      made = { shared, ordinary: Float64Array.from(shared), expected: waves(shared) }
      return made
    }
    const checkAll = (result: Float64Array): void => {
      const { expected } = job()
      check(result.length === count, `${result.length} elements of ${count}`)
      // each would take longer than the work
      for (let i = 0; i < count; i += 997) check(result[i] === expected[i], `element ${i} is ${result[i]}`)
    }
    const pool = (
      name: string,
      role: Role,
      input: () => Float64Array,
      layer: Layer.Layer<WorkerRuntime.WorkerRuntime>
    ): Contender => ({
      name,
      role,
      open: async () => {
        const [pool, close] = await acquire(WorkerPool.make({ size, keepAlive: true }), layer)
        await Effect.runPromise(pool.start)
        return timed({
          work: () => Effect.runPromise(pool.mapArray(input(), tasks.waves)),
          check: checkAll,
          close
        })
      }
    })
    const serial: Contender = {
      name: "serial",
      role: "baseline",
      open: async () => timed({ work: () => waves(job().shared), check: checkAll })
    }
    const loop: Contender = {
      name: "written by hand, two threads",
      role: "peer",
      remark: "both threads take slices from shared memory, and write to shared memory",
      open: async () => {
        const { close, map } = wavesByCounter(size, sliceLength)
        return timed({ work: () => map(job().shared), check: checkAll, close })
      }
    }
    return [
      {
        id: "mapArray",
        title: `${count.toLocaleString("en")} doubles`,
        method:
          `mapArray with default options on ${size} workers that have been started, of a function that takes some 60 ns for ` +
          `an element, over an array in shared memory; over an ordinary one, slices are copied into shared memory`,
        unit: "ms",
        compare: "speed-up",
        warmUps: 1,
        repetitions,
        contenders: [
          serial,
          loop,
          pool("effect-mpire", "ours", () => job().shared, NodeWorkerRuntime.layerThreads()),
          pool("effect-mpire, ordinary array", "information", () => job().ordinary, NodeWorkerRuntime.layerThreads()),
          pool("effect-mpire, processes", "information", () => job().shared, NodeWorkerRuntime.layerProcesses())
        ],
        targets: [
          {
            description: "times as fast as serially",
            limit: "at least",
            bound: 1.8,
            measure: targets.baselineOverOurs
          }
        ]
      }
    ]
  }
}
