/**
 * Tells a program whose Clock is set by hand, as TestClock is, that loading a module takes real time (T3).
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as realTime from "../task/realTime.ts"

/** How long a program under a Clock that is set by hand waits for a module before it is told, in real milliseconds. */
const patience = 1000

/** The platform's, which is what a program has that sets no other. */
const realClock = Context.get(Context.empty(), Clock.Clock)

/**
 * Waits for a module. A Clock that is set by hand, as TestClock is, does not wait with it: a test that moves it meanwhile
 * moves it before the task begins, and then waits for ever. It is told so.
 */
export const warned = <A, E>(awaited: Effect.Effect<A, E>, module = "a module"): Effect.Effect<A, E> =>
  Effect.clockWith((clock) => {
    if (clock === realClock) return awaited
    const begin = clock.currentTimeMillisUnsafe()
    const late = Effect.callback<void>((resume) => {
      const timer = realTime.afterIfRunning(patience, () => resume(warn("does not wait for", module)))
      return Effect.sync(() => realTime.cancel(timer))
    })
    const moved = Effect.suspend(() =>
      clock.currentTimeMillisUnsafe() === begin ? Effect.void : warn("was set before", module)
    )
    return Effect.flatMap(Effect.forkChild(late), (fiber) =>
      Effect.ensuring(Effect.tap(awaited, moved), Fiber.interrupt(fiber))
    )
  })

const warn = (what: string, module: string): Effect.Effect<void> =>
  Effect.logWarning(
    `The Clock ${what} ${module}, which was being loaded: that takes real time, and its tasks begin after it. Load it with ` +
      `the runtime: WorkerRuntime.layerFibers({ modules: [tasks] })`
  ).pipe(
    // a test's own would keep what its author has to read, as TestClock's warnings avoid too
    Effect.provideService(Console.Console, Context.get(Context.empty(), Console.Console))
  )
