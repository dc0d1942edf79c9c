/** The suite over a channel whose messages and numbers are 10 milliseconds on their way (K13). */
import { layerLagging } from "../utils/inThisThread.ts"
import { runSuite } from "../utils/runtimeSuite.ts"
import { without } from "../utils/without.ts"

runSuite("a lagging channel", layerLagging(10), {
  without: [...without.inThisThread, ...without.farAway],
  // it is thousands of chunks, one after another, and so as many round trips
  only: ({ name }) => !name.startsWith("puts together what mapArray's tasks return, in order")
})
