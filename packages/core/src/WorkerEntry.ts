/**
 * The loop inside a remote worker. A platform's worker does one thing: it calls `serve` with its end of the channel.
 *
 * This module imports nothing from Effect, so that a worker that runs plain functions starts fast.
 *
 * @since 0.1.0
 */
import type { Channel } from "./Channel.ts"
import { ServedWorker } from "./internal/served/servedWorker.ts"

/**
 * Serves a pool over the worker's end of a channel, until the pool ends it.
 *
 * **Details**
 *
 * `uncaught` tells the pool which uncaught error is about to end the worker, so that `WorkerLost` and `StartFailed`
 * name it. A platform that says so itself when the connection closes (`Closed.cause`) need not call it.
 *
 * @category entry points
 * @since 0.1.0
 */
export const serve = (channel: Channel): { readonly uncaught: (error: unknown) => void } => {
  const worker = new ServedWorker(channel)
  worker.serve()
  return { uncaught: (error) => worker.uncaught(error) }
}
