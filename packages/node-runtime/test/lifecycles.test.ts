import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { replayLifecycles } from "../../core/test/utils/lifecycles.ts"
import { cachedEnv } from "./support.ts"

replayLifecycles("layerThreads", NodeWorkerRuntime.layerThreads())
replayLifecycles("layerProcesses", NodeWorkerRuntime.layerProcesses({ env: cachedEnv }))
