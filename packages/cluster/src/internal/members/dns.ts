/**
 * Runners behind one name of DNS, such as that of a headless service.
 */
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { lookup } from "node:dns"
import type { Members } from "../../Members.ts"
import { areTexts, invalidOption, period } from "../common/options.ts"
import * as address from "./address.ts"
import { looking } from "./members.ts"

export interface Options {
  readonly name: string
  readonly port: number
  readonly every?: Duration.Input | undefined
  readonly labels?: ReadonlyArray<string> | undefined
}

/** All IP addresses of a name, or why there are none, in words. */
export type Resolve = (name: string) => Effect.Effect<ReadonlyArray<string>, string>

/**
 * As this machine resolves names: /etc/hosts and search domains count too, which `dns.resolve4` and `dns.resolve6` would
 * not ask, so that a service of Kubernetes would have to be named in full.
 */
export const ofSystem: Resolve = (name) =>
  Effect.callback((resume) => {
    lookup(name, { all: true }, (error, found) =>
      resume(error === null ? Effect.succeed(found.map(({ address }) => address)) : Effect.fail(error.message))
    )
  })

export const fromDns = Effect.fnUntraced(function* (
  { every = "5 seconds", labels = [], name, port }: Options,
  resolve: Resolve
): Effect.fn.Return<Members, WorkerPoolError> {
  if (!address.isHost(name)) return yield* Effect.fail(invalidOption("name", name, "a name that DNS may know"))
  if (!address.isPort(port)) return yield* Effect.fail(invalidOption("port", port, "an integer from 1 to 65535"))
  if (!areTexts(labels))
    return yield* Effect.fail(invalidOption("labels", labels, "a list of texts, none of them empty"))
  return yield* looking({
    name: `DNS for "${name}"`,
    every: yield* period("every", every),
    look: Effect.flatMap(resolve(name), (hosts) =>
      // a service that is restarted has no addresses for a while, and its runners may be there all the same
      hosts.length === 0
        ? Effect.fail("it has no address")
        : Effect.succeed(hosts.map((host) => ({ host, port, labels })))
    )
  })
})
