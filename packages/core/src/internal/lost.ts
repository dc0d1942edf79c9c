/**
 * The errors of a worker that could not start, or that is gone.
 */
import type { Closed } from "../Channel.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"

/** It could not start, or a module could not be loaded in it. */
export const startFailed = (worker: WorkerPoolError.WorkerIdentity, cause: unknown): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.StartFailed({ ...WorkerPoolError.inWorker(worker), cause }))

/** It is gone, with these items of the call that is told. */
export const workerLost = (
  worker: WorkerPoolError.WorkerIdentity,
  closed: Closed,
  indices: ReadonlyArray<number> = []
): WorkerPoolError.WorkerPoolError => {
  const { cause, exitCode, signal } = closed
  return WorkerPoolError.make(
    new WorkerPoolError.WorkerLost({ ...WorkerPoolError.inWorker(worker), exitCode, signal, cause, indices })
  )
}
