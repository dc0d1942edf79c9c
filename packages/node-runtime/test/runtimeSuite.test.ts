import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../core/test/utils/runtimeSuite.ts"
import { without } from "../../core/test/utils/without.ts"
import { cachedEnv } from "./support.ts"

runSuite("layerThreads", NodeWorkerRuntime.layerThreads({ env: cachedEnv }), { without: without.threads })
