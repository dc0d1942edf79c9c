/** The suite once more, without what `layerFibers` does by default: it clones. */
import * as WorkerRuntime from "../../src/WorkerRuntime.ts"
import { runSuite } from "../utils/runtimeSuite.ts"
import { without } from "../utils/without.ts"

runSuite("layerFibers without cloning", WorkerRuntime.layerFibers({ clone: false }), {
  without: ["cloning", "transfer", ...without.fibers],
  // whose hooks fail for whom has nothing to do with cloning, and takes time
  only: ({ name }) => !/another's init|gave up waiting/.test(name)
})
