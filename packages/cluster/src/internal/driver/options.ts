/**
 * The options of a driver, checked (C8).
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import type { InvalidSecret } from "../../ClusterError.ts"
import type { Options } from "../../ClusterRuntime.ts"
import { isMembers, type Members } from "../../Members.ts"
import * as common from "../common/options.ts"
import * as versions from "../link/versions.ts"
import * as describing from "../modules/describe.ts"
import * as security from "../secret/security.ts"
import { SentBlobs } from "./blobs.ts"
import { RunnerLinks } from "./runnerLinks.ts"
import type { DriverSettings } from "./runners.ts"

/** A driver is a process, however many pools and layers it has (K6). */
const driver = randomUUID()

export const settingsOf: (
  options: Omit<Options, "members">
) => Effect.Effect<DriverSettings, WorkerPoolError | InvalidSecret> = Effect.fnUntraced(function* (options) {
  yield* common.object(options)
  const deployment = yield* common.deployment(options.deployment)
  return {
    security: yield* security.make(options),
    versions: versions.mine(deployment),
    driver,
    suspectAfter: Math.floor(
      Duration.toMillis(yield* common.period("suspectAfter", options.suspectAfter ?? "10 seconds"))
    ),
    roomTimeout: Duration.toMillis(yield* common.period("roomTimeout", options.roomTimeout ?? "30 seconds")),
    driverStall: Duration.toMillis(yield* common.period("driverStall", options.driverStall ?? "1 minute")),
    securityOptions: security.withPaths(options),
    where: yield* common.labels("where", options.where),
    maxMessageSize: yield* common.messageSize(options.maxMessageSize),
    links: new RunnerLinks(),
    blobs: new SentBlobs(),
    describe: describing.make()
  }
})

export const membersOf = <E, R>(
  members: Members | Effect.Effect<Members, E, R>
): Effect.Effect<Members, WorkerPoolError | E, R> => {
  if (isMembers(members)) return Effect.succeed(members)
  if (Effect.isEffect(members)) return members
  return Effect.fail(common.invalidOption("members", members, "what Members.fromList and its like give"))
}
