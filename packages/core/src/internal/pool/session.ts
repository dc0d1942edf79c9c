/** How many exit results are kept, the newest ones (L9). */
const capacity = 10_000

/** The session: from a call to the moment the pool is emptied. Keeps what exit hooks return meanwhile. */
export class Session {
  private isOpen = false
  private results: Array<unknown> = []
  private total = 0

  /** A call begins; the first one of a session removes the results of the session before. */
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

  /** The pool has been emptied, but calls still wait for workers: the session goes on, and keeps its results. */
  goOn(): void {
    this.isOpen = true
  }

  add(result: unknown): void {
    this.total++
    this.results.push(result)
    // cut in batches, because each cut copies all that is kept
    if (this.results.length >= 2 * capacity) this.results = this.newest
  }

  /** The newest results, at most `capacity`, in order of arrival. */
  get newest(): Array<unknown> {
    return this.results.slice(-capacity)
  }

  get dropped(): number {
    return Math.max(0, this.total - capacity)
  }
}
