/**
 * The end of a worker, in a thread and in a process alike: waits for it, forces it, and reports it.
 */
import type { Closed } from "@effect-mpire/core/Channel"
import * as Effect from "effect/Effect"
import { clearTimeout, setTimeout } from "./timers.ts"

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
  /** Keeps this process running until the worker has ended. */
  readonly ref: () => void
  readonly output: Output
}

export class Ending {
  private readonly options: EndingOptions
  private readonly ended = Promise.withResolvers<void>()
  private readonly handlers: Array<(closed: Closed) => void> = []
  private closed: Closed | undefined = undefined

  constructor(options: EndingOptions) {
    this.options = options
  }

  get hasEnded(): boolean {
    return this.closed !== undefined
  }

  /** Kills the worker and waits for its end. */
  readonly kill: Effect.Effect<void> = Effect.promise(() => {
    this.options.ref()
    this.options.kill()
    return this.ended.promise
  })

  /**
   * Waits for the end of a worker that was told to stop; one that something keeps running is killed (F5), but not before what it
   * has printed has arrived (O4).
   */
  readonly wait: Effect.Effect<void> = Effect.promise(async () => {
    if (this.hasEnded) return
    const { grace, kill, output, ref } = this.options
    ref()
    output.letFlow()
    const late = () => {
      if (output.isComing()) timer = setTimeout(late, grace)
      else kill()
    }
    let timer = setTimeout(late, grace)
    await this.ended.promise
    clearTimeout(timer)
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
