import * as Effect from "effect/Effect"

/** Logs so many lines. */
export const logsMany = (lines: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let n = 0; n < lines; n++) yield* Effect.logInfo(n)
  })

/** A hook that logs more than a worker may in a second. */
export const logsManyAtExit = (): Effect.Effect<void> => logsMany(12_000)
