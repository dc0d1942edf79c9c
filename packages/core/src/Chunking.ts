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
export const maxAutomatic = 4096

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
 * The default: many small chunks, so that workers share the work evenly.
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
 * Chunking.automatic({ planned: 0, length: 12_800, workers: 2 }) // => 100
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const automatic: Chunking = ({ length, planned, workers }) => {
  const size =
    length === undefined || planned >= length
      ? planned / (workers * 16)
      : Math.min(length / (workers * 64), (length - planned) / (workers * 2))
  return Math.max(1, Math.min(maxAutomatic, Math.ceil(size)))
}
