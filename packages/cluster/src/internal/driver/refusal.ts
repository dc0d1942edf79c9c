/**
 * Why a runner will not have this process.
 */
import { isWorkerPoolError, type WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import { GreetingFailed, VersionMismatch } from "../../ClusterError.ts"
import { invalidOption } from "../common/options.ts"
import type * as words from "../link/words.ts"

/** Whether it will not have this process as both are now: that does not change by itself, and somebody has to hear of it. */
export const isRefusal = (cause: unknown): cause is VersionMismatch | WorkerPoolError =>
  cause instanceof VersionMismatch || isWorkerPoolError(cause)

/** Why a runner refused, as this process sees it: what is `here` for the runner is `there` for it. */
export const refusal = (
  runner: string,
  { why }: words.Refused,
  suspectAfter: number
): VersionMismatch | GreetingFailed | WorkerPoolError => {
  switch (why._tag) {
    case "VersionMismatch":
      return new VersionMismatch({ what: why.what, here: why.there, there: why.here, runner })
    case "Lease":
      // else this process could start a worker again elsewhere before that runner has killed it (K5)
      return invalidOption(
        "suspectAfter",
        suspectAfter,
        `longer than the lease of the runner at ${runner}, ${why.lease} milliseconds, by ${why.margin} milliseconds at least`
      )
    default:
      return new GreetingFailed({ runner, cause: new Error("It refuses drivers") })
  }
}
