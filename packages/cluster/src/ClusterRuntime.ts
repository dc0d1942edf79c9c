/**
 * The runtime of a `WorkerPool` whose workers live on the runners of a cluster.
 *
 * @since 0.1.0
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as WorkerRuntime from "@effect-mpire/core/WorkerRuntime"
import { NodeRelay } from "@effect-mpire/node-runtime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InvalidSecret } from "./ClusterError.ts"
import { Cluster } from "./internal/driver/cluster.ts"
import * as options from "./internal/driver/options.ts"
import type { Certificates, SecretSource } from "./internal/secret/security.ts"
import type { Members } from "./Members.ts"

/**
 * Options of a driver.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /** Who is there. */
  readonly members: Members | Effect.Effect<Members, E, R>
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
  /** What this program was deployed as, such as a commit: a runner that names another refuses. */
  readonly deployment?: string | undefined
  /**
   * After how long a silent runner is given up, and its workers are lost. It must be longer than the `lease` of the runners.
   * Default: 10 seconds.
   */
  readonly suspectAfter?: Duration.Input | undefined
  /**
   * For how long the main thread of this process may be blocked without losing its workers: another thread keeps them
   * meanwhile. Default: 1 minute.
   */
  readonly driverStall?: Duration.Input | undefined
  /** How long a worker may wait for room. Default: 30 seconds. */
  readonly roomTimeout?: Duration.Input | undefined
  /** The labels that a runner must have. */
  readonly where?: ReadonlyArray<string> | undefined
  /** How many bytes a message may have. Default: 1 GiB. */
  readonly maxMessageSize?: number | undefined
  /** As in `NodeWorkerRuntime`: tasks may stand in the program's main file, because the program in it is guarded. */
  readonly mainModule?: boolean | undefined
}

/**
 * Workers on the runners of a cluster.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  input: Options<E, R>
): Layer.Layer<WorkerRuntime.WorkerRuntime, WorkerPoolError | InvalidSecret | E, R> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const settings = yield* options.settingsOf(input)
      const members = yield* options.membersOf(input.members)
      const cluster = new Cluster(
        settings,
        members,
        yield* Effect.scope,
        Effect.runForkWith(yield* Effect.context<never>())
      )
      yield* cluster.follow
      return WorkerRuntime.layerChannel({
        name: "cluster",
        open: cluster.open,
        parallelism: cluster.parallelism,
        parallelismAbove: cluster.parallelismAbove,
        refuse: NodeRelay.refuseMainModule("ClusterRuntime.layer", input)
      })
    })
  )
