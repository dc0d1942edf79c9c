/**
 * What a worker runs, in a thread or a process of its own: it serves the pool over a channel.
 */
import { takeSettings } from "./takeSettings.ts"

const taken = takeSettings()

if (taken === undefined) {
  throw new Error("@effect-mpire/node-runtime/entry is what a pool starts its workers with, and does nothing elsewhere")
}

// not imported before the settings have been taken, and the compile cache enabled, so that these modules come from it
if (taken._tag === "Process") {
  const { serveProcess } = await import("./servedProcess.ts")
  serveProcess(taken.settings)
} else {
  const { serveThread } = await import("./servedThread.ts")
  serveThread(taken.settings)
}
