import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { bare } from "./support.ts"
import { sweepHostility, sweepOwnership } from "./sweeps.ts"

const threads = NodeWorkerRuntime.layerThreads(bare)

sweepHostility("threads", threads, 4)

sweepOwnership("threads", threads, (call, fate) => call !== fate % 3)
