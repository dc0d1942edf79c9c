/**
 * The start of a remote worker: from the opened channel to its message `Ready` (T4).
 */
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Closed } from "../../Channel.ts"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"
import type { StartOptions } from "../../WorkerRuntime.ts"
import * as errors from "../common/errors.ts"
import { Watch } from "./watch.ts"

export class RemoteStart {
  isReady = false
  private readonly options: StartOptions
  private readonly started = Deferred.makeUnsafe<void, WorkerPoolError>()
  private readonly watch: Watch

  /** Calls `onStuck` when the worker is not ready within `startTimeout` milliseconds. */
  constructor(options: StartOptions, onStuck: (cause: Error) => void) {
    this.options = options
    const { startTimeout = Number.POSITIVE_INFINITY } = options
    let began = 0
    this.watch = new Watch(() => {
      const left = began + startTimeout - this.watch.now()
      if (left > 0) return left
      onStuck(new Error(`It was not ready within ${startTimeout} milliseconds`))
      return undefined
    })
    began = this.watch.now()
    if (options.startTimeout !== undefined) this.watch.within(startTimeout)
  }

  get done(): Effect.Effect<void, WorkerPoolError> {
    return Deferred.await(this.started)
  }

  ready(): void {
    this.isReady = true
    this.stopWatching()
    Deferred.doneUnsafe(this.started, Exit.void)
  }

  /** The worker has ended, ready or not. */
  workerEnded(closed: Closed): void {
    this.stopWatching()
    if (this.isReady) return
    const { worker } = this.options
    // such a worker cannot start (F3), unless a signal ended it, as when memory is short, or its machine was lost (K4): then the
    // next one may
    const mayNextOne = closed.signal !== undefined || closed.external === true
    const error = mayNextOne ? errors.workerLost(worker, closed) : errors.startFailed(worker, why(closed))
    Deferred.doneUnsafe(this.started, Exit.fail(error))
  }

  stopWatching(): void {
    this.watch.stop()
  }
}

const why = ({ cause, exitCode }: Closed): unknown =>
  cause ?? new Error(`The worker ended before it was ready, with exit code ${exitCode ?? "unknown"}`)
