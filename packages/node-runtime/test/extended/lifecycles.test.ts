import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { replayLifecycles } from "../../../core/test/utils/lifecycles.ts"
import { bare } from "../support.ts"

replayLifecycles("layerThreads", NodeWorkerRuntime.layerThreads(bare))

replayLifecycles("layerProcesses", NodeWorkerRuntime.layerProcesses(bare))
