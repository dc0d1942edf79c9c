/**
 * What a pool told this worker as it started it, taken from where it was left, out of the reach of tasks (F6).
 */
import * as nodeModule from "node:module"
import { isMainThread, workerData } from "node:worker_threads"
import { marker, type ProcessSettings, type ThreadSettings } from "./settings.ts"

export type Taken =
  | { readonly _tag: "Thread"; readonly settings: ThreadSettings }
  | { readonly _tag: "Process"; readonly settings: ProcessSettings }

/** `undefined` where no pool has started this thread or process, or where the settings have been taken already. */
export const takeSettings = (): Taken | undefined => {
  const taken = isMainThread ? takeFromArguments() : takeFromThread()
  // Deno and Bun have no such cache
  const { enableCompileCache } = nodeModule as Partial<typeof nodeModule>
  if (taken?.settings.compileCache === true) enableCompileCache?.()
  return taken
}

const takeFromArguments = (): Taken | undefined => {
  if (!process.argv[2]?.startsWith(`{"${marker}":true,`)) return undefined
  // a signal to a process group is meant for the pool's process, which lets its workers run their exit hooks first (F5)
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {})
  return { _tag: "Process", settings: JSON.parse(process.argv.splice(2, 1)[0]!) }
}

const takeFromThread = (): Taken | undefined => {
  if (workerData?.[marker] !== true) return undefined
  const settings: ThreadSettings = { ...workerData }
  for (const key of Object.keys(workerData)) delete workerData[key]
  return { _tag: "Thread", settings }
}
