/**
 * What a worker runs, in a thread or a process of its own: it serves the pool over a channel.
 */
import { enableCompileCache } from "node:module"
import { isMainThread, type Transferable, workerData } from "node:worker_threads"
import { Awake } from "./awake.ts"
import type { ProcessSettings, ThreadSettings } from "./settings.ts"
import { sharedControl } from "./sharedControl.ts"

// a signal to a process group is meant for the pool's process, which lets its workers run their exit hooks first (F5)
if (isMainThread) for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})

const settings: ProcessSettings | ThreadSettings = isMainThread
  ? JSON.parse(process.argv.splice(2, 1)[0]!)
  : { ...workerData }

// tasks can import it too, and the channel is out of their reach (F6)
if (!isMainThread) for (const key of Object.keys(workerData)) delete workerData[key]

if (settings.compileCache) enableCompileCache()

// not imported before the cache is enabled, so that these modules come from it
if (isMainThread) {
  const { serveProcess } = await import("./servedProcess.ts")
  serveProcess(settings as ProcessSettings)
} else {
  const { serve } = await import("@effect-mpire/core/WorkerEntry")
  const { control, port } = settings as ThreadSettings
  // tasks can replace the method
  const post = port.postMessage.bind(port)
  const awake = new Awake()
  serve({
    send: (message, transfers) => post(message, transfers as ReadonlyArray<Transferable>),
    receive: (handler, unreadable) => {
      port.on("messageerror", unreadable)
      port.on("message", awake.handler(handler))
    },
    close: () => port.close(),
    stayAwake: () => awake.expectMessage(),
    control: sharedControl(control)
  })
}
