import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { runSuite } from "./utils/runtimeSuite.ts"
import { without } from "./utils/without.ts"

runSuite("layerFibers", WorkerRuntime.layerFibers(), { without: without.fibers })
