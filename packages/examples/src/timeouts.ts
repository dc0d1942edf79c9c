import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit } from "effect"
import type * as Tasks from "./timeouts.tasks.ts"

// #region program
const tasks = Portable.module<typeof Tasks>(new URL("./timeouts.tasks.ts", import.meta.url))

const pages = [
  { url: "/fast", millis: 1 },
  { url: "/stuck", millis: 60_000 },
  { url: "/slow", millis: 20 }
]

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2 })
  // no fail-fast: an outcome for each page, and only the stuck one is given up
  const exits = yield* pool.mapExit(pages, tasks.fetchPage, { timeout: "250 millis" })
  return exits.map(
    Exit.match({
      onSuccess: (html) => html,
      onFailure: (cause) => `given up: ${Cause.prettyErrors(cause)[0]?.message}`
    })
  )
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
