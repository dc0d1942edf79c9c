/**
 * A runner as a part of a program: it starts workers on this machine for drivers that have its key. This one prints where it
 * listens, and drains at SIGTERM and Ctrl-C.
 */
import { Runner } from "@effect-mpire/cluster"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Layer } from "effect"

const runner = Layer.unwrap(
  Effect.gen(function* () {
    const { listen, secretFile, slots } = yield* Config.all({
      listen: Config.String("LISTEN"),
      secretFile: Config.String("SECRET_FILE"),
      slots: Config.Int("SLOTS")
    })
    return Runner.layer({ listen, slots, secret: { file: secretFile } })
  })
)

const program = Effect.gen(function* () {
  const { host, port } = yield* Runner.Runner
  yield* Console.log(`${host}:${port}`)
  return yield* Effect.never
})

program.pipe(Effect.provide(runner), NodeRuntime.runMain)
