import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"

runSuite("layerThreads", NodeWorkerRuntime.layerThreads())
