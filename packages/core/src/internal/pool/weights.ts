/**
 * How much work items are, as the option `progress` of a call says (O4).
 */
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import * as source from "../call/source.ts"
import { invalidOption } from "../common/options.ts"
import { guarded } from "../common/turn.ts"
import type * as callProgress from "../progress/callProgress.ts"
import type { Slice } from "../wire/slices.ts"

export interface Weighed {
  /** The items: those that were weighed are those that are run. */
  readonly items: ReadonlyArray<unknown>
  readonly weights: ReadonlyArray<number>
  readonly total: number
}

/** Weighs the items of a call; `undefined` where they are not to be weighed. */
export const of = (
  progress: callProgress.ProgressOptions | undefined,
  given: Iterable<unknown> | Stream.Stream<unknown, unknown, unknown>,
  areSlices: boolean
): Result.Result<Weighed | undefined, WorkerPoolError.WorkerPoolError> => {
  const weight = typeof progress === "object" ? progress.weight : undefined
  if (weight === undefined) return Result.succeed(undefined)
  if (Stream.isStream(given) || source.fromIterable(given, undefined).length === undefined) {
    const expected =
      "given with items that tell how many they are, such as an array: all are weighed before the first one runs"
    return Result.fail(invalidOption("progress.weight", weight, expected))
  }
  let thrown: { readonly cause: unknown } | undefined = undefined
  const items = Array.isArray(given)
    ? (given as ReadonlyArray<unknown>)
    : guarded(
        () => Array.from(given),
        (cause) => {
          thrown = { cause }
        }
      )
  if (items === undefined) return Result.fail(WorkerPoolError.make(new WorkerPoolError.InputFailed(thrown!)))
  return weigh(items, (item) => weight(areSlices ? (item as Slice).input : item))
}

const weigh = (
  items: ReadonlyArray<unknown>,
  weight: (item: unknown) => number
): Result.Result<Weighed, WorkerPoolError.WorkerPoolError> => {
  const weights: Array<number> = []
  let total = 0
  for (let index = 0; index < items.length; index++) {
    let value: unknown = undefined
    // users' code (F8)
    guarded(
      () => {
        value = weight(items[index])
      },
      (defect) => {
        value = defect
      }
    )
    if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      const expected = `a function that gives a finite number >= 0 for each item; for item ${index}:`
      return Result.fail(invalidOption("progress.weight", value, expected))
    }
    weights.push(value)
    total += value
  }
  return Result.succeed({ items, weights, total })
}
