/** At most so many exit results are kept (L9). */
const capacity = 10_000

/** From a call to the moment the pool is emptied, with what exit hooks returned meanwhile. */
export class Session {
  private isOpen = false
  private results: Array<unknown> = []
  private total = 0

  /** A call begins; the first of a session empties what the last one left (L9). */
  enter(): void {
    if (this.isOpen) return
    this.isOpen = true
    this.results = []
    this.total = 0
  }

  /** The pool has been emptied. */
  end(): void {
    this.isOpen = false
  }

  /** The pool has been emptied, but calls that came before wait for workers still. */
  goOn(): void {
    this.isOpen = true
  }

  add(result: unknown): void {
    this.total++
    this.results.push(result)
    // in batches, so that each costs little
    if (this.results.length >= 2 * capacity) this.results = this.newest
  }

  /** In order of arrival. */
  get newest(): Array<unknown> {
    return this.results.slice(-capacity)
  }

  get dropped(): number {
    return Math.max(0, this.total - capacity)
  }
}
