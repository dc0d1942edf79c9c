/**
 * How long workers outlive their calls (L4). What `setKeepAlive` sets takes effect when a map-family call ends (L5).
 */
import * as options from "./options.ts"

export class KeepAlive {
  private current: options.KeepAlive
  private next: options.KeepAlive

  constructor(input: options.AnyPoolOptions["keepAlive"]) {
    this.current = options.keepAlive(input)
    this.next = this.current
  }

  set(input: options.AnyPoolOptions["keepAlive"]): void {
    this.next = options.keepAlive(input)
  }

  /** To be called when the last running call of the map family has ended; returns whether that releases the workers. */
  callsEnded(): boolean {
    this.current = this.next
    return this.current === false
  }

  /** How long a worker may be idle, in milliseconds; `undefined` when idle workers are kept. */
  get idleTime(): number | undefined {
    return typeof this.current === "number" ? this.current : undefined
  }
}
