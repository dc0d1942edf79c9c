import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"
import { without } from "../../core/test/utils/without.ts"
import { bare } from "./support.ts"

// beside the threads' run, so that both take less time
runSuite("layerProcesses", NodeWorkerRuntime.layerProcesses(bare), {
  without: without.processes,
  // they start many workers, and what decides them is the pool's side, which is that of threads
  skip: /another's init|gave up waiting|when the source calls/
})
