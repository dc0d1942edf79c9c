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
import { areTexts, invalidOption, isText, period } from "../common/options.ts"
import * as versions from "../link/versions.ts"
import * as describing from "../modules/describe.ts"
import * as security from "../secret/security.ts"
import { maxMessageSize } from "../runner/options.ts"
import { SentBlobs } from "./blobs.ts"
import type { DriverSettings } from "./runners.ts"

/** A driver is a process, however many pools and layers it has (K6). */
const driver = randomUUID()

export const settingsOf: (
  options: Omit<Options, "members">
) => Effect.Effect<DriverSettings, WorkerPoolError | InvalidSecret> = Effect.fnUntraced(function* (options) {
  const { deployment, maxMessageSize: size = maxMessageSize, where = [] } = options
  if (!areTexts(where)) return yield* Effect.fail(invalidOption("where", where, "texts that are not empty"))
  if (deployment !== undefined && !isText(deployment)) {
    return yield* Effect.fail(invalidOption("deployment", deployment, "a text that is not empty"))
  }
  if (!Number.isSafeInteger(size) || size < 1 || size > 2 ** 32 - 1) {
    return yield* Effect.fail(invalidOption("maxMessageSize", size, "an integer from 1 to 2 ** 32 - 1"))
  }
  return {
    security: yield* security.make(options),
    versions: versions.mine(deployment),
    driver,
    suspectAfter: Math.floor(Duration.toMillis(yield* period("suspectAfter", options.suspectAfter ?? "10 seconds"))),
    roomTimeout: Duration.toMillis(yield* period("roomTimeout", options.roomTimeout ?? "30 seconds")),
    driverStall: Duration.toMillis(yield* period("driverStall", options.driverStall ?? "1 minute")),
    securityOptions: security.withPaths(options),
    where,
    maxMessageSize: size,
    blobs: new SentBlobs(),
    describe: describing.make()
  }
})

export const membersOf = <E, R>(
  members: Members | Effect.Effect<Members, E, R>
): Effect.Effect<Members, WorkerPoolError | E, R> => {
  if (isMembers(members)) return Effect.succeed(members)
  if (Effect.isEffect(members)) return members
  return Effect.fail(invalidOption("members", members, "what Members.fromList and its like give"))
}
