/**
 * Lets the ports of a pool's threads be heard in turn (C1). Node calls a port's listener for a thousand messages in a row, those
 * included that arrive meanwhile. Where the pool's thread is slow to handle a worker's message, as one whose source of items
 * computes, that worker has answered again by then, and all others would go unheard.
 */
import { setImmediate } from "./timers.ts"

const now = performance.now.bind(performance)

/**
 * After a message that takes longer than this to handle, in milliseconds, other ports come first. It is more than the results of
 * a long chunk of tiny items take, which need no turns: each costs a round of the event loop.
 */
const longest = 5

type Handle = (message: unknown) => void

export class PortTurns {
  /** Messages that have arrived and wait for the port's next turn, each with what handles it. */
  private waiting: Array<readonly [handle: Handle, message: unknown]> = []
  private isWaiting = false

  /** A listener that calls `handle` in the port's turns; what all of one port's listeners get is handled in order. */
  listener(handle: Handle): Handle {
    return (message) => this.take(handle, message)
  }

  /** Handles all that waits: nothing more will arrive. */
  takeRest(): void {
    for (const [handle, message] of this.waiting.splice(0)) handle(message)
  }

  private take(handle: Handle, message: unknown): void {
    if (this.isWaiting) {
      this.waiting.push([handle, message])
      return
    }
    const began = now()
    handle(message)
    if (now() - began > longest) this.wait()
  }

  private wait(): void {
    this.isWaiting = true
    setImmediate(() => {
      this.isWaiting = false
      for (const [handle, message] of this.waiting.splice(0)) this.take(handle, message)
    })
  }
}
