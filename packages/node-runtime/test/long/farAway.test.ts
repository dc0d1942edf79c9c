/** The suite over threads that are 10 milliseconds away, each way: how workers end and are killed is theirs (K13). */
import * as WorkerRuntime from "@effect-mpire/core/WorkerRuntime"
import * as Effect from "effect/Effect"
import { lagging } from "../../../core/test/utils/lagging.ts"
import { runSuite } from "../../../core/test/utils/runtimeSuite.ts"
import { without } from "../../../core/test/utils/without.ts"
import { refuseMainModule } from "../../src/internal/mainModule.ts"
import * as threads from "../../src/internal/threads.ts"
import { bare, isOfThreads } from "../support.ts"

const layer = WorkerRuntime.layerChannel({
  name: "threads far away",
  open: (worker, controls) =>
    Effect.map(threads.open(worker, controls, bare), (near) => lagging(near, { oneWay: 10, controls })),
  refuse: refuseMainModule("layerThreads", bare)
})

runSuite("threads far away", layer, { without: [...without.threads, ...without.farAway], only: isOfThreads })
