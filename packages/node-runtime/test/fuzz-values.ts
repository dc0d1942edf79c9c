/**
 * `pnpm fuzz:values --runtime threads|processes|fibers --count 100000 --from 0`: sends random values to workers and has
 * them sent back, and says which arrived otherwise than they should (S3). A value is known by its number.
 */
import { WorkerRuntime } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { fuzzValues } from "../../core/test/utils/fuzzValues.ts"

const runtimes = {
  fibers: WorkerRuntime.layerFibers(),
  threads: NodeWorkerRuntime.layerThreads(),
  processes: NodeWorkerRuntime.layerProcesses()
}

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "threads" },
    count: { type: "string", default: "100000" },
    from: { type: "string", default: "0" }
  }
})

const runtime = runtimes[values.runtime as keyof typeof runtimes]

const { fates, wrong } = await Effect.runPromise(
  Effect.provide(fuzzValues({ from: Number(values.from), count: Number(values.count) }), runtime)
)
console.log(`${values.count} values on ${values.runtime}, ${JSON.stringify(fates)}: ${wrong.length} wrong`)
for (const problem of wrong.slice(0, 20)) console.log(problem)
if (wrong.length > 0) process.exitCode = 1
