import type * as WorkerContext from "../WorkerContext.ts"

/** A context per item: its own signal, the worker's identity and state. Knows nothing of Effect. */
export class WorkerContextImpl implements WorkerContext.WorkerContext<unknown> {
  readonly id: number
  readonly generation: number
  readonly state: unknown
  private controller: AbortController | undefined = undefined
  private aborted = false

  constructor(id: number, generation: number, state: unknown) {
    this.id = id
    this.generation = generation
    this.state = state
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.aborted) this.controller.abort()
    }
    return this.controller.signal
  }

  get interrupted(): boolean {
    return this.aborted
  }

  /** Tells the task that nobody wants its result any more. */
  abort(): void {
    if (this.aborted) return
    this.aborted = true
    this.controller?.abort()
  }
}
