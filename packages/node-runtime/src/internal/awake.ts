// as in timers.ts, which would be one more file for each thread to load
const { setImmediate } = globalThis
const now = performance.now.bind(performance)

/** How long to stay awake for a message, in milliseconds: a thread that is awake gets one in a tenth of that. */
const longest = 0.1

/**
 * Keeps a thread's event loop turning for a moment when a message is expected: waking a thread that has gone to sleep
 * takes longer than a small task, many times longer on virtual machines. Other events are handled meanwhile.
 */
export class Awake {
  private until = 0
  private isTurning = false

  /** Keeps the thread awake until a message arrives, or for `longest` milliseconds. */
  expectMessage(): void {
    this.until = now() + longest
    if (this.isTurning) return
    this.isTurning = true
    setImmediate(this.turn)
  }

  /** A handler of messages that lets the thread sleep again when one has arrived. */
  handler(handle: (message: unknown) => void): (message: unknown) => void {
    return (message) => {
      this.until = 0
      handle(message)
    }
  }

  private readonly turn = (): void => {
    if (now() < this.until) setImmediate(this.turn)
    else this.isTurning = false
  }
}
