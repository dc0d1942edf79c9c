/** What the cases of the suite assert with: failing Effects, so that any test framework can run them. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import { format } from "effect/Formatter"
import * as WorkerPoolError from "../../WorkerPoolError.ts"

/** Something is not as the rule says. */
export class AssertionFailed extends Data.TaggedError("AssertionFailed")<{
  readonly message: string
  readonly actual: unknown
  readonly expected: unknown
}> {}

type Assertion<A = void> = Effect.Effect<A, AssertionFailed>

/** An assertion that has failed, described by its message alone. */
export const failed = (message: string): AssertionFailed =>
  new AssertionFailed({ message, actual: undefined, expected: undefined })

const fail = (what: string, actual: unknown, expected: unknown): Assertion<never> =>
  Effect.fail(
    new AssertionFailed({ message: `${what}: got ${format(actual)}, expected ${format(expected)}`, actual, expected })
  )

/** Asserts that two values are structurally equal. */
export const equal = <A>(actual: A, expected: A, what = "result"): Assertion =>
  Equal.equals(actual, expected) ? Effect.void : fail(what, actual, expected)

/** Asserts that a condition holds; `actual` is what was found instead. */
export const isTrue = (condition: boolean, what: string, actual?: unknown): Assertion =>
  condition ? Effect.void : fail(what, actual, true)

/** Asserts that a text has `part` in it. */
export const includes = (text: string | undefined, part: string, what: string): Assertion =>
  text?.includes(part) === true ? Effect.void : fail(what, text, `text with ${JSON.stringify(part)}`)

/** Asserts that an Effect fails; gives its Cause. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Cause.Cause<E>, AssertionFailed, R> =>
  Effect.flatMap(Effect.exit(effect), (exit): Assertion<Cause.Cause<E>> =>
    Exit.isFailure(exit) ? Effect.succeed(exit.cause) : fail("outcome", exit.value, "a failure")
  )

type ReasonOf<Tag extends WorkerPoolError.Reason["_tag"]> = Extract<WorkerPoolError.Reason, { readonly _tag: Tag }>

/** The WorkerPoolErrors in a Cause. */
const reasonsIn = (cause: Cause.Cause<unknown>): ReadonlyArray<WorkerPoolError.Reason> =>
  cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) && WorkerPoolError.isWorkerPoolError(reason.error) ? [reason.error.reason] : []
  )

/** Asserts that a Cause holds a WorkerPoolError whose reason has the tag; gives the reason. */
const reason = <Tag extends WorkerPoolError.Reason["_tag"]>(
  cause: Cause.Cause<unknown>,
  tag: Tag
): Assertion<ReasonOf<Tag>> => {
  const found = reasonsIn(cause).find((reason): reason is ReasonOf<Tag> => reason._tag === tag)
  return found === undefined ? fail("reason", cause, tag) : Effect.succeed(found)
}

/** Asserts that an Effect fails with a reason that has the tag; gives the reason. */
export const failsWith = <A, E, R, Tag extends WorkerPoolError.Reason["_tag"]>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<ReasonOf<Tag>, AssertionFailed, R> => Effect.flatMap(failure(effect), (cause) => reason(cause, tag))

/** Asserts that an Exit is a failure with a reason that has the tag; gives the reason. */
export const exitFailsWith = <A, E, Tag extends WorkerPoolError.Reason["_tag"]>(
  exit: Exit.Exit<A, E> | undefined,
  tag: Tag
): Assertion<ReasonOf<Tag>> =>
  exit !== undefined && Exit.isFailure(exit) ? reason(exit.cause, tag) : fail("outcome", exit, tag)

/** Asserts that a value is an error; gives the error. */
export const isError = (value: unknown): Assertion<Error> =>
  value instanceof Error ? Effect.succeed(value) : fail("value", value, "an Error")

/** Asserts that an Effect dies with an error; gives the error and the Cause. */
export const diesWithError = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly error: Error; readonly cause: Cause.Cause<E> }, AssertionFailed, R> =>
  Effect.flatMap(failure(effect), (cause) => {
    const defect = cause.reasons.find(Cause.isDieReason)?.defect
    return Effect.map(isError(defect), (error) => ({ error, cause }))
  })

/** Asks again and again until the condition holds: for what no callback or Effect tells a case. */
export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) =>
    holds
      ? Effect.void
      : Effect.andThen(
          Effect.sleep(1),
          Effect.suspend(() => eventually(condition))
        )
  )
