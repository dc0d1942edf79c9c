/**
 * What goes wrong between the drivers and the runners of a cluster. A pool's calls see these as the `cause` of
 * `StartFailed` or `WorkerLost`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * A runner speaks another version of the protocol, or runs another engine, than this driver: nothing is started there.
 *
 * @category errors
 * @since 0.1.0
 */
export class VersionMismatch extends Data.TaggedError("VersionMismatch")<{
  /** What differs: `"protocol"`, `"engine"`, `"major"` or `"deployment"`. */
  readonly what: string
  /** What this driver has. */
  readonly here: string
  /** What the runner has. */
  readonly there: string
  /** The address of the runner. */
  readonly runner: string
}> {
  override get message(): string {
    return `The runner at ${this.runner} has ${this.what} ${this.there}, and this driver has ${this.here}`
  }
}

/**
 * No runner had room for a worker for as long as `roomTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoRoom extends Data.TaggedError("NoRoom")<{
  /** How long that was, in milliseconds. */
  readonly waited: number
  /** The runners that were connected, by their addresses. */
  readonly runners: ReadonlyArray<string>
}> {
  override get message(): string {
    return `No runner had room for a worker for ${this.waited} milliseconds; connected: ${this.runners.join(", ")}`
  }
}

/**
 * No runner could be reached for as long as `roomTimeout`.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Data.TaggedError("Unreachable")<{
  /** Why, for each address that was tried last. */
  readonly causes: ReadonlyArray<{ readonly runner: string; readonly cause: unknown }>
}> {
  override get message(): string {
    const causes = this.causes.map(
      ({ cause, runner }) => `${runner}: ${cause instanceof Error ? cause.message : String(cause)}`
    )
    return causes.length === 0 ? "No runner is known" : `No runner can be reached: ${causes.join("; ")}`
  }
}

/**
 * A runner has not accepted a connection, or has ended it before it said why.
 *
 * @category errors
 * @since 0.1.0
 */
export class GreetingFailed extends Data.TaggedError("GreetingFailed")<{
  /** The address of the runner. */
  readonly runner: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `The runner at ${this.runner} did not answer the greeting: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * This driver would give a silent runner up before that has killed its workers, so that two workers could believe to be the
 * same one: `suspectAfter` must be longer than the runner's `lease`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LeaseTooLong extends Data.TaggedError("LeaseTooLong")<{
  /** The address of the runner. */
  readonly runner: string
  /** The runner's lease, in milliseconds. */
  readonly lease: number
}> {
  override get message(): string {
    return `suspectAfter must be longer than the lease of the runner at ${this.runner}, which is ${this.lease} milliseconds`
  }
}

/**
 * The runner that a worker lived on is gone, or silent: the worker is lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunnerLost extends Data.TaggedError("RunnerLost")<{
  /** The address of the runner. */
  readonly runner: string
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `The runner at ${this.runner} was lost${why}`
  }
}

/**
 * A runner cannot listen.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenFailed extends Data.TaggedError("ListenFailed")<{
  /** Where it was to listen. */
  readonly listen: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `A runner cannot listen at ${this.listen}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}
