/**
 * Waits that do not keep the process running by themselves: a program that has nothing else to do ends meanwhile (F5).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { clearTimeout, setTimeout } from "./timers.ts"

/** Waits in real time. */
export const pause = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    timer.unref()
    return Effect.sync(() => clearTimeout(timer))
  })

const systemClock = Context.get(Context.empty(), Clock.Clock)

/** Waits by the Clock; by that of Effect itself, whose timers would keep the process running, in real time. */
export const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.clockWith((clock) => (clock === systemClock ? pause(Duration.toMillis(duration)) : clock.sleep(duration)))
