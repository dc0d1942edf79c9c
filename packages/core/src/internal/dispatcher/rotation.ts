/**
 * Things in the order of their turns: `add` puts one last, once; iterating begins with the first. Each takes constant time
 * on the average.
 */
export class Rotation<A extends object> {
  private entries: Array<A | undefined> = []
  private readonly places = new Map<A, number>()
  private first = 0

  get size(): number {
    return this.places.size
  }

  has(value: A): boolean {
    return this.places.has(value)
  }

  /** Returns whether it was not there yet. */
  add(value: A): boolean {
    if (this.places.has(value)) return false
    this.places.set(value, this.entries.length)
    this.entries.push(value)
    return true
  }

  /** Puts one first again that was first, unless it is there. */
  addFirst(value: A): void {
    if (this.places.has(value)) return
    if (this.first === 0) {
      this.entries.unshift(undefined)
      for (const [other, place] of this.places) this.places.set(other, place + 1)
      this.first = 1
    }
    this.first--
    this.entries[this.first] = value
    this.places.set(value, this.first)
  }

  /** Returns whether it was there. */
  remove(value: A): boolean {
    const place = this.places.get(value)
    if (place === undefined) return false
    this.places.delete(value)
    this.entries[place] = undefined
    while (this.first < this.entries.length && this.entries[this.first] === undefined) this.first++
    if (this.entries.length > 64 && this.places.size * 2 < this.entries.length) this.compact()
    return true
  }

  *[Symbol.iterator](): Iterator<A> {
    for (let place = this.first; place < this.entries.length; place++) {
      const value = this.entries[place]
      if (value !== undefined) yield value
    }
  }

  private compact(): void {
    this.entries = this.entries.filter((value) => value !== undefined)
    this.first = 0
    this.entries.forEach((value, place) => this.places.set(value!, place))
  }
}
