/**
 * Finds tasks, hooks and services by their addresses for a worker in this process, and keeps what it has found.
 */
import * as Effect from "effect/Effect"
import type { WorkerIdentity } from "../../WorkerPoolError.ts"
import * as WorkerPoolError from "../../WorkerPoolError.ts"
import type { Code, StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import * as portable from "../task/portable.ts"
import * as resolver from "../task/resolver.ts"
import * as crossing from "../wire/crossing.ts"

/** Says that nothing was found at an address, and why. A class, because what is found can be any value. */
export class NotFound {
  readonly error: WorkerPoolError.WorkerPoolError
  constructor(error: WorkerPoolError.WorkerPoolError) {
    this.error = error
  }
}

/** Says that what is at an address is still being loaded; the Effect waits for it. */
export class Loading {
  readonly effect: Effect.Effect<unknown, WorkerPoolError.WorkerPoolError>
  constructor(effect: Effect.Effect<unknown, WorkerPoolError.WorkerPoolError>) {
    this.effect = effect
  }
}

export class LocalCode {
  private readonly worker: WorkerIdentity
  private readonly startTimeout: number | undefined
  private readonly clone: boolean
  /** By address object, so that a bound value can be collected together with the portable that binds it. */
  private readonly found = new WeakMap<portable.Address, unknown>()

  constructor({ startTimeout, worker }: StartOptions, clone: boolean) {
    this.worker = worker
    this.startTimeout = startTimeout
    this.clone = clone
  }

  /** What is at the code's address, or else `Loading` or `NotFound`. */
  find(code: Code): unknown {
    const value = this.findAt(portable.definition(code).address)
    return value instanceof Promise ? new Loading(this.await(value)) : value
  }

  /** What is at the code's address; fails with `StartFailed` (F3). */
  load(code: Code): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    return Effect.suspend(() => {
      const value = this.find(code)
      if (value instanceof NotFound) return Effect.fail(value.error)
      return value instanceof Loading ? value.effect : Effect.succeed(value)
    })
  }

  /** Waits for a module for at most `startTimeout`: one with a top-level await may never be loaded (T4). */
  private await(value: Promise<unknown>): Effect.Effect<unknown, WorkerPoolError.WorkerPoolError> {
    const { startTimeout } = this
    const awaited = Effect.tryPromise({ try: () => value, catch: (cause) => this.startFailed(cause) })
    if (startTimeout === undefined) return awaited
    const error = new Error(`The module did not load within ${startTimeout} milliseconds`)
    return Effect.timeoutOrElse(awaited, {
      duration: startTimeout,
      orElse: () => Effect.fail(this.startFailed(error))
    })
  }

  private startFailed(cause: unknown): WorkerPoolError.WorkerPoolError {
    return WorkerPoolError.isWorkerPoolError(cause) ? cause : errors.startFailed(this.worker, cause)
  }

  private findAt(address: portable.Address): unknown {
    if (address._tag === "Closure") return address.value
    if (this.found.has(address)) return this.found.get(address)
    const value = this.search(address)
    if (value instanceof NotFound) return value
    // a Promise is kept as well: until it settles, all must get the same code, with the same clone of a bound value
    this.found.set(address, value)
    if (value instanceof Promise) {
      value.then(
        (value) => this.found.set(address, value),
        () => this.found.delete(address)
      )
    }
    return value
  }

  private search(address: portable.Remote): unknown {
    try {
      switch (address._tag) {
        case "Export":
          return resolver.resolveExport(address)
        case "Inline":
          return resolver.resolveInline(address)
        case "Bound": {
          const value = this.clone ? crossing.cloneBound(address.value) : address.value
          const target = this.findAt(address.target)
          if (target instanceof NotFound) return target
          return target instanceof Promise
            ? target.then((target) => resolver.bindFirst(target, value))
            : resolver.bindFirst(target, value)
        }
      }
    } catch (cause) {
      return new NotFound(this.startFailed(cause))
    }
  }
}
