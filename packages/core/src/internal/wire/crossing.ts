/**
 * How one item's input, result or failure crosses, on this thread's side: Schemas, structured clone, and the typed
 * errors for what cannot cross.
 */
import * as Cause from "effect/Cause"
import type { Transferable } from "../../Channel.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Codec, TaskCodecs } from "./codec.ts"
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
  Cause.fromReasons(
    reasons.map((reason) => {
      switch (reason._tag) {
        case "Fail":
          return Cause.makeFailReason(decodeFail(reason.error, index, error))
        case "Die":
          return Cause.makeDieReason(failure.decode(reason.defect))
        case "Interrupt":
          return Cause.makeInterruptReason(reason.fiberId)
      }
    })
  )

const decodeFail = (encoded: failure.EncodedValue, index: number | undefined, error: Codec | undefined): unknown => {
  if (encoded._tag !== "Schema" || error === undefined) return failure.decode(encoded)
  try {
    return error.decode(encoded.value)
  } catch (cause) {
    return notSerializable("error", index, cause)
  }
}

/** Says in a Cause where it happened (C6), for `WorkerPoolError.origin`. */
export const annotateOrigin = (
  cause: Cause.Cause<unknown>,
  index: number,
  worker: WorkerIdentity
): Cause.Cause<unknown> =>
  Cause.annotate(cause, WorkerPoolError.OriginAnnotation.context({ index, ...WorkerPoolError.inWorker(worker) }))

/** For tasks without Schemas. */
export const noCodecs: TaskCodecs = { input: undefined, output: undefined, error: undefined }

/**
 * Clones an item or a result as it would be sent, by its Schema where it has one; an error keeps what structured clone
 * would lose. Throws when it cannot be cloned. Of a result, `item` is what it was made of.
 */
export const clone = (value: unknown, using: Codec | undefined, item?: unknown): unknown => {
  if (using !== undefined) {
    const transfers: Array<Transferable> = []
    const encoded = using.encode(value, transfers, item)
    return using.decode(structuredClone(encoded, { transfer: transfers as Array<ArrayBuffer> }))
  }
  return value instanceof Error ? failure.decode(structuredClone(failure.encode(value))) : structuredClone(value)
}

/** Clones a bound value as a channel would. Throws the typed error when it cannot be. */
export const cloneBound = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch (cause) {
    throw notSerializable("input", undefined, cause)
  }
}

/** Clones a failure as a channel would; comes to `NotSerializable` when it cannot be (F4). */
export const cloneCause = (
  cause: Cause.Cause<unknown>,
  index: number,
  using: Codec | undefined
): Cause.Cause<unknown> => {
  try {
    const encodeFail = using && ((error: unknown) => ({ _tag: "Schema", value: using.encode(error, []) }) as const)
    return decodeCause(structuredClone(failure.encodeCause(cause, encodeFail)), index, using)
  } catch (why) {
    const original = failure.encodeUncloneable(Cause.squash(cause), why)
    return Cause.fail(notSerializable("error", index, failure.decode(original)))
  }
}
