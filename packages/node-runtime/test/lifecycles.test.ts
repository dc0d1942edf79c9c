import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { replayLifecycles } from "../../core/test/utils/lifecycles.ts"

replayLifecycles("layerThreads", NodeWorkerRuntime.layerThreads())
replayLifecycles("layerProcesses", NodeWorkerRuntime.layerProcesses())
