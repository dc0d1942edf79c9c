/** What processes do as threads do, by the same code: the rest of the suite, and what MPIRE did. */
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { replayLifecycles } from "../../../core/test/utils/lifecycles.ts"
import { runSuite } from "../../../core/test/utils/runtimeSuite.ts"
import { without } from "../../../core/test/utils/without.ts"
import { bare, isOfProcesses } from "../support.ts"

const processes = NodeWorkerRuntime.layerProcesses(bare)

runSuite("layerProcesses, the rest", processes, {
  without: without.processes,
  only: (one) => !isOfProcesses(one)
})

replayLifecycles("layerProcesses", processes)
