/**
 * Failures as people are shown them in events (O2): in short, and without running code of users'.
 */
import * as Cause from "effect/Cause"
import { isWorkerPoolError } from "../../WorkerPoolError.ts"
import { shownMessage } from "../common/errors.ts"
import { type Describe, printed } from "../common/printed.ts"
import { guarded } from "../common/turn.ts"

/** The most characters of a message that are told. */
const longest = 500

export const shortened = (text: string, most = longest): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text

/** What something failed with. A Proxy may throw when it is looked at: then nothing is shown. */
export const failureText = (failure: unknown): string | undefined =>
  guarded(
    () => (isWorkerPoolError(failure) ? shortened(shownMessage(failure)) : printed(failure)),
    () => {}
  )

/** The first failure of a Cause, or else its first defect; `undefined` where items are not to be shown. */
export const shownFailure = (cause: Cause.Cause<unknown>, describe: Describe | undefined): string | undefined => {
  // a failure may quote the item that it is about
  if (describe === false) return undefined
  const reason = cause.reasons.find(Cause.isFailReason) ?? cause.reasons.find(Cause.isDieReason)
  if (reason === undefined) return undefined
  return failureText(reason._tag === "Fail" ? reason.error : reason.defect)
}
