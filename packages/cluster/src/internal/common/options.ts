/**
 * Checks options of the cluster (C8): whatever is wrong is `InvalidOptions`, which names the option and the value.
 */
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** The error for an option out of its range. */
export const invalidOption = (option: string, value: unknown, expected: string): WorkerPoolError.WorkerPoolError =>
  WorkerPoolError.make(new WorkerPoolError.InvalidOptions({ option, value, expected }))

/** A duration longer than nothing, and not for ever. */
export const period = (
  option: string,
  input: Duration.Input
): Effect.Effect<Duration.Duration, WorkerPoolError.WorkerPoolError> => {
  const duration = Option.getOrUndefined(Duration.fromInput(input))
  return duration !== undefined && Duration.isFinite(duration) && Duration.toMillis(duration) > 0
    ? Effect.succeed(duration)
    : Effect.fail(invalidOption(option, input, "a duration > 0 that ends"))
}

/** A text that is not empty. */
export const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

/** A list of texts, none of them empty. */
export const areTexts = (value: unknown): value is ReadonlyArray<string> => Array.isArray(value) && value.every(isText)
