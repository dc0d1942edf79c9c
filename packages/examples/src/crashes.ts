import { Portable, WorkerPool, WorkerPoolError } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit } from "effect"
import type * as Tasks from "./crashes.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./crashes.tasks.ts", import.meta.url))

const images = Array.from({ length: 20 }, (_, i) => Uint8Array.of(i === 13 ? 0 : 32 + i, 24))

export const program = Effect.gen(function* () {
  // an image that was being read when its worker died is tried twice more, by itself
  const pool = yield* WorkerPool.make({ size: 2, onWorkerLost: { retries: 2 } })
  const exits = yield* pool.mapExit(images, tasks.sizeOf)
  const broken = exits.flatMap((exit, i) => {
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    if (!WorkerPoolError.isWorkerPoolError(error) || error.reason._tag !== "WorkerLost") return []
    return [`image ${i}: ${error.reason.signal}`]
  })
  return { read: exits.filter(Exit.isSuccess).length, broken }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerProcesses()), NodeRuntime.runMain)
}
