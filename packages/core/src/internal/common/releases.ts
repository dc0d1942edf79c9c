import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"

/** A worker's release; it completes when that is over, with the error if it failed. */
export type Release = Deferred.Deferred<WorkerPoolError | undefined>

/**
 * The releases that one thing waits for before it returns: a call (whose start, lifespan or end released workers), a
 * `stop`, a `restart` or a `setSize`. It fails if a release that it caused fails (L8, L10).
 */
export class Releases {
  private readonly caused: Array<Release> = []
  private readonly awaited: Array<Release> = []
  private readonly failures: Array<WorkerPoolError> = []

  /** Adds a release that this caused: its failure is among those that `settle` returns. */
  cause(release: Release): void {
    this.caused.push(release)
  }

  /** Adds a release that something else caused: `settle` waits for it, and leaves its failure to the other. */
  await(release: Release): void {
    this.awaited.push(release)
  }

  /** Waits until all releases are over; returns the failures of those that this caused. */
  readonly settle: Effect.Effect<ReadonlyArray<WorkerPoolError>> = Effect.suspend(() =>
    this.awaited.length + this.caused.length === 0 ? Effect.succeed(this.failures) : this.wait
  )

  private get wait() {
    return Effect.gen({ self: this }, function* () {
      let release: Release | undefined
      // each is removed only when it is over: a wait may be interrupted and repeated
      while ((release = this.awaited[0] ?? this.caused[0]) !== undefined) {
        const failure = yield* Deferred.await(release)
        if (release === this.awaited[0]) this.awaited.shift()
        else if (release === this.caused[0]) {
          this.caused.shift()
          if (failure !== undefined) this.failures.push(failure)
        }
      }
      return this.failures
    })
  }
}
