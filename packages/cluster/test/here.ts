import { Runner } from "@effect-mpire/cluster"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { secret } from "./runners.ts"

/** A runner in this process, with two threads, until the Scope closes. */
export const startHere = (
  options: Partial<Runner.Options> = {}
): Effect.Effect<Runner.Runner["Service"], never, Scope.Scope> => {
  const entry = process.env["EFFECT_MPIRE_TEST_ENTRY"]
  return Effect.map(
    Layer.build(
      Layer.orDie(
        Runner.layer({
          listen: "127.0.0.1:0",
          slots: 2,
          workers: "threads",
          secret: { env: secret },
          workerOptions: { execArgv: [], entry: entry === undefined ? undefined : new URL(entry) },
          ...options
        })
      )
    ),
    Context.get(Runner.Runner)
  )
}
