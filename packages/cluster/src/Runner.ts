/**
 * A runner: starts workers on this machine for pools that are elsewhere.
 *
 * @since 0.1.0
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import type { WorkerOptions } from "@effect-mpire/node-runtime/NodeWorkerRuntime"
import type * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { GreetingFailed, InvalidSecret, ListenFailed, VersionMismatch } from "./ClusterError.ts"
import { probe } from "./internal/driver/probe.ts"
import * as options from "./internal/runner/options.ts"
import * as internal from "./internal/runner/runner.ts"
import type { Certificates, SecretSource } from "./internal/secret/security.ts"

/**
 * Options of a runner.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Where it listens, as `"host:port"`; port 0 is any that is free. Default: `"127.0.0.1:7433"`. */
  readonly listen?: string | undefined
  /** How many workers it runs at most. Default: available parallelism. */
  readonly slots?: number | undefined
  /** Whether workers are processes or threads. Default: `"processes"`. */
  readonly workers?: "processes" | "threads" | undefined
  /**
   * Where the key is that both ends must know: a file or an environment variable with at least 32 bytes in base64 or
   * hexadecimal digits, and further keys, which are accepted too. Default: a key in a file of this user's, which is good for
   * this machine alone.
   */
  readonly secret?: SecretSource | undefined
  /** Certificates in the place of a key. */
  readonly tls?: Certificates | undefined
  /** `true`: neither, on this machine alone. Everybody on it runs code here. Default: false. */
  readonly insecure?: boolean | undefined
  /**
   * After how long without a confirmed beat a driver's workers are killed. A driver's `suspectAfter` has to be longer.
   * Default: 8 seconds.
   */
  readonly lease?: Duration.Input | undefined
  /** How long workers may take to end when the runner drains. Default: 30 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
  /**
   * How long a worker that takes items is left to its driver at least, before it is asked back for another driver that has
   * less than its share of the slots; it is left for as long as its `init` took, too, if that is longer. Default: 10 seconds.
   */
  readonly minTenure?: Duration.Input | undefined
  /** What drivers can choose runners by. */
  readonly labels?: ReadonlyArray<string> | undefined
  /** What is deployed here, such as a commit: a driver that names another is refused. */
  readonly deployment?: string | undefined
  /** Whether drivers of another major version of Node.js are accepted. Default: false. */
  readonly allowMixed?: boolean | undefined
  /** How many bytes a message may have. Default: 1 GiB. */
  readonly maxMessageSize?: number | undefined
  /**
   * The folder, by its path or URL, in which task modules are: the app, with its node_modules. Nothing outside of it is loaded
   * for a driver, once symbolic links have been followed. Default: the directory of this process.
   */
  readonly root?: string | URL | undefined
  /**
   * Whether workers run the sources of functions that drivers send, as `Portable.inline` does. This keeps tasks to what is
   * deployed; it is no barrier for whoever has the secret. Default: true.
   */
  readonly inline?: boolean | undefined
  /**
   * How many bytes of bound values and the like are kept, those used last, for workers that are sent them too; in use there may
   * be more. Default: "1 GB".
   */
  readonly cache?: ByteSize.Input | undefined
  /** How workers are started. */
  readonly workerOptions?: (WorkerOptions & { readonly env?: NodeJS.Dict<string> | undefined }) | undefined
}

/**
 * What a runner is at the moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  /** Its random name. */
  readonly id: string
  readonly slots: number
  /** How many slots have a worker. */
  readonly used: number
  /** Whether it takes no more workers, and has asked for those that it has. */
  readonly draining: boolean
}

/**
 * What a runner elsewhere says of itself.
 *
 * @see {@link statusOf} for asking it
 *
 * @category models
 * @since 0.1.0
 */
export interface RemoteStatus extends Status {
  readonly labels: ReadonlyArray<string>
  /** The version of this package there. */
  readonly library: string
  /** What runs it, such as `"node 24"`. */
  readonly engine: string
  readonly deployment: string | undefined
}

/**
 * Where a runner is, and how it is secured.
 *
 * @category options
 * @since 0.1.0
 */
export interface Target extends Pick<Options, "secret" | "tls" | "insecure"> {
  /** Where it listens, as `"host:port"`. Default: `"127.0.0.1:7433"`. */
  readonly address?: string | undefined
}

/**
 * Asks a runner how it is.
 *
 * @see {@link drainOf} for having it end
 *
 * @category probes
 * @since 0.1.0
 */
export const statusOf = (
  target: Target
): Effect.Effect<RemoteStatus, WorkerPoolError | InvalidSecret | GreetingFailed | VersionMismatch> =>
  Effect.flatMap(options.targetOf(target), ({ address, security }) => probe(address, security))

/**
 * Has a runner refuse new workers and ask for those that it has; completes when it has none left. It still runs then, and
 * accepts nothing.
 *
 * @category probes
 * @since 0.1.0
 */
export const drainOf = (
  target: Target
): Effect.Effect<RemoteStatus, WorkerPoolError | InvalidSecret | GreetingFailed | VersionMismatch> =>
  Effect.flatMap(options.targetOf(target), ({ address, security }) =>
    probe(address, security, {
      word: { _tag: "Drain" },
      isEnough: ({ draining, used }) => draining && used === 0
    })
  )

/**
 * A runner that listens.
 *
 * @see {@link layer} for starting one
 *
 * @category services
 * @since 0.1.0
 */
export class Runner extends Context.Service<
  Runner,
  {
    /** Its random name. */
    readonly id: string
    readonly host: string
    readonly port: number
    readonly status: Effect.Effect<Status>
    /** Refuses new workers, asks for all back and waits for their end; after `drainTimeout` they are killed. */
    readonly drain: Effect.Effect<void>
  }
>()("@effect-mpire/cluster/Runner") {}

/**
 * Listens for drivers, and drains before it ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (input: Options): Layer.Layer<Runner, WorkerPoolError | InvalidSecret | ListenFailed> =>
  Layer.effect(Runner, Effect.flatMap(options.settingsOf(input), internal.make))
