import type * as WorkerContext from "../../WorkerContext.ts"
import * as realTime from "./realTime.ts"

/** Tells a task that polls whether its result is unwanted; a chunk's cell, for example. */
export interface Interruptible {
  readonly isInterrupted: boolean
}

/** The context of one item or hook: a signal of its own, the worker's identity and state. Free of Effect. */
export class WorkerContextImpl implements WorkerContext.WorkerContext<unknown> {
  readonly id: number
  readonly generation: number
  readonly state: unknown
  private until: number | undefined
  private source: Interruptible | undefined
  private controller: AbortController | undefined = undefined
  private isAborted = false

  /** `source` is read when the task polls; `deadline` is in milliseconds, by `realTime.now()`. */
  constructor(id: number, generation: number, state: unknown, source?: Interruptible, deadline?: number) {
    this.id = id
    this.generation = generation
    this.state = state
    this.source = source
    this.until = deadline
  }

  /** When the item's or hook's time is over, in milliseconds, by `realTime.now()`; infinity when it may take any. */
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
      guardListeners(this.controller.signal)
      if (this.isAborted) this.controller.abort()
    }
    return this.controller.signal
  }

  get interrupted(): boolean {
    this.poll()
    return this.isAborted
  }

  /** Tells the task that its result is unwanted. */
  abort(): void {
    if (this.isAborted) return
    this.isAborted = true
    this.controller?.abort()
  }

  /** To be called when the item has ended: what the source says later concerns other items of its chunk. */
  end(): void {
    this.source = undefined
  }

  /** Aborts if the source or the deadline says so: no message reaches a task that does not yield. */
  private poll(): void {
    const { source } = this
    if (this.isAborted || source === undefined) return
    if (source.isInterrupted || (this.until !== undefined && realTime.now() > this.until)) {
      this.abort()
    }
  }
}

/** Has the signal poll when it is read, for a task that loops until `signal.aborted`. */
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

/**
 * Lets a listener that throws harm nobody: the platform reports that as uncaught, which ends the worker, and on fibers
 * the whole process (F8). What its item comes to has been decided by then: its result is unwanted, or its time is over.
 */
const guardListeners = (signal: AbortSignal): void => {
  const guards = new WeakMap<object, (event: unknown) => void>()
  const guarded = (listener: unknown): unknown => {
    // anything else is for the platform to refuse, or to ignore
    if ((typeof listener !== "object" && typeof listener !== "function") || listener === null) return listener
    let guard = guards.get(listener)
    if (guard === undefined) {
      guard = (event) => {
        try {
          if (typeof listener === "function") listener.call(signal, event)
          else (listener as { readonly handleEvent: (event: unknown) => void }).handleEvent(event)
        } catch {
          /* its item has been decided, as said above */
        }
      }
      guards.set(listener, guard)
    }
    return guard
  }
  const own = (name: "addEventListener" | "removeEventListener") => ({
    value: (type: string, listener: unknown, options?: object) =>
      AbortSignal.prototype[name].call(signal, type, guarded(listener) as () => void, options)
  })
  let onabort: unknown = null
  Object.defineProperties(signal, {
    addEventListener: own("addEventListener"),
    removeEventListener: own("removeEventListener"),
    onabort: {
      get: () => onabort,
      set: (listener: unknown) => {
        onabort = listener
        Reflect.set(AbortSignal.prototype, "onabort", guarded(listener), signal)
      }
    }
  })
}
