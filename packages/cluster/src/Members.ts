/**
 * Who is there: the runners of a cluster, as a driver knows them. `ClusterRuntime` asks a `Members` where workers can be
 * started, and dials whom it names.
 *
 * **Details**
 *
 * This is discovery, and says nothing about whether a runner lives: that is what its connection tells. A runner that is
 * named is dialled; one that is not named any more gets no *new* workers, and those that it has go on. A runner is the
 * random id in its greeting, so two addresses of one runner are one. A runner that joined is used by the next acquisition
 * of a worker (K9).
 *
 * @since 0.1.0
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import type { PersistenceError } from "effect/cluster/ClusterError"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as internalDns from "./internal/members/dns.ts"
import * as internalList from "./internal/members/list.ts"
import * as internal from "./internal/members/members.ts"
import * as internalStorage from "./internal/members/runnerStorage.ts"

/**
 * A place where a runner listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  /** A name or an IP address; an IPv6 address without brackets. */
  readonly host: string
  /** A port from 1 to 65535. */
  readonly port: number
  /** What this place is said to be good for, such as `"gpu"`, each text once. */
  readonly labels: ReadonlyArray<string>
}

/**
 * A source of lists of members.
 *
 * @see {@link make} for one of your own
 *
 * @category models
 * @since 0.1.0
 */
export interface Members {
  readonly [internal.TypeId]: typeof internal.TypeId
  /**
   * The members now, as soon as they are known, and all of them again whenever they are others. It does not fail: what cannot
   * be known for a while is what it was. When it ends, the last list stays.
   */
  readonly changes: Stream.Stream<ReadonlyArray<Member>>
  /** Says that no member has room, so that whoever waits between two looks looks now. It waits for nothing. */
  readonly lookAgain: Effect.Effect<void>
}

/**
 * A `Members` of your own, such as one that asks a cloud's API.
 *
 * @example
 * ```ts
 * import { Members } from "@effect-mpire/cluster"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const members = Members.make({
 *   changes: Stream.make(
 *     [{ host: "10.0.0.1", port: 7433, labels: [] }],
 *     [{ host: "10.0.0.1", port: 7433, labels: [] }, { host: "10.0.0.2", port: 7433, labels: ["gpu"] }]
 *   )
 * })
 *
 * const program = Stream.runCollect(Stream.map(members.changes, (list) => list.length))
 *
 * await Effect.runPromise(program) // => [1, 2]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (parts: {
  readonly changes: Stream.Stream<ReadonlyArray<Member>>
  /** Default: nothing happens. */
  readonly lookAgain?: Effect.Effect<void> | undefined
}) => Members = internal.make

/**
 * Tests whether a value is a `Members`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMembers = (u: unknown): u is Members => hasProperty(u, internal.TypeId)

/**
 * The runners of a list: `"host:port"` (an IPv6 address in brackets, `"[::1]:7433"`) or objects. An address that is named
 * twice has the labels of both.
 *
 * **Details**
 *
 * An empty list, or an entry that is none, is `InvalidOptions`, which names its place, as `members[2]`.
 *
 * @example
 * ```ts
 * import { Members } from "@effect-mpire/cluster"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const program = Effect.gen(function*() {
 *   const members = yield* Members.fromList(["[::1]:7433", { host: "10.0.0.2", port: 7433, labels: ["gpu"] }])
 *   const [list] = yield* Stream.runCollect(members.changes)
 *   return list?.map(({ host, labels }) => [host, labels])
 * })
 *
 * await Effect.runPromise(program) // => [["10.0.0.2", ["gpu"]], ["::1", []]]
 * ```
 *
 * @see {@link fromDns} for runners that come and go
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromList: (
  members: ReadonlyArray<
    string | { readonly host: string; readonly port: number; readonly labels?: ReadonlyArray<string> | undefined }
  >
) => Effect.Effect<Members, WorkerPoolError> = internalList.fromList

/**
 * The runners behind one name: all A and AAAA records that this machine finds for it, as of a headless service in
 * Kubernetes, or of a service in Docker Compose.
 *
 * **Details**
 *
 * The name is looked up now, then every five seconds, and when a worker finds no room, though not more than once a second.
 * A lookup that fails, or finds nothing, changes nothing: the last list stays, and the log says so once, with level Warn.
 * Before the first answer there is no list.
 *
 * **Gotchas**
 *
 * Names are resolved as `dns.lookup` does: by the system, in one of the four threads of libuv's pool. A resolver that caches answers
 * makes new runners known later.
 * A lookup that has begun cannot be taken back: a program that has nothing else to do ends only once the system has answered.
 *
 * @see {@link fromRunnerStorage} for runners that enter themselves
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDns = (options: {
  /** The name, such as `"runners"` or `"runners.batch.svc.cluster.local"`. */
  readonly name: string
  /** The port on which all of them listen. */
  readonly port: number
  /** How long to wait between two lookups. Default: 5 seconds. */
  readonly every?: Duration.Input | undefined
  /** The labels of all of them. Default: none. */
  readonly labels?: ReadonlyArray<string> | undefined
}): Effect.Effect<Members, WorkerPoolError> => internalDns.fromDns(options, internalDns.ofSystem)

