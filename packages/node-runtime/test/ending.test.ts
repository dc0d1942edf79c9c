import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Ending } from "../src/internal/ending.ts"

describe("the end of a worker", () => {
  const make = () => {
    const told: Array<string> = []
    const ending = new Ending({
      grace: 60_000,
      kill: () => void told.push("killed"),
      setBusy: (busy) => void told.push(busy ? "busy" : "idle"),
      output: { letFlow: () => {}, isComing: () => false }
    })
    return { ending, told }
  }

  it.live.each(["wait", "kill"] as const)(
    "F5 keeps the program running while it is awaited, though the worker says that it has nothing to do: %s",
    (how) =>
      Effect.gen(function* () {
        const { ending, told } = make()
        ending.setBusy(true)
        ending.setBusy(false)
        const fiber = yield* Effect.forkChild(ending[how], { startImmediately: true })
        // such as one that was told to end while it started, and is ready now
        ending.setBusy(false)
        ending.end({ exitCode: 0 })
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(told, ["busy", "idle", "busy", ...(how === "kill" ? ["killed"] : [])])
      })
  )
})
