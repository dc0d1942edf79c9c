/**
 * Runners that enter themselves in a `RunnerStorage` of effect/cluster.
 *
 * What a runner is for stands in its groups: the prefix, and each label behind the prefix and a slash. The groups of an
 * application's own entities have other names, so that its Sharding gives no shard to a runner of ours where both are in one
 * storage, and none of its runners is taken for ours.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import type { PersistenceError } from "effect/cluster/ClusterError"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Member, Members } from "../../Members.ts"
import { areTexts, invalidOption, isText, period } from "../common/options.ts"
import { sleep } from "../common/pause.ts"
import * as address from "./address.ts"
import { looking } from "./members.ts"

export interface Options {
  readonly prefix?: string | undefined
  readonly every?: Duration.Input | undefined
}

export interface Registration extends Member {
  readonly slots: number
  readonly prefix?: string | undefined
  readonly heartbeat?: Duration.Input | undefined
}

const ours = "effect-mpire"

const groupsOf = (prefix: string, labels: ReadonlyArray<string>): ReadonlyArray<string> => [
  prefix,
  ...labels.map((label) => `${prefix}/${label}`)
]

/** The member that a runner is; `undefined` for one that is not ours. */
const memberOf = (prefix: string, { address: { host, port }, groups }: Runner.Runner): Member | undefined =>
  groups.includes(prefix) && address.isHost(host) && address.isPort(port)
    ? {
        host,
        port,
        labels: groups.filter((group) => group.startsWith(`${prefix}/`)).map((group) => group.slice(prefix.length + 1))
      }
    : undefined

const checkPrefix = (prefix: string): Effect.Effect<void, WorkerPoolError> =>
  isText(prefix) ? Effect.void : Effect.fail(invalidOption("prefix", prefix, "a text that is not empty"))

/** What a storage failed with, in words: a PersistenceError has none of its own. */
const told = ({ cause }: PersistenceError): string => (cause instanceof Error ? cause.message : "it could not be read")

export const fromRunnerStorage = Effect.fnUntraced(function* ({
  every = "5 seconds",
  prefix = ours
}: Options): Effect.fn.Return<Members, WorkerPoolError, RunnerStorage.RunnerStorage> {
  yield* checkPrefix(prefix)
  const storage = yield* RunnerStorage.RunnerStorage
  return yield* looking({
    name: "RunnerStorage",
    every: yield* period("every", every),
    // healthy or not is what an application's Sharding thinks of runners that do not speak its protocol
    look: Effect.map(Effect.mapError(storage.getRunners, told), (runners) =>
      runners.flatMap(([runner]) => memberOf(prefix, runner) ?? [])
    )
  })
})

/** What a runner that listens everywhere listens on, and nobody can dial. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"])

/** How long the end of a runner waits for a storage that does not answer: the entry expires by itself. */
const patience = "5 seconds"

export const register = Effect.fnUntraced(function* ({
  heartbeat = "10 seconds",
  host,
  labels,
  port,
  prefix = ours,
  slots
}: Registration): Effect.fn.Return<
  void,
  WorkerPoolError | PersistenceError,
  RunnerStorage.RunnerStorage | Scope.Scope
> {
  if (!address.isHost(host) || anyAddress.has(host))
    return yield* Effect.fail(invalidOption("host", host, "a host that drivers can reach"))
  if (!address.isPort(port)) return yield* Effect.fail(invalidOption("port", port, "an integer from 1 to 65535"))
  if (!areTexts(labels))
    return yield* Effect.fail(invalidOption("labels", labels, "a list of texts, none of them empty"))
  if (!Number.isSafeInteger(slots) || slots < 1)
    return yield* Effect.fail(invalidOption("slots", slots, "an integer >= 1"))
  yield* checkPrefix(prefix)
  const every = yield* period("heartbeat", heartbeat)
  const storage = yield* RunnerStorage.RunnerStorage
  const runner = Runner.make({
    address: RunnerAddress.make(host, port),
    groups: groupsOf(prefix, labels),
    weight: slots
  })
  const warn = (error: PersistenceError) => Effect.logWarning(`RunnerStorage: ${told(error)}`)
  const leave = storage
    .unregister(runner.address)
    .pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.void }), Effect.catch(warn))
  // not `refresh`: a runner that was stopped for too long has been dropped, and a refresh does not bring it back
  const enter = Effect.asVoid(storage.register(runner, true))
  yield* Effect.acquireRelease(enter, () => leave)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(sleep(every), Effect.catch(enter, warn))))
})
