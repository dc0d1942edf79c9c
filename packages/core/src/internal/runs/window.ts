/** How many removed entries may stand at the beginning before the array is cut. */
const slack = 1024

/**
 * Entries by their ordinals, which are given out one after another; they are removed in about that order. Kept in an
 * array, because a Map through which very many entries pass leaves large dead tables to the garbage collector.
 */
export class Window<A extends object> {
  private things: Array<A | undefined> = []
  /** The ordinal of the first entry. */
  private base = 0
  /** How many entries at the beginning have been removed. */
  private removed = 0

  /** Adds an entry; returns its ordinal: 0, 1, … */
  add(thing: A): number {
    return this.base + this.things.push(thing) - 1
  }

  /** The entry with an ordinal, if it is still there. */
  get(ordinal: number): A | undefined {
    return this.things[ordinal - this.base]
  }

  /** Removes and returns the entry with an ordinal, if it is still there. */
  take(ordinal: number): A | undefined {
    const { things } = this
    const thing = things[ordinal - this.base]
    if (thing === undefined) return undefined
    things[ordinal - this.base] = undefined
    while (this.removed < things.length && things[this.removed] === undefined) this.removed++
    if (this.removed === things.length) things.length = 0
    else if (this.removed > slack && this.removed * 2 > things.length) this.things = things.slice(this.removed)
    else return thing
    this.base += this.removed
    this.removed = 0
    return thing
  }

  takeAll(): Array<A> {
    const { things } = this
    this.base += things.length
    this.things = []
    this.removed = 0
    return things.filter((thing) => thing !== undefined)
  }
}
