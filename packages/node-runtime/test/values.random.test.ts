import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { fuzzRandomValues } from "../../core/test/utils/randomValuesCase.ts"
import { bare } from "./support.ts"

fuzzRandomValues("threads", NodeWorkerRuntime.layerThreads(bare))

fuzzRandomValues("processes", NodeWorkerRuntime.layerProcesses(bare))
