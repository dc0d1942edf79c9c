/**
 * A worker file for browsers: the one file of a program that a bundler has to know, for its workers to find their tasks.
 *
 * @since 0.1.0
 */
import type * as Portable from "@effect-mpire/core/Portable"
import * as WorkerEntry from "@effect-mpire/core/WorkerEntry"
import { serveWorker, workerScope } from "./internal/served.ts"

/**
 * Names the modules of tasks, and serves the pool that has started this Web Worker. In the page it does no more than name
 * the modules.
 *
 * **Details**
 *
 * Call it at the top level of a file of its own, and export what it returns. Each module is a function that imports it, so
 * that a worker loads what it is asked for, and the page nothing.
 *
 * @example
 * ```ts
 * import * as BrowserWorkerEntry from "@effect-mpire/browser-runtime/BrowserWorkerEntry"
 *
 * // in a program's own file, "./worker.ts", these are its modules: () => import("./images.tasks.ts")
 * export const modules = BrowserWorkerEntry.serve({
 *   effects: () => import("effect/Effect"),
 *   options: () => import("effect/Option")
 * })
 *
 * Object.keys(modules) // => ["~effect-mpire/WorkerFile"]
 * ```
 *
 * @see `Portable.modules` for references to the modules
 * @see `BrowserWorkerRuntime.layer` for telling it the file
 *
 * @category worker files
 * @since 0.1.0
 */
export const serve = <M extends Readonly<Record<string, () => Promise<unknown>>>>(
  modules: M
): Portable.WorkerFile<M> => {
  const file = WorkerEntry.modules(modules)
  const scope = workerScope()
  if (scope !== undefined) serveWorker(scope)
  return file
}
