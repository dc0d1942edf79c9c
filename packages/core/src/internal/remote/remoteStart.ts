/**
 * The start of a remote worker: from the opened channel to its first message (T4).
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

  /** `kill` ends a worker that is not ready in time. */
  constructor(options: StartOptions, kill: (cause: Error) => void) {
    this.options = options
    const { startTimeout } = options
    this.watch = new Watch(() => {
      kill(new Error(`It was not ready within ${startTimeout} milliseconds`))
      return undefined
    })
    if (startTimeout !== undefined) this.watch.within(startTimeout)
  }

  get done(): Effect.Effect<void, WorkerPoolError> {
    return Deferred.await(this.started)
  }

  ready(): void {
    this.isReady = true
    this.stop()
    Deferred.doneUnsafe(this.started, Exit.void)
  }

  /** The worker has ended, ready or not. */
  ended(closed: Closed): void {
    this.stop()
    if (this.isReady) return
    const { worker } = this.options
    // what cannot start fails the calls that wait (F3), but what somebody else ended may well start the next time
    const error =
      closed.signal === undefined ? errors.startFailed(worker, why(closed)) : errors.workerLost(worker, closed)
    Deferred.doneUnsafe(this.started, Exit.fail(error))
  }

  stop(): void {
    this.watch.stop()
  }
}

const why = ({ cause, exitCode }: Closed): unknown =>
  cause ?? new Error(`The worker ended before it was ready, with exit code ${exitCode ?? "unknown"}`)
