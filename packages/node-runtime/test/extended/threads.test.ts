/** The rest of the suite: what threads do as fibers do, by the same code. */
import { NodeWorkerRuntime } from "@effect-mpire/node-runtime"
import { runSuite } from "../../../core/test/utils/runtimeSuite.ts"
import { without } from "../../../core/test/utils/without.ts"
import { bare, isOfThreads } from "../support.ts"

runSuite("layerThreads, the rest", NodeWorkerRuntime.layerThreads(bare), {
  without: without.threads,
  only: (one) => !isOfThreads(one)
})
