/**
 * What can be wrong with a cluster, beside what a `WorkerPoolError` says of any pool.
 *
 * @since 0.1.0
 */
import { TaggedError } from "./internal/common/taggedError.ts"

/**
 * A secret, or a certificate, that cannot be used (K11). It says what is wrong, and nothing of the secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSecret extends TaggedError("InvalidSecret")<{
  /** Where it was looked for, such as `"the environment variable MPIRE_SECRET"`. */
  readonly source: string
  /** What is wrong there, such as `"it decodes to 16 bytes, and at least 32 are needed"`. */
  readonly problem: string
}> {
  override get message(): string {
    return `The secret in ${this.source} cannot be used: ${this.problem}`
  }
}

/**
 * A task module that has no address which a runner could understand, or which a runner does not load: it stands outside of
 * the runner's `root`, for example, or is a bare name or a `data:` URL (K10).
 *
 * @category errors
 * @since 0.1.0
 */
export class ModuleRefused extends TaggedError("ModuleRefused")<{
  /** The module's address, or its URL on the driver's side, shortened to 200 characters. */
  readonly address: string
  readonly problem: string
}> {
  override get message(): string {
    return `${this.address} is not loaded: ${this.problem}`
  }
}

/**
 * There is no such task module below a runner's `root` (K10).
 *
 * @category errors
 * @since 0.1.0
 */
export class ModuleNotFound extends TaggedError("ModuleNotFound")<{
  readonly address: string
  /** The files that there are not, or the package that was not found. */
  readonly tried: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${this.address} was not found on the runner, which looked for ${this.tried.join(", ")}`
  }
}

/**
 * A driver and a runner have different files for one task module (K10).
 *
 * **Details**
 *
 * Only the module's own file is compared, not what it imports. A build of one commit differs from its sources: a driver
 * that runs `.ts` and a runner that runs `.js` need the option `deployment`, on both sides.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModuleMismatch extends TaggedError("ModuleMismatch")<{
  readonly address: string
  /** The sha256 of the driver's file, in hex; `undefined` when it has none, because a bundler has merged it, for example. */
  readonly here: string | undefined
  /** The sha256 of the runner's file, in hex. */
  readonly there: string
}> {
  override get message(): string {
    const here =
      this.here === undefined ? "the driver has no such file" : `the driver's file is ${this.here.slice(0, 12)}`
    return (
      `${this.address} is not the same on both sides: ${here}, the runner's ${this.there.slice(0, 12)} (sha256). ` +
      `Deploy the same files, or give both sides the same \`deployment\``
    )
  }
}

/**
 * A runner runs no source of a function that a driver sends, as `Portable.inline` does: its option `inline` is false (K10).
 *
 * @category errors
 * @since 0.1.0
 */
export class InlineRefused extends TaggedError("InlineRefused")<{
  /** The address of the runner. */
  readonly runner: string
}> {
  override get message(): string {
    return (
      `The runner at ${this.runner} runs no source that it is sent, because its option \`inline\` is false: ` +
      "name the task by its module, with Portable.module or Portable.make"
    )
  }
}

/**
 * A bound value or the source of an inline task did not arrive at a runner as what it was sent as.
 *
 * @category errors
 * @since 0.1.0
 */
export class BlobMismatch extends TaggedError("BlobMismatch")<{
  /** The sha256 that was asked for, in hex. */
  readonly sha256: string
  /** The sha256 of what has arrived. */
  readonly arrived: string
}> {
  override get message(): string {
    return `What was asked for as ${this.sha256.slice(0, 12)} arrived as ${this.arrived.slice(0, 12)} (sha256)`
  }
}

/**
 * A runner speaks another version of the protocol, or runs another engine, than this driver: nothing is started there.
 *
 * @category errors
 * @since 0.1.0
 */
export class VersionMismatch extends TaggedError("VersionMismatch")<{
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
 * A runner has not accepted a connection, or has ended it before it said why.
 *
 * @category errors
 * @since 0.1.0
 */
export class GreetingFailed extends TaggedError("GreetingFailed")<{
  /** The address of the runner. */
  readonly runner: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `The runner at ${this.runner} did not answer the greeting: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * A runner cannot listen.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenFailed extends TaggedError("ListenFailed")<{
  /** Where it was to listen. */
  readonly listen: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `A runner cannot listen at ${this.listen}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * A runner that was asked whether it takes workers drains.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunnerDrains extends TaggedError("RunnerDrains")<{
  /** The address of the runner. */
  readonly runner: string
}> {
  override get message(): string {
    return `The runner at ${this.runner} drains, and takes no workers`
  }
}
