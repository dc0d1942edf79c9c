/**
 * The options of a runner, checked (C8).
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { availableParallelism } from "node:os"
import type { InvalidSecret } from "../../ClusterError.ts"
import type { Options, Target } from "../../Runner.ts"
import * as common from "../common/options.ts"
import * as address from "../members/address.ts"
import * as blobs from "../modules/blobs.ts"
import * as bytes from "../modules/bytes.ts"
import * as resolving from "../modules/resolve.ts"
import * as security from "../secret/security.ts"
import type { Settings } from "./runner.ts"

export const settingsOf: (options: Options) => Effect.Effect<Settings, WorkerPoolError | InvalidSecret> =
  Effect.fnUntraced(function* (options) {
    yield* common.object(options)
    const { listen = "127.0.0.1:7433", slots = availableParallelism(), workers = "processes" } = options
    const at = address.listenAt(listen)
    if (at === undefined)
      return yield* Effect.fail(common.invalidOption("listen", listen, `${address.written}, or port 0`))
    if (!Number.isSafeInteger(slots) || slots < 1) {
      return yield* Effect.fail(common.invalidOption("slots", slots, "an integer >= 1"))
    }
    if (workers !== "processes" && workers !== "threads") {
      return yield* Effect.fail(common.invalidOption("workers", workers, `"processes" or "threads"`))
    }
    const { inline = true, root = process.cwd() } = options
    if (typeof inline !== "boolean") return yield* Effect.fail(common.invalidOption("inline", inline, "a boolean"))
    const { allowMixed = false, workerOptions = {} } = options
    if (typeof allowMixed !== "boolean") {
      return yield* Effect.fail(common.invalidOption("allowMixed", allowMixed, "a boolean"))
    }
    yield* common.object(workerOptions, "workerOptions")
    // its type has too many members for more than that
    const { cache = "1 GB" }: { readonly cache?: unknown } = options
    const cacheSize = yield* bytes.parse("cache", cache)
    const lease = yield* common.period("lease", options.lease ?? "8 seconds")
    const drainTimeout = yield* common.period("drainTimeout", options.drainTimeout ?? "30 seconds")
    const minTenure = yield* common.period("minTenure", options.minTenure ?? "10 seconds")
    return {
      ...at,
      slots,
      workers,
      labels: yield* common.labels("labels", options.labels),
      deployment: yield* common.deployment(options.deployment),
      security: yield* security.make(options, { host: at.host }),
      lease: Math.ceil(Duration.toMillis(lease)),
      drainTimeout: Duration.toMillis(drainTimeout),
      minTenure: Duration.toMillis(minTenure),
      allowMixed,
      maxMessageSize: yield* common.messageSize(options.maxMessageSize),
      resolve: yield* resolving.make({ root }),
      inline,
      blobs: yield* blobs.make(cacheSize),
      workerOptions
    }
  })

/** Where a runner is that is asked something, and how it is secured. */
export const targetOf: (
  target: Target
) => Effect.Effect<
  { readonly address: address.Address; readonly security: security.Security },
  WorkerPoolError | InvalidSecret
> = Effect.fnUntraced(function* (target) {
  yield* common.object(target)
  const { address: text = "127.0.0.1:7433" } = target
  const at = typeof text === "string" ? address.parse(text) : undefined
  if (at === undefined) return yield* Effect.fail(common.invalidOption("address", text, address.written))
  return { address: at, security: yield* security.make(target) }
})
