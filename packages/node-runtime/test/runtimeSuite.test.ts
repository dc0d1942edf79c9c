import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"
import { without } from "../../core/test/utils/without.ts"

runSuite("layerThreads", NodeWorkerRuntime.layerThreads(), { without: without.threads })
