/**
 * Asks one runner how it is, or to drain: for probes and for those who run it. What may start workers may ask this too.
 */
import * as Effect from "effect/Effect"
import type { WorkerPoolError } from "@effect-mpire/core/WorkerPoolError"
import { GreetingFailed, type VersionMismatch } from "../../ClusterError.ts"
import type { RemoteStatus } from "../../Runner.ts"
import { kinds, ProtocolError } from "../frames/frame.ts"
import { mine } from "../link/versions.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"
import { type Address, format } from "../members/address.ts"
import type { Security } from "../secret/security.ts"
import { dial } from "./dial.ts"
import { refusal } from "./refusal.ts"

/** No runner's lease is longer. */
const suspectAfter = 2 ** 31 - 1

const readWord = words.reader(words.FromRunner)

/** Asks, says `word` if there is one, and waits until what is told `isEnough`. */
export const probe = (
  address: Address,
  security: Security,
  {
    isEnough = () => true,
    word
  }: { readonly isEnough?: (status: RemoteStatus) => boolean; readonly word?: words.ToRunner } = {}
): Effect.Effect<RemoteStatus, GreetingFailed | VersionMismatch | WorkerPoolError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const runner = format(address)
      const hello: words.Hello = { _tag: "Hello", ...mine(undefined), driver: "probe", suspectAfter }
      const { answer, link } = yield* Effect.acquireRelease(
        dial(address, security, hello),
        ({ link }) => Effect.sync(() => link.destroy()),
        { interruptible: true }
      )
      if (answer._tag === "Refused") return yield* Effect.fail(refusal(runner, answer, suspectAfter))
      const { deployment, engine, labels, library, major, runner: id, slots } = answer
      // the runner beats several times in a lease
      const beats = vigil.suspect(link, answer.lease)
      return yield* Effect.callback<RemoteStatus, GreetingFailed>((resume) => {
        link.receive((kind, bytes) => {
          if (vigil.take(link, beats, kind, bytes, true)) return
          const told = kind === kinds.word ? readWord(bytes) : undefined
          if (told?._tag !== "Room") throw new ProtocolError("A frame has arrived that is not about a runner's room")
          const { draining, used } = told
          const versions = { library, engine: `${engine} ${major}`, deployment }
          const status = { id, slots, used, draining, labels, ...versions }
          if (isEnough(status)) resume(Effect.succeed(status))
        })
        link.closed((cause) =>
          resume(
            Effect.fail(new GreetingFailed({ runner, cause: cause ?? new Error("The runner closed the connection") }))
          )
        )
        if (word !== undefined) link.say(word)
        link.resume()
      })
    })
  )
