/**
 * What a worker thread runs: a channel over its parent port, served.
 */
import { enableCompileCache } from "node:module"
import { parentPort, type Transferable, workerData } from "node:worker_threads"
import { sharedControl } from "./sharedControl.ts"

const { compileCache, control } = workerData as { readonly compileCache: boolean; readonly control: Int32Array }

if (compileCache) enableCompileCache()

// only now, so that what it imports comes from the cache
const { serve } = await import("@effect-mpire/core/WorkerEntry")

const port = parentPort!

serve({
  send: (message, transfers) => port.postMessage(message, transfers as ReadonlyArray<Transferable>),
  receive: (handler) => {
    port.on("message", handler)
  },
  close: () => port.close(),
  control: sharedControl(control)
})
