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

/** An object, as options are: JavaScript lets anything be given in their place. */
export const object = (value: unknown, option = "options"): Effect.Effect<void, WorkerPoolError.WorkerPoolError> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Effect.void
    : Effect.fail(invalidOption(option, value, "an object"))

/** The longest that a timer can wait, in milliseconds: almost 25 days. */
const longest = 2 ** 31 - 1

/** The most characters of a short text, and the most labels, that a greeting has room for. */
export const most = { text: 1000, labels: 100 } as const

/** A duration longer than nothing that a timer can wait for. */
export const period = (
  option: string,
  input: Duration.Input
): Effect.Effect<Duration.Duration, WorkerPoolError.WorkerPoolError> => {
  const duration = Option.getOrUndefined(Duration.fromInput(input))
  const millis = duration === undefined ? 0 : Duration.toMillis(duration)
  return duration !== undefined && millis > 0 && millis <= longest
    ? Effect.succeed(duration)
    : Effect.fail(invalidOption(option, input, `a duration > 0 of at most ${longest} milliseconds`))
}

/** A text that is not empty. */
export const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

/** A list of texts, none of them empty. */
export const areTexts = (value: unknown): value is ReadonlyArray<string> => Array.isArray(value) && value.every(isText)

/** Labels, each a short text. */
export const labels = (
  option: string,
  value: ReadonlyArray<string> | undefined
): Effect.Effect<ReadonlyArray<string>, WorkerPoolError.WorkerPoolError> => {
  if (value === undefined) return Effect.succeed([])
  if (areTexts(value) && value.length <= most.labels && value.every(({ length }) => length <= most.text)) {
    return Effect.succeed(value)
  }
  const expected = `at most ${most.labels} texts that are not empty, of at most ${most.text} characters`
  return Effect.fail(invalidOption(option, value, expected))
}

/** What is deployed, if that has a name. */
export const deployment = (
  value: string | undefined
): Effect.Effect<string | undefined, WorkerPoolError.WorkerPoolError> =>
  value === undefined || (isText(value) && value.length <= most.text)
    ? Effect.succeed(value)
    : Effect.fail(invalidOption("deployment", value, `a text of 1 to ${most.text} characters`))

/** How many bytes a message may have; by default 1 GiB. */
export const messageSize = (size = 2 ** 30): Effect.Effect<number, WorkerPoolError.WorkerPoolError> =>
  Number.isSafeInteger(size) && size >= 1 && size <= 2 ** 32 - 1
    ? Effect.succeed(size)
    : Effect.fail(invalidOption("maxMessageSize", size, "an integer from 1 to 2 ** 32 - 1"))
