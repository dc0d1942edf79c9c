/**
 * The five longest of what comes: both ends keep such a list, so that only what may belong to the pool's is told. Free of
 * Effect.
 */

/** What took that long: the item at a position of a chunk, or `items` of them, the first of which is there. */
export type Timed = readonly [position: number, items: number, millis: number]

/** How many there are. */
export const mostLongest = 5

/** The longest, with how long they took, in milliseconds. */
export class Longest<A> {
  /** What does not take longer than this is not among them. */
  threshold: number
  private readonly list: Array<{ readonly value: A; readonly millis: number }> = []

  constructor(threshold: number) {
    this.threshold = threshold
  }

  /** Adds what took longer than `threshold`. */
  add(value: A, millis: number): void {
    const { list } = this
    let at = list.length
    while (at > 0 && list[at - 1]!.millis < millis) at--
    list.splice(at, 0, { value, millis })
    if (list.length > mostLongest) list.pop()
    if (list.length === mostLongest) this.threshold = Math.max(this.threshold, list[mostLongest - 1]!.millis)
  }

  /** The longest first. */
  get values(): Array<A> {
    return this.list.map(({ value }) => value)
  }
}
