import type * as WorkerContext from "../../WorkerContext.ts"

/** What says, to whoever asks, that nobody wants a result any more: a chunk's cell, for one. */
export interface Interruptible {
  readonly isInterrupted: boolean
}

/** A context per item: its own signal, the worker's identity and state. Knows nothing of Effect. */
export class WorkerContextImpl implements WorkerContext.WorkerContext<unknown> {
  readonly id: number
  readonly generation: number
  readonly state: unknown
  private until: number | undefined
  private source: Interruptible | undefined
  private controller: AbortController | undefined = undefined
  private aborted = false

  /** `source` is asked by a task that polls. */
  constructor(id: number, generation: number, state: unknown, source?: Interruptible, deadline?: number) {
    this.id = id
    this.generation = generation
    this.state = state
    this.source = source
    this.until = deadline
  }

  /** By `performance.now()`. */
  get deadline(): number {
    return this.until ?? Number.POSITIVE_INFINITY
  }

  set deadline(deadline: number) {
    this.until = deadline
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      pollOnRead(this.controller.signal, () => this.poll())
      if (this.aborted) this.controller.abort()
    }
    return this.controller.signal
  }

  get interrupted(): boolean {
    this.poll()
    return this.aborted
  }

  /** Tells the task that nobody wants its result any more. */
  abort(): void {
    if (this.aborted) return
    this.aborted = true
    this.controller?.abort()
  }

  /** The item has ended: what others are told later is not about it. */
  end(): void {
    this.source = undefined
  }

  /** Asks what a task that does not yield cannot be told. */
  private poll(): void {
    const { source } = this
    if (this.aborted || source === undefined) return
    if (source.isInterrupted || (this.until !== undefined && performance.now() > this.until)) {
      this.abort()
    }
  }
}

/** Has a task that keeps the signal and reads it in a loop learn of its abortion as well. */
const pollOnRead = (signal: AbortSignal, poll: () => void): void => {
  Object.defineProperties(signal, {
    aborted: {
      get: () => {
        poll()
        return Reflect.get(AbortSignal.prototype, "aborted", signal)
      }
    },
    throwIfAborted: {
      value: () => {
        poll()
        AbortSignal.prototype.throwIfAborted.call(signal)
      }
    }
  })
}
