/**
 * What a worker runs, in a thread or a process of its own: it serves the pool over a channel.
 */
import { enableCompileCache } from "node:module"
import { isMainThread, parentPort, type Transferable, workerData } from "node:worker_threads"
import { Awake } from "./awake.ts"
import type { ProcessSettings, ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

// a signal to a process group is meant for the pool's process, which lets its workers run their exit hooks first (F5)
if (isMainThread) for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})

const settings: ProcessSettings | ThreadSettings = isMainThread ? JSON.parse(process.argv.splice(2, 1)[0]!) : workerData

if (settings.compileCache) enableCompileCache()

// not imported before the cache is enabled, so that these modules come from it
if (isMainThread) {
  const { serveProcess } = await import("./servedProcess.ts")
  serveProcess(settings as ProcessSettings)
} else {
  const { serve } = await import("@effect-mpire/core/WorkerEntry")
  const port = parentPort!
  const awake = new Awake()
  serve({
    send: (message, transfers) => port.postMessage(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler) => void port.on("message", awake.handler(handler)),
    close: () => port.close(),
    stayAwake: () => awake.expectMessage(),
    control: sharedControl((settings as ThreadSettings).control)
  })
}
