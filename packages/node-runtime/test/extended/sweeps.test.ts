/** What processes do in these places is what threads do: they meet fewer of the acts, for they start slowly. */
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { bare } from "../support.ts"
import { sweepHostility, sweepOwnership } from "../sweeps.ts"

const threads = NodeWorkerRuntime.layerThreads(bare)

sweepHostility("threads", threads, 4)

sweepOwnership("threads", threads, (call, fate) => call !== fate % 3)

const processes = NodeWorkerRuntime.layerProcesses(bare)

sweepHostility("processes", processes, 9)

sweepOwnership("processes", processes, (call, fate) => call === fate % 3)
