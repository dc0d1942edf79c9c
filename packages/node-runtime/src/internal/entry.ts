/**
 * What a worker runs, in a thread or a process of its own: a channel to the pool, served.
 */
import { enableCompileCache } from "node:module"
import { isMainThread, parentPort, type Transferable, workerData } from "node:worker_threads"
import { Awake } from "./awake.ts"
import type { Settings } from "./envelope.ts"
import { sharedControl } from "./sharedControl.ts"

// whoever signals a whole process group means the pool's process, which ends its workers in its own time (F5)
if (isMainThread) for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})

const settings: unknown = isMainThread ? JSON.parse(process.argv.splice(2, 1)[0]!) : workerData

if ((settings as Pick<Settings, "compileCache">).compileCache) enableCompileCache()

// only now, so that what it imports comes from the cache
if (isMainThread) {
  const { serveProcess } = await import("./servedProcess.ts")
  serveProcess(settings as Settings)
} else {
  const { serve } = await import("@effect-mpire/core/WorkerEntry")
  const port = parentPort!
  const awake = new Awake()
  serve({
    send: (message, transfers) => port.postMessage(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler) => {
      port.on("message", (message) => {
        awake.rest()
        handler(message)
      })
    },
    close: () => port.close(),
    stayAwake: () => awake.stay(),
    control: sharedControl((settings as { readonly control: Int32Array }).control)
  })
}
