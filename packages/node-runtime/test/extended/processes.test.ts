/** The rest of the suite: what processes do as threads do, by the same code. */
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../../core/test/utils/runtimeSuite.ts"
import { without } from "../../../core/test/utils/without.ts"
import { bare, isOfProcesses } from "../support.ts"

runSuite("layerProcesses, the rest", NodeWorkerRuntime.layerProcesses(bare), {
  without: without.processes,
  only: (one) => !isOfProcesses(one)
})
