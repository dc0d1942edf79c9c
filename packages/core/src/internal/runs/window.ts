/** So many places at the beginning may be empty before they are given up. */
const slack = 1024

/**
 * Things by their places, which are given out one after another and are emptied in about that order. In an array, because a Map
 * of so many that come and go would leave the garbage collector large tables.
 */
export class Window<A extends object> {
  private things: Array<A | undefined> = []
  /** The place of the first of them. */
  private base = 0
  /** How many at the beginning are gone. */
  private gone = 0

  /** Returns its place: 0, 1, … */
  add(thing: A): number {
    return this.base + this.things.push(thing) - 1
  }

  /** Takes what is at a place, if it is there still. */
  take(place: number): A | undefined {
    const { things } = this
    const thing = things[place - this.base]
    if (thing === undefined) return undefined
    things[place - this.base] = undefined
    while (this.gone < things.length && things[this.gone] === undefined) this.gone++
    if (this.gone === things.length || (this.gone > slack && this.gone * 2 > things.length)) {
      this.things = things.slice(this.gone)
      this.base += this.gone
      this.gone = 0
    }
    return thing
  }

  takeAll(): Array<A> {
    const { things } = this
    this.base += things.length
    this.things = []
    this.gone = 0
    return things.filter((thing) => thing !== undefined)
  }
}
