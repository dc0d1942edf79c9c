/**
 * A runner of the chaos: prints its port when it listens, drains at SIGTERM, and ends with the process that started it. Its
 * options are JSON.
 */
import { Runner } from "@effect-mpire/cluster"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Runtime from "effect/Runtime"

const { key, ...options } = JSON.parse(process.argv[2]!)

process.stdin.once("close", () => process.kill(process.pid, "SIGKILL")).resume()

const program = Effect.gen(function* () {
  const { port } = yield* Runner.Runner
  yield* Effect.sync(() => process.stdout.write(`${port}\n`))
  return yield* Effect.never
})

/** As of `effect-mpire-runner`: ended as it was asked to is no failure. */
const teardown: Runtime.Teardown = (exit, onExit) =>
  onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)

program.pipe(Effect.provide(Runner.layer({ ...options, secret: { env: key } })), NodeRuntime.runMain({ teardown }))
