import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { WorkerPoolError } from "../../WorkerPoolError.ts"

/** A worker's release; it completes when that is over, with the error if it failed. */
export type Release = Deferred.Deferred<WorkerPoolError | undefined>

/**
 * The releases that one thing waits for before it returns: a call (whose start, lifespan or end released workers), a
 * `stop`, a `restart` or a `setSize`. It fails if a release that it caused fails (L8, L10).
 */
export class Releases {
  /** The span of what they are for, if it has one. */
  readonly span: Tracer.AnySpan | undefined
  // made when there is something to be in them: each `run` has some of these, and most cause no releases
  private caused: Array<Release> | undefined = undefined
  private awaited: Array<Release> | undefined = undefined
  private failures: ReadonlyArray<WorkerPoolError> = []

  constructor(span?: Tracer.AnySpan | undefined) {
    this.span = span
  }

  /** Adds a release that this caused: its failure is among those that `settle` returns. */
  cause(release: Release): void {
    ;(this.caused ??= []).push(release)
  }

  /** Adds a release that something else caused: `settle` waits for it, and leaves its failure to the other. */
  await(release: Release): void {
    ;(this.awaited ??= []).push(release)
  }

  /** Waits until all releases are over; returns the failures of those that this caused. */
  get settle(): Effect.Effect<ReadonlyArray<WorkerPoolError>> {
    return Effect.suspend(() =>
      this.awaited === undefined && this.caused === undefined ? Effect.succeed(this.failures) : this.wait
    )
  }

  private get wait() {
    return Effect.gen({ self: this }, function* () {
      let release: Release | undefined
      // each is removed only when it is over: a wait may be interrupted and repeated
      while ((release = this.awaited?.[0] ?? this.caused?.[0]) !== undefined) {
        const failure = yield* Deferred.await(release)
        if (release === this.awaited?.[0]) this.awaited.shift()
        else if (release === this.caused?.[0]) {
          this.caused.shift()
          if (failure !== undefined) this.failures = [...this.failures, failure]
        }
      }
      return this.failures
    })
  }
}
