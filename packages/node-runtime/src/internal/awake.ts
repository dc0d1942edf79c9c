/** For so long, in milliseconds: an order of magnitude more than a message takes to a thread that is awake. */
const longest = 0.1

/**
 * Keeps a thread's event loop turning for a moment when a message is about to come: to wake a thread that has gone to sleep
 * takes longer than a small task, many times longer on virtual machines. Whatever else is due has its turn meanwhile.
 */
export class Awake {
  private until = 0
  private isTurning = false

  /** A message is expected. */
  stay(): void {
    this.until = performance.now() + longest
    if (this.isTurning) return
    this.isTurning = true
    setImmediate(this.turn)
  }

  /** It has come. */
  rest(): void {
    this.until = 0
  }

  private readonly turn = (): void => {
    if (performance.now() < this.until) setImmediate(this.turn)
    else this.isTurning = false
  }
}
