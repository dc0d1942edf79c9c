/**
 * Values in the order of their turns; iterating begins with the first. Each operation takes constant time on average,
 * except `addFirst` when nothing has been removed from the front.
 */
export class Rotation<A extends object> {
  /** Values that were removed leave gaps, which `compact` closes. */
  private entries: Array<A | undefined> = []
  /** The index of each value in `entries`. */
  private readonly indices = new Map<A, number>()
  /** No entry stands before this index. */
  private first = 0

  get size(): number {
    return this.indices.size
  }

  has(value: A): boolean {
    return this.indices.has(value)
  }

  /** Puts a value last, unless it is there; returns whether it did. */
  add(value: A): boolean {
    if (this.indices.has(value)) return false
    this.indices.set(value, this.entries.length)
    this.entries.push(value)
    return true
  }

  /** Puts a value first, unless it is there. */
  addFirst(value: A): void {
    if (this.indices.has(value)) return
    if (this.first === 0) {
      this.entries.unshift(undefined)
      for (const [other, index] of this.indices) this.indices.set(other, index + 1)
      this.first = 1
    }
    this.first--
    this.entries[this.first] = value
    this.indices.set(value, this.first)
  }

  /** Returns whether it was there. */
  remove(value: A): boolean {
    const index = this.indices.get(value)
    if (index === undefined) return false
    this.indices.delete(value)
    this.entries[index] = undefined
    while (this.first < this.entries.length && this.entries[this.first] === undefined) this.first++
    if (this.entries.length > 64 && this.indices.size * 2 < this.entries.length) this.compact()
    return true
  }

  *[Symbol.iterator](): Iterator<A> {
    for (let index = this.first; index < this.entries.length; index++) {
      const value = this.entries[index]
      if (value !== undefined) yield value
    }
  }

  private compact(): void {
    const values = this.entries.filter((value) => value !== undefined)
    this.entries = values
    this.first = 0
    values.forEach((value, index) => this.indices.set(value, index))
  }
}
