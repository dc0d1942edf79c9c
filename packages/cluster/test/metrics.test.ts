/** Where `effect-mpire-runner --metrics` serves, by what it is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layer } from "../src/internal/program/metrics.ts"
import { failure, isRefused, recordedLog } from "./support.ts"

/** Serves there until the Scope closes; the URL, as the log says it. */
const served = (at: string) =>
  Effect.gen(function* () {
    const log = recordedLog()
    yield* Layer.build(layer(at)).pipe(Effect.provide(log.layer), Effect.orDie)
    const [, url] = /^Info: Metrics are at (\S+)$/.exec(log.lines[0] ?? "") ?? []
    return new URL(url!)
  })

describe("metrics", () => {
  const wrong = ["here", "", "127.0.0.1", ":9464", "127.0.0.1:65536", "99999", "https://127.0.0.1:9464", "::1:9464"]

  it.effect.each(wrong)("C8 refuses to serve at %j", (at) =>
    Effect.scoped(isRefused(Layer.build(layer(at)), "metrics", at))
  )

  it.live.each(["0", "127.0.0.1:0", "localhost:0"])("K11 a port alone is one of this machine, and %s is free", (at) =>
    Effect.gen(function* () {
      const url = yield* served(at)
      assert.include(["127.0.0.1", "localhost"], url.hostname)
      assert.strictEqual(url.pathname, "/metrics")
      const answer = yield* Effect.promise(() => fetch(url))
      assert.strictEqual(answer.status, 200)
    })
  )

  it.live("says where it cannot listen, and is gone when its Scope has closed", () =>
    Effect.gen(function* () {
      const { host } = yield* Effect.scoped(
        Effect.gen(function* () {
          const { host } = yield* served("127.0.0.1:0")
          const error = yield* failure(Effect.scoped(Layer.build(layer(host))))
          assert(error._tag === "ListenFailed")
          assert.strictEqual(error.listen, host)
          assert.match(error.message, /EADDRINUSE/)
          return { host }
        })
      )
      yield* Effect.scoped(served(host))
    })
  )
})
