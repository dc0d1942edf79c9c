/**
 * What is done to runners about once a second, as a seed says: the same things in the same order, though how they meet what
 * the runners are at is up to real time.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import type { KeptRunner } from "./keptRunner.ts"
import { Random } from "./random.ts"

export interface Trouble {
  readonly number: number
  /** After how many milliseconds it comes. */
  readonly after: number
  readonly runner: number
  readonly what: "kill" | "stall, then go on" | "stall, then kill"
  /** For how many milliseconds a stall goes on after the driver has given the runner up. */
  readonly longer: number
}

export const trouble = (seed: number, number: number, runners: number): Trouble => {
  const random = new Random(seed, number)
  return {
    number,
    after: random.integer(500, 1500),
    runner: random.integer(0, runners - 1),
    what: random.weighted({ kill: 3, "stall, then go on": 1, "stall, then kill": 1 }),
    longer: random.integer(200, 1500)
  }
}

/** Goes on until it is interrupted; stalls go on to their end. `did` is told of what was done. */
export const makeTrouble = (
  seed: number,
  runners: ReadonlyArray<KeptRunner>,
  suspectAfter: number,
  did: (trouble: Trouble) => void
): Effect.Effect<never, never, Scope.Scope> =>
  Effect.gen(function* () {
    const stalls: Array<Fiber.Fiber<void>> = []
    yield* Effect.addFinalizer(() => Fiber.joinAll(stalls))
    for (let number = 0; ; number++) {
      const next = trouble(seed, number, runners.length)
      yield* Effect.sleep(next.after)
      const runner = nextWell(runners, next.runner)
      // on a busy machine runners take longer to come back than to be killed, and nothing would ever be done
      if (runner === undefined) continue
      did(next)
      const { victim } = runner
      if (next.what === "kill") victim.kill("SIGKILL")
      else stalls.push(yield* Effect.forkDetach(stall(runner, victim, next, suspectAfter + next.longer)))
    }
  })

/** A runner that is well, this one if it is; none where it is the only one. */
const nextWell = (runners: ReadonlyArray<KeptRunner>, first: number): KeptRunner | undefined => {
  const well = [...runners.slice(first), ...runners.slice(0, first)].filter(({ isWell }) => isWell)
  return well.length > 1 ? well[0] : undefined
}

const stall = (runner: KeptRunner, victim: ChildProcess, { what }: Trouble, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    runner.stop(victim)
    return Effect.sleep(millis)
  }).pipe(
    Effect.andThen(
      Effect.sync(() => {
        if (what === "stall, then kill") victim.kill("SIGKILL")
        else runner.goOn(victim)
      })
    )
  )
