/**
 * How a connection is secured, as the options of both ends say it (K11).
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { invalidOption } from "./options.ts"
import * as psk from "./psk.ts"

/** `undefined` for `insecure: true` alone. The error never shows a secret. */
export const securityOf = (options: {
  readonly secret?: Redacted.Redacted<string> | undefined
  readonly insecure?: boolean | undefined
}): Effect.Effect<psk.Security | undefined, WorkerPoolError> => {
  const { insecure, secret } = options
  if (insecure === true && secret === undefined) return Effect.succeed(undefined)
  if (secret === undefined) return Effect.fail(invalidOption("secret", undefined, "given, unless `insecure` is true"))
  if (!/^(?:[0-9a-f]{2}){32,}$/i.test(Redacted.value(secret))) {
    return Effect.fail(invalidOption("secret", secret, "at least 32 bytes as hexadecimal digits"))
  }
  return Effect.succeed(psk.of(secret))
}
