/**
 * The end of a worker, in a thread and in a process alike: waits for it, forces it, and reports it.
 */
import type { Closed } from "@effect-mpire/core/Channel"
import * as Effect from "effect/Effect"
import { after } from "./wait.ts"

/** What a worker prints until its end. */
export interface Output {
  /** Has it come as fast as it can: the worker has been told to end. */
  readonly letFlow: () => void
  /** Whether more of it is to come, and does come. */
  readonly isComing: () => boolean
}

/** How a thread or a process is ended. */
interface EndingOptions {
  /** How long the worker may take to end by itself once it was told to, in milliseconds; then it is killed. */
  readonly grace: number
  /** Begins to kill the worker. */
  readonly kill: () => void
  /** Whether the worker keeps this process running. */
  readonly setBusy: (busy: boolean) => void
  readonly output: Output
}

export class Ending {
  private readonly options: EndingOptions
  private readonly ended = Promise.withResolvers<void>()
  private readonly handlers: Array<(closed: Closed) => void> = []
  private closed: Closed | undefined = undefined
  /** Whether somebody waits for the end: this process has to run until then. */
  private isAwaited = false

  constructor(options: EndingOptions) {
    this.options = options
  }

  get hasEnded(): boolean {
    return this.closed !== undefined
  }

  /** Whether the worker keeps this process running; as long as its end is awaited it does, though it may have nothing to do. */
  setBusy(busy: boolean): void {
    if (!this.isAwaited) this.options.setBusy(busy)
  }

  private awaits(): void {
    this.setBusy(true)
    this.isAwaited = true
  }

  /** Kills the worker and waits for its end. */
  readonly kill: Effect.Effect<void> = Effect.promise(() => {
    this.awaits()
    this.options.kill()
    return this.ended.promise
  })

  /**
   * Waits for the end of a worker that was told to stop; one that something keeps running is killed (F5), but not before what it
   * has printed has arrived (O4).
   */
  readonly wait: Effect.Effect<void> = Effect.promise(async () => {
    if (this.hasEnded) return
    const { grace, kill, output } = this.options
    this.awaits()
    output.letFlow()
    const late = () => {
      if (output.isComing()) callOff = after(grace, late, { keepsRunning: true })
      else kill()
    }
    let callOff = after(grace, late, { keepsRunning: true })
    await this.ended.promise
    callOff()
  })

  /** The worker has ended. */
  end(closed: Closed): void {
    this.closed = closed
    for (const handler of this.handlers) handler(closed)
    this.ended.resolve()
  }

  /** Calls `handler` when the worker has ended; at once when it has ended before. */
  onEnd(handler: (closed: Closed) => void): void {
    if (this.closed === undefined) this.handlers.push(handler)
    else handler(this.closed)
  }
}
