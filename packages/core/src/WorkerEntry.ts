/**
 * The loop inside a remote worker. A platform's worker does one thing: it calls `serve` with its end of the channel.
 *
 * This module imports nothing from Effect, so that a worker that runs plain functions starts fast.
 *
 * @since 0.1.0
 */
import type { Channel } from "./Channel.ts"
import { ServedWorker } from "./internal/served/servedWorker.ts"
import * as workerFile from "./internal/task/workerFile.ts"
import type * as Portable from "./Portable.ts"

/**
 * Names the modules of tasks that this worker can load. A worker loads those that it is asked for, when it is.
 *
 * **When to use**
 *
 * Use in an entry of your own, before `serve`. The entries of platforms do both: see `NodeWorkerEntry.serve`.
 *
 * @see `Portable.modules` for references to them, and an example
 * @see {@link serve} for what a worker does then
 *
 * @category worker files
 * @since 0.1.0
 */
export const modules: <M extends Readonly<Record<string, () => Promise<unknown>>>>(
  modules: M
) => Portable.WorkerFile<M> = workerFile.make

/**
 * Serves a pool over the worker's end of a channel, until the pool ends it.
 *
 * **Details**
 *
 * `uncaught` tells the pool which uncaught error is about to end the worker, so that `WorkerLost` and `StartFailed`
 * name it. A platform that says so itself when the connection closes (`Closed.cause`) need not call it. `ending` tells the
 * pool what has been logged and not told yet, when the worker is about to end.
 *
 * @category entry points
 * @since 0.1.0
 */
export const serve = (
  channel: Channel
): { readonly uncaught: (error: unknown) => void; readonly ending: () => void } => {
  const worker = new ServedWorker(channel)
  worker.serve()
  return { uncaught: (error) => worker.uncaught(error), ending: () => worker.ending() }
}