/**
 * The runners that have entered themselves in a `RunnerStorage` of effect/cluster, such as
 * `SqlRunnerStorage.layerWith({ prefix: "effect_mpire" })`.
 *
 * **Details**
 *
 * Only runners that were entered with the same `prefix` are taken. The storage drops an entry whose runner has not
 * renewed it for `shardLockExpiration`, 35 seconds by default. A storage that cannot be read changes nothing, as with
 * {@link fromDns}; one that names no runner is believed.
 *
 * **Gotchas**
 *
 * Give the storage tables of its own, by its own `prefix`. An application whose entities share them would not give its
 * shards to these runners, which are in none of its shard groups, but it would ask them for their health, and count them.
 * `RunnerStorage.layerMemory` knows the runners of its own process only.
 *
 * @see {@link register} for the runners' side
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRunnerStorage = (options?: {
  /** What the groups of these runners begin with. Default: `"effect-mpire"`. */
  readonly prefix?: string | undefined
  /** How long to wait between two looks. Default: 5 seconds. */
  readonly every?: Duration.Input | undefined
}): Effect.Effect<Members, WorkerPoolError, RunnerStorage> => internalStorage.fromRunnerStorage(options ?? {})

/**
 * Enters a runner in the `RunnerStorage` while the Scope is open, and renews the entry.
 *
 * **Details**
 *
 * The first entry must succeed. Later ones may fail: the log says so, with level Warn, and the next one is tried. As a
 * runner that was dropped is entered again, one that was stopped for a while comes back.
 *
 * **Gotchas**
 *
 * The address is the one that drivers dial, not the one that the runner listens on: `0.0.0.0` reaches nobody.
 *
 * @example
 * ```ts
 * import { Members } from "@effect-mpire/cluster"
 * import * as RunnerStorage from "effect/cluster/RunnerStorage"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 *
 * const program = Effect.gen(function*() {
 *   yield* Members.register({ host: "10.0.0.1", port: 7433, labels: ["gpu"], slots: 8 })
 *   const members = yield* Members.fromRunnerStorage()
 *   return Option.getOrThrow(yield* Stream.runHead(members.changes))
 * }).pipe(Effect.scoped, Effect.provide(RunnerStorage.layerMemory))
 *
 * await Effect.runPromise(program) // => [{ host: "10.0.0.1", port: 7433, labels: ["gpu"] }]
 * ```
 *
 * @see {@link fromRunnerStorage} for the drivers' side
 *
 * @category registration
 * @since 0.1.0
 */
export const register = (
  runner: Member & {
    /** How many workers it can have at once. */
    readonly slots: number
    /** What its groups begin with. Default: `"effect-mpire"`. */
    readonly prefix?: string | undefined
    /** How long to wait between two entries; less than the storage keeps one. Default: 10 seconds. */
    readonly heartbeat?: Duration.Input | undefined
  }
): Effect.Effect<void, WorkerPoolError | PersistenceError, RunnerStorage | Scope.Scope> =>
  internalStorage.register(runner)
