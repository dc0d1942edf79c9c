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

/** An assertion that says it all itself. */
export const failed = (message: string): AssertionFailed =>
  new AssertionFailed({ message, actual: undefined, expected: undefined })

const fail = (what: string, actual: unknown, expected: unknown): Assertion<never> =>
  Effect.fail(
    new AssertionFailed({ message: `${what}: got ${format(actual)}, expected ${format(expected)}`, actual, expected })
  )

/** Structural equality. */
export const equal = <A>(actual: A, expected: A, what = "result"): Assertion =>
  Equal.equals(actual, expected) ? Effect.void : fail(what, actual, expected)

/** That something holds; `actual` says what was found instead. */
export const isTrue = (condition: boolean, what: string, actual?: unknown): Assertion =>
  condition ? Effect.void : fail(what, actual, true)

/** A text with another in it. */
export const includes = (text: string | undefined, part: string, what: string): Assertion =>
  text?.includes(part) === true ? Effect.void : fail(what, text, `text with ${JSON.stringify(part)}`)

/** That an Effect fails; its Cause. */
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

/** That a Cause holds a WorkerPoolError with such a reason; the reason. */
const reason = <Tag extends WorkerPoolError.Reason["_tag"]>(
  cause: Cause.Cause<unknown>,
  tag: Tag
): Assertion<ReasonOf<Tag>> => {
  const found = reasonsIn(cause).find((reason): reason is ReasonOf<Tag> => reason._tag === tag)
  return found === undefined ? fail("reason", cause, tag) : Effect.succeed(found)
}

/** That an Effect fails with such a reason; the reason. */
export const failsWith = <A, E, R, Tag extends WorkerPoolError.Reason["_tag"]>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<ReasonOf<Tag>, AssertionFailed, R> => Effect.flatMap(failure(effect), (cause) => reason(cause, tag))

/** That an Exit is a failure with such a reason; the reason. */
export const exitFailsWith = <A, E, Tag extends WorkerPoolError.Reason["_tag"]>(
  exit: Exit.Exit<A, E> | undefined,
  tag: Tag
): Assertion<ReasonOf<Tag>> =>
  exit !== undefined && Exit.isFailure(exit) ? reason(exit.cause, tag) : fail("outcome", exit, tag)

/** That something is an error; the error. */
export const isError = (value: unknown): Assertion<Error> =>
  value instanceof Error ? Effect.succeed(value) : fail("value", value, "an Error")

/** That an Effect dies with an error; the error and the Cause. */
export const diesWithError = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly error: Error; readonly cause: Cause.Cause<E> }, AssertionFailed, R> =>
  Effect.flatMap(failure(effect), (cause) => {
    const defect = cause.reasons.find(Cause.isDieReason)?.defect
    return Effect.map(isError(defect), (error) => ({ error, cause }))
  })

/** Waits until something holds: how a case learns of what it is not told. */
export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) =>
    holds
      ? Effect.void
      : Effect.andThen(
          Effect.sleep(1),
          Effect.suspend(() => eventually(condition))
        )
  )
