import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"

/** How a worker's release went: what failed in it, if anything. */
export type Release = Deferred.Deferred<WorkerPoolError | undefined>

/**
 * The releases that something caused: a call by its end, its lifespan or its start, a `stop`, a `restart`, a `setSize`.
 * Whatever caused them returns after them, and fails as they do (L8, L10).
 */
export class Releases {
  private readonly caused: Array<Release> = []
  private readonly awaited: Array<Release> = []
  private readonly failures: Array<WorkerPoolError> = []

  /** A release that this caused, and whose failure is this one's. */
  cause(release: Release): void {
    this.caused.push(release)
  }

  /** A release that something else caused, and that must be over all the same. */
  await(release: Release): void {
    this.awaited.push(release)
  }

  /** Waits for all of them; returns all that has failed. */
  readonly settle: Effect.Effect<ReadonlyArray<WorkerPoolError>> = Effect.suspend(() =>
    this.awaited.length + this.caused.length === 0 ? Effect.succeed(this.failures) : this.wait
  )

  private get wait() {
    return Effect.gen({ self: this }, function* () {
      let release: Release | undefined
      // taken out when it is over, because whoever waits may be interrupted and wait again
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
