/**
 * Things in the order of their turns: `add` puts one last, once; iterating begins with the first. Each operation takes
 * constant time on average.
 */
export class Rotation<A extends object> {
  /** Those that were removed leave gaps, which `compact` closes. */
  private entries: Array<A | undefined> = []
  /** Where in `entries` each of them is. */
  private readonly indices = new Map<A, number>()
  /** No entry stands before this index. */
  private first = 0

  get size(): number {
    return this.indices.size
  }

  has(value: A): boolean {
    return this.indices.has(value)
  }

  /** Returns whether it was not there yet. */
  add(value: A): boolean {
    if (this.indices.has(value)) return false
    this.indices.set(value, this.entries.length)
    this.entries.push(value)
    return true
  }

  /** Puts one first, unless it is there. */
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
