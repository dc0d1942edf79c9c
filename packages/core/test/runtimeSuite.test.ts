import * as WorkerRuntime from "../src/WorkerRuntime.ts"
import { runSuite } from "./utils/runtimeSuite.ts"

runSuite("layerFibers", WorkerRuntime.layerFibers())

runSuite("layerFibers without cloning", WorkerRuntime.layerFibers({ clone: false }), {
  without: ["cloning", "transfer"]
})
