/**
 * How a call's items are cut into chunks: pure functions from what is known of a call to the length of its next chunk.
 *
 * @since 0.1.0
 */

/**
 * What is known when a chunk is planned.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** How many items have been put into chunks so far. */
  readonly planned: number
  /** How many items there are in all, where that is known. */
  readonly length: number | undefined
  /** How many workers share the items. */
  readonly workers: number
  /** How long an item takes in its worker, in milliseconds, as far as that has been measured. */
  readonly itemTime?: number | undefined
  /** How many items have been measured; default 0. */
  readonly measured?: number | undefined
  /** How many items may be in progress at once, where the call says so. */
  readonly maxActive?: number | undefined
}

/**
 * Plans the length of the next chunk, an integer >= 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunking {
  (progress: Progress): number
}

/**
 * The longest chunk that is planned automatically: longer ones save nothing more and cost memory.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAutomatic = 2048

/**
 * Chunks of `size` items each.
 *
 * @example
 * ```ts
 * import { Chunking } from "@effect-mpire/core"
 *
 * Chunking.fixed(3)({ planned: 0, length: 10, workers: 2 }) // => 3
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fixed =
  (size: number): Chunking =>
  () =>
    size

/**
 * `chunks` chunks of equal length, give or take one item: chunk i ends at ⌈(i + 1) · length / chunks⌉, as in MPIRE's
 * `chunk_tasks`. Items beyond `length`, if there are any, go out in chunks of the same length.
 *
 * @example
 * ```ts
 * import { Chunking } from "@effect-mpire/core"
 *
 * const inThree = Chunking.byCount(3, 10)
 * const at = (planned: number) => inThree({ planned, length: 10, workers: 2 })
 *
 * const lengths = [at(0), at(4), at(7)] // => [4, 3, 3]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const byCount =
  (chunks: number, length: number): Chunking =>
  ({ planned }) => {
    if (length === 0) return 1
    const boundary = ((Math.floor((planned * chunks) / length) + 1) * length) / chunks
    return Math.max(1, Math.ceil(boundary) - planned)
  }

/**
 * The default: chunks by measured time, of about 50 milliseconds each.
 *
 * **Details**
 *
 * While nothing is known of a task, its chunks are one item long; then no chunk is longer than four times the number of
 * items that have been measured, so that a wrong guess costs little. Toward the end of a known length no chunk is longer
 * than half of a worker's share of what is left, unless it takes less than half a millisecond. A chunk is at most
 * `maxAutomatic` items long, and leaves room for two chunks per worker within `maxActive`. A fixed part of what is left is
 * guided self-scheduling (Polychronopoulos and Kuck, 1987).
 *
 * @example
 * ```ts
 * import { Chunking } from "@effect-mpire/core"
 *
 * const known = { planned: 0, length: 10_000, workers: 2, itemTime: 0.1, measured: 1000 }
 *
 * const first = Chunking.automatic(known) // => 500
 * const last = Chunking.automatic({ ...known, planned: 9_900 }) // => 25
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const automatic: Chunking = ({ itemTime, length, maxActive, measured = 0, planned, workers }) => {
  if (itemTime === undefined) return 1
  const within = (millis: number) => Math.min(maxAutomatic, 4 * measured, Math.floor(millis / itemTime))
  const share = length === undefined || planned >= length ? maxAutomatic : (length - planned) / (workers * 2)
  const room = maxActive === undefined ? maxAutomatic : Math.floor(maxActive / (workers * 2))
  return Math.max(1, Math.min(within(50), Math.max(Math.ceil(share), within(0.5)), room))
}

/**
 * Chunks whose lengths depend on nothing but the number of items, so that the same items come to the same workers each
 * time: what a call that takes the slots in turn has by default.
 *
 * **Details**
 *
 * Items of a known length are cut into about 64 chunks per worker (MPIRE's default), and no chunk is longer than half of
 * a worker's share of what is left. Of an unknown length, a chunk is 1/16 of a worker's share of what has been seen so
 * far, which on the average is as much as is still to come. A chunk is at most `maxAutomatic` items long.
 *
 * @example
 * ```ts
 * import { Chunking } from "@effect-mpire/core"
 *
 * Chunking.repeatable({ planned: 0, length: 12_800, workers: 2 }) // => 100
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const repeatable: Chunking = ({ length, planned, workers }) => {
  const size =
    length === undefined || planned >= length
      ? planned / (workers * 16)
      : Math.min(length / (workers * 64), (length - planned) / (workers * 2))
  return Math.max(1, Math.min(maxAutomatic, Math.ceil(size)))
}
