/**
 * How one item, result or failure crosses, on the pool's side: by Schemas or structured clone, with typed errors for
 * what cannot cross.
 */
import * as Cause from "effect/Cause"
import type { Transferable } from "../../Channel.ts"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import { nameAt, nameOf } from "../common/taskNames.ts"
import type * as portable from "../task/portable.ts"
import { isList } from "./checks.ts"
import type { Codec, TaskCodecs } from "./codec.ts"
import * as failure from "./failure.ts"
import * as packing from "./packing.ts"

/**
 * The error for what cannot cross (F4); `index` is the item's, `undefined` for a bound value or a hook's result. `code` is
 * the task or hook.
 */
export const notSerializable = (
  direction: WorkerPoolError.NotSerializable["direction"],
  index: number | undefined,
  cause: unknown,
  code: portable.Addressed | undefined
): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.NotSerializable({ direction, index, cause, task: code && nameOf(code) }))

/** The inverse of `failure.encodeCause`; errors that the task's error Schema encoded are decoded by it. */
export const decodeCause = (
  reasons: ReadonlyArray<failure.EncodedReason>,
  index: number | undefined,
  error: Codec | undefined,
  code: portable.Addressed | undefined
): Cause.Cause<unknown> => {
  // one that says to have billions of reasons would be gone through for minutes (F6)
  if (!isList(reasons)) throw new TypeError("The reasons of a Cause are no list")
  return Cause.fromReasons(
    reasons.map((reason) => {
      switch (reason._tag) {
        case "Fail":
          return Cause.makeFailReason(decodeFail(reason.error, index, error, code))
        case "Die":
          return Cause.makeDieReason(failure.decode(reason.defect))
        case "Interrupt":
          return Cause.makeInterruptReason(reason.fiberId)
        default:
          throw new TypeError("A reason of a Cause is none")
      }
    })
  )
}

const decodeFail = (
  encoded: failure.EncodedValue,
  index: number | undefined,
  error: Codec | undefined,
  code: portable.Addressed | undefined
): unknown => {
  if (encoded._tag !== "Schema" || error === undefined) return failure.decode(encoded)
  try {
    return error.decode(encoded.value)
  } catch (cause) {
    return notSerializable("error", index, cause, code)
  }
}

/** Annotates a Cause with where it happened (C6), which `WorkerPoolError.origin` reads. */
export const annotateOrigin = (
  cause: Cause.Cause<unknown>,
  index: number,
  worker: WorkerIdentity
): Cause.Cause<unknown> =>
  Cause.annotate(cause, WorkerPoolError.OriginAnnotation.context({ index, ...WorkerPoolError.inWorker(worker) }))

/** The codecs of a task without Schemas. */
export const noCodecs: TaskCodecs = { input: undefined, output: undefined, error: undefined }

/**
 * Clones an item or a result as a channel would, by its Schema where it has one; an error keeps what structured clone
 * would lose. Throws when it cannot be cloned. For a result, `item` is the item that it is the result of.
 */
export const clone = (value: unknown, codec: Codec | undefined, item?: unknown): unknown => {
  if (codec !== undefined) {
    const transfers: Array<Transferable> = []
    const encoded = codec.encode(value, transfers, item)
    return codec.decode(packing.clone(encoded, transfers))
  }
  return value instanceof Error ? failure.decode(cloneEncoded(failure.encode(value))) : packing.clone(value)
}

const cloneEncoded = <A>(encoded: A): A => packing.clone(encoded) as A

/** Clones a bound value as a channel would. Throws NotSerializable when it cannot be cloned. */
export const cloneBound = ({ target, value }: portable.Bound): unknown => {
  try {
    return clone(value, undefined)
  } catch (cause) {
    throw WorkerPoolError.make(
      new WorkerPoolError.NotSerializable({ direction: "input", index: undefined, cause, task: nameAt(target) })
    )
  }
}

/** Clones a failure as a channel would. The result is a NotSerializable failure when it cannot be cloned. */
export const cloneCause = (
  cause: Cause.Cause<unknown>,
  index: number,
  codec: Codec | undefined,
  code: portable.Addressed | undefined
): Cause.Cause<unknown> => {
  try {
    const encodeFail = codec && ((error: unknown) => ({ _tag: "Schema", value: codec.encode(error, []) }) as const)
    return decodeCause(cloneEncoded(failure.encodeCause(cause, encodeFail)), index, codec, code)
  } catch (why) {
    const original = failure.encodeUncloneable(Cause.squash(cause), why)
    return Cause.fail(notSerializable("error", index, failure.decodeOrDescribe(original), code))
  }
}
