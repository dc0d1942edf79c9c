import { Portable, WorkerPool } from "@effect-mpire/core"
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Exit } from "effect"

// #region program
import type * as Tasks from "./patterns.tasks.ts"

const tasks = Portable.module<typeof Tasks>(new URL("./patterns.tasks.ts", import.meta.url))

const text = `${"a".repeat(50)}!`

const patterns = ["^a+!$", "^(a+)+$", "b", "^(a|aa)+$", "!$"]

export const program = Effect.gen(function* () {
  const pool = yield* WorkerPool.make({ size: 2, keepAlive: true, timeout: "200 millis", killAfter: "100 millis" })
  const exits = yield* pool.mapExit(
    patterns.map((pattern) => ({ pattern, text })),
    tasks.matches
  )
  const { killed, lost } = yield* pool.stats
  return {
    answers: exits.map(
      Exit.match({
        onSuccess: (isMatch) => (isMatch ? "matches" : "does not match"),
        onFailure: (cause) => `given up: ${Cause.prettyErrors(cause)[0]?.message}`
      })
    ),
    killed,
    lost
  }
}).pipe(Effect.scoped)
// #endregion

if (process.argv[1] === import.meta.filename) {
  program.pipe(Effect.flatMap(Console.log), Effect.provide(NodeWorkerRuntime.layerThreads()), NodeRuntime.runMain)
}
