/**
 * How long a call's chunks are: pure functions from what is known of the call to the length of its next chunk.
 */

/** What is known when a chunk is planned. */
export interface Progress {
  /** How many items are in chunks already. */
  readonly planned: number
  /** How many items there are in all; `undefined` when that is not known. */
  readonly length: number | undefined
  /** How many workers the items are for. */
  readonly workers: number
  /** How long an item takes in a worker on average, in milliseconds; `undefined` before the first measurement. */
  readonly itemTime?: number | undefined
  /** How many items have been measured. Default: 0. */
  readonly measured?: number | undefined
  /** How long a chunk may take, in milliseconds. Default: 50. */
  readonly chunkTime?: number | undefined
  /** How many items may be in progress at once. Default: any number. */
  readonly maxActive?: number | undefined
}

/** Returns the length of the next chunk, an integer >= 1. */
export interface Chunking {
  (progress: Progress): number
}

/** The most items in a chunk of `automatic` or `repeatable`: longer chunks save no more time, and cost memory. */
export const maxAutomatic = 2048

/** Chunks of `size` items each. */
export const fixed =
  (size: number): Chunking =>
  () =>
    size

/**
 * `chunks` chunks whose lengths differ by one item at most: chunk i ends at ⌈(i + 1) · length / chunks⌉, as in MPIRE's
 * `chunk_tasks`. Items beyond `length`, if there are any, go out in chunks of about the same length.
 */
export const byCount =
  (chunks: number, length: number): Chunking =>
  ({ planned }) => {
    if (length === 0) return 1
    const boundary = ((Math.floor((planned * chunks) / length) + 1) * length) / chunks
    return Math.max(1, Math.ceil(boundary) - planned)
  }

/**
 * The default: chunks of about 50 milliseconds each, or `chunkTime`, by the measured time of an item.
 *
 * Before the first measurement, chunks have one item; then none has more than four times as many items as have been
 * measured, so that a wrong estimate costs little. Towards the end of a known length a chunk has no more than half of a
 * worker's share of the items left, so that the others do not wait long for the last one: a fixed fraction of what is
 * left is guided self-scheduling (Polychronopoulos and Kuck, 1987). But it may always take half a millisecond. A chunk
 * leaves room for two chunks per worker within `maxActive`.
 */
export const automatic: Chunking = ({
  chunkTime = 50,
  itemTime,
  length,
  maxActive,
  measured = 0,
  planned,
  workers
}) => {
  if (itemTime === undefined) return 1
  const within = (millis: number) => Math.min(maxAutomatic, 4 * measured, Math.floor(millis / itemTime))
  const share = length === undefined || planned >= length ? maxAutomatic : (length - planned) / (workers * 2)
  const room = maxActive === undefined ? maxAutomatic : Math.floor(maxActive / (workers * 2))
  return Math.max(1, Math.min(within(chunkTime), Math.max(Math.ceil(share), within(0.5)), room))
}

/**
 * The default of a call with `dispatch: "ordered"`: chunks whose lengths depend only on the number of items, so that
 * the same items go to the same workers each time.
 *
 * Items of a known length are cut into about 64 chunks per worker (MPIRE's default), and no chunk has more than half
 * of a worker's share of the items left. Of an unknown length, a chunk has 1/16 of a worker's share of the items seen
 * so far: on average as many are still to come.
 */
export const repeatable: Chunking = ({ length, planned, workers }) => {
  const size =
    length === undefined || planned >= length
      ? planned / (workers * 16)
      : Math.min(length / (workers * 64), (length - planned) / (workers * 2))
  return Math.max(1, Math.min(maxAutomatic, Math.ceil(size)))
}
