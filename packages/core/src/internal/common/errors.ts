/**
 * The errors that several parts of the engine fail with.
 */
import type { Closed } from "../../Channel.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as loadFailure from "../task/loadFailure.ts"
import * as portable from "../task/portable.ts"
import { nameOf } from "./taskNames.ts"
import { guarded } from "./turn.ts"

/** The pool's Scope has closed (C10). */
export const poolClosed = (pool: string): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.PoolClosed({ pool }))

/** The pool was terminated. */
export const terminated = (pool: string): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.Terminated({ pool }))

/** A worker could not start, or a module could not be loaded in it: that of `code`, if it is known. */
export const startFailed = (
  worker: WorkerPoolError.WorkerIdentity,
  cause: unknown,
  code?: portable.Addressed
): WorkerPoolError.WorkerPoolError => {
  // what a module throws may throw when it is looked at
  const loading = guarded(
    () => (loadFailure.is(cause) ? cause : undefined),
    () => {}
  )
  const why =
    loading === undefined
      ? { module: code && portable.moduleOf(code), cause }
      : { module: loadFailure.moduleOf(loading), cause: loading.cause }
  return WorkerPoolError.make(new WorkerPoolError.StartFailed({ ...WorkerPoolError.inWorker(worker), ...why }))
}

/** A worker was lost. Which items of a call were lost with it is added for each call, by `withItems`. */
export const workerLost = (
  worker: WorkerPoolError.WorkerIdentity,
  { cause, exitCode, signal }: Closed
): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(
    new WorkerPoolError.WorkerLost({ ...WorkerPoolError.inWorker(worker), exitCode, signal, cause, indices: [] })
  )

/** Losses whose cause may quote an item that is not to be shown, be it another call's (O2). */
const quoting = new WeakSet<WorkerPoolError.WorkerPoolError>()

/** The error of a loss whose cause is for callers alone, and not to be shown to people. */
export const quotingItems = (error: WorkerPoolError.WorkerPoolError): WorkerPoolError.WorkerPoolError => {
  quoting.add(error)
  return error
}

/** The message of an error as people may read it. */
export const shownMessage = (error: WorkerPoolError.WorkerPoolError): string => {
  const { message, reason } = error
  if (reason._tag !== "WorkerLost" || !quoting.has(error)) return message
  return new WorkerPoolError.WorkerLost({ ...reason, cause: undefined }).message
}

/** The error, with the indices of those items of a call's `task` that were in hand, if it is about a lost worker. */
export const withItems = (
  error: WorkerPoolError.WorkerPoolError,
  task: portable.Addressed,
  indices: () => ReadonlyArray<number>
): WorkerPoolError.WorkerPoolError =>
  error.reason._tag === "WorkerLost" ? lostWith(error, error.reason, indices(), nameOf(task)) : error

const lostWith = (
  error: WorkerPoolError.WorkerPoolError,
  reason: WorkerPoolError.WorkerLost,
  indices: ReadonlyArray<number>,
  task: string | undefined
): WorkerPoolError.WorkerPoolError => {
  // given by name, because a spread does not copy an error's `cause`
  const lost = new WorkerPoolError.WorkerLost({ ...reason, cause: reason.cause, indices, task })
  const made = WorkerPoolError.make(lost)
  return quoting.has(error) ? quotingItems(made) : made
}

/** An item of `task` took longer than its `timeout`. */
export const taskTimedOut = (
  worker: WorkerPoolError.WorkerIdentity,
  index: number,
  task: portable.Addressed
): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(
    new WorkerPoolError.TaskTimedOut({ index, ...WorkerPoolError.inWorker(worker), task: nameOf(task) })
  )

/** The errors of a hook: one that failed, or one whose time is over. */
export interface HookErrors {
  readonly failed: (cause: unknown) => WorkerPoolError.WorkerPoolError
  readonly timedOut: () => WorkerPoolError.WorkerPoolError
}

const hookErrors =
  (
    Failed: typeof WorkerPoolError.InitFailed | typeof WorkerPoolError.ExitFailed,
    TimedOut: typeof WorkerPoolError.InitTimedOut | typeof WorkerPoolError.ExitTimedOut
  ) =>
  (worker: WorkerPoolError.WorkerIdentity): HookErrors => {
    const where = WorkerPoolError.inWorker(worker)
    return {
      failed: (cause) => WorkerPoolError.make(new Failed({ ...where, cause })),
      timedOut: () => WorkerPoolError.make(new TimedOut(where))
    }
  }

/** The errors of `init`, and of the services that are built before it. */
export const initErrors = hookErrors(WorkerPoolError.InitFailed, WorkerPoolError.InitTimedOut)

/** The errors of `exit`, and of the finalizers that run after it. */
export const exitErrors = hookErrors(WorkerPoolError.ExitFailed, WorkerPoolError.ExitTimedOut)
