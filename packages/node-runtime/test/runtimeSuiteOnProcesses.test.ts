import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"
import { without } from "../../core/test/utils/without.ts"
import { bare, isOfProcesses } from "./support.ts"

// beside the threads' run, so that both take less time
runSuite("layerProcesses", NodeWorkerRuntime.layerProcesses(bare), { without: without.processes, only: isOfProcesses })
