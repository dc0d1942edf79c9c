/**
 * A worker file for Node.js: the one file of a program that a bundler has to know, for its workers to find their tasks.
 *
 * @since 0.1.0
 */
import type * as Portable from "@effect-mpire/core/Portable"
import * as WorkerEntry from "@effect-mpire/core/WorkerEntry"
import { serveProcess } from "./internal/servedProcess.ts"
import { serveThread } from "./internal/servedThread.ts"
import { takeSettings } from "./internal/takeSettings.ts"

/**
 * Names the modules of tasks, and serves the pool that has started this thread or process, if one has. In the main
 * program it does no more than name the modules.
 *
 * **Details**
 *
 * Call it at the top level of a file of its own, and export what it returns. Each module is a function that imports it, so
 * that a worker loads what it is asked for, and the main program nothing.
 *
 * @example
 * ```ts
 * import * as NodeWorkerEntry from "@effect-mpire/node-runtime/NodeWorkerEntry"
 *
 * // in a program's own file, "./worker.ts", these are its modules: () => import("./images.tasks.ts")
 * export const modules = NodeWorkerEntry.serve({
 *   paths: () => import("node:path"),
 *   urls: () => import("node:url")
 * })
 *
 * Object.keys(modules) // => ["~effect-mpire/WorkerFile"]
 * ```
 *
 * @see `Portable.modules` for references to the modules
 * @see `NodeWorkerRuntime.layerThreads` and `NodeWorkerRuntime.layerProcesses` for telling them the file
 *
 * @category worker files
 * @since 0.1.0
 */
export const serve = <M extends Readonly<Record<string, () => Promise<unknown>>>>(
  modules: M
): Portable.WorkerFile<M> => {
  const file = WorkerEntry.modules(modules)
  const taken = takeSettings()
  if (taken?._tag === "Process") serveProcess(taken.settings)
  else if (taken !== undefined) serveThread(taken.settings)
  return file
}
