/**
 * How one item's input, result or failure crosses, on this thread's side: Schemas, structured clone, and the typed
 * errors for what cannot cross.
 */
import * as Cause from "effect/Cause"
import type { WorkerIdentity } from "../WorkerPoolError.ts"
import * as WorkerPoolError from "../WorkerPoolError.ts"
import type { Codec } from "./codec.ts"
import * as failure from "./failure.ts"

/** The typed error for what cannot cross. */
export const notSerializable = (
  direction: "input" | "output" | "error",
  index: number | undefined,
  cause: unknown
): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.NotSerializable({ direction, index, cause }))

/** Puts a Cause together again; its typed errors by the task's error Schema, where that encoded them. */
export const decodeCause = (
  reasons: ReadonlyArray<failure.EncodedReason>,
  index: number | undefined,
  error: Codec | undefined
): Cause.Cause<unknown> =>
  Cause.fromReasons(reasons.map((reason) => {
    switch (reason._tag) {
      case "Fail":
        return Cause.makeFailReason(decodeFail(reason.error, index, error))
      case "Die":
        return Cause.makeDieReason(failure.decode(reason.defect))
      case "Interrupt":
        return Cause.makeInterruptReason(reason.fiberId)
    }
  }))

const decodeFail = (encoded: failure.EncodedValue, index: number | undefined, error: Codec | undefined): unknown => {
  if (encoded._tag !== "Schema" || error === undefined) return failure.decode(encoded)
  try {
    return error.decode(encoded.value)
  } catch (cause) {
    return notSerializable("error", index, cause)
  }
}

/** Says in a Cause where it happened, for `WorkerPoolError.origin`. */
export const annotateOrigin = (
  cause: Cause.Cause<unknown>,
  index: number,
  worker: WorkerIdentity
): Cause.Cause<unknown> =>
  Cause.annotate(cause, WorkerPoolError.OriginAnnotation.context({ index, worker }))
