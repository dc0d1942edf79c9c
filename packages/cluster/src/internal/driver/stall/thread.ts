/**
 * A thread that keeps this process's leases while its main thread is blocked (K3). Only then it connects to the runners that
 * have workers of this process, and confirms their beats. What is stopped or dead confirms nothing: this thread is, too.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { parentPort, workerData } from "node:worker_threads"
import { now, setInterval } from "../../common/timers.ts"
import * as vigil from "../../link/vigil.ts"
import { format } from "../../members/address.ts"
import * as security from "../../secret/security.ts"
import { dial } from "../dial.ts"
import type { Runners, StallSettings } from "./settings.ts"

/** How often it looks whether the main thread is blocked, in milliseconds. */
const every = 50

const settings = workerData as StallSettings

const made = await Effect.runPromiseExit(security.make(settings.security))

// the main thread hears of it, and says it
if (Exit.isFailure(made)) throw Cause.squash(made.cause)

watch(made.value)

function watch(security: security.Security): void {
  const { driver, driverStall, suspectAfter, ticks, versions } = settings
  let runners: Runners = []
  const holding = new Map<string, Fiber.Fiber<void>>()
  let tick = 0
  let tickedAt = now()

  const hold = (runner: Runners[number]): Effect.Effect<void> =>
    Effect.scoped(
      Effect.gen(function* () {
        const hello = { _tag: "Hello", ...versions, driver, suspectAfter, isStalled: true } as const
        const { answer, link } = yield* Effect.acquireRelease(
          dial(runner, security, hello),
          ({ link }) => Effect.sync(() => link.destroy()),
          { interruptible: true }
        )
        if (answer._tag === "Refused") return
        const beats = vigil.suspect(link, suspectAfter)
        // what else a runner says is for the main thread
        link.receive((kind, bytes) => void vigil.take(link, beats, kind, bytes, true))
        link.resume()
        yield* Effect.callback((resume) => link.closed(() => resume(Effect.void)))
      })
    ).pipe(Effect.ignore)

  const end = () => {
    for (const fiber of holding.values()) Effect.runFork(Fiber.interrupt(fiber))
    holding.clear()
  }

  parentPort!.on("message", (told: Runners) => {
    runners = told
  })
  setInterval(() => {
    const ticked = Atomics.load(ticks, 0)
    if (ticked !== tick) {
      tick = ticked
      tickedAt = now()
      return end()
    }
    const blocked = now() - tickedAt
    if (blocked > driverStall) return end()
    for (const runner of runners) {
      const name = format(runner)
      if (holding.has(name) || blocked < runner.lease / 4) continue
      const fiber = Effect.runFork(hold(runner))
      holding.set(name, fiber)
      // dialled again, should it end before the main thread goes on
      fiber.addObserver(() => {
        if (holding.get(name) === fiber) holding.delete(name)
      })
    }
  }, every)
}
