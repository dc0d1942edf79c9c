/**
 * Recognises what a task or hook returned by its shape: a worker that runs plain functions starts faster without
 * Effect.
 */

/** The shape of an Effect Cause. */
export interface CauseLike {
  readonly reasons: ReadonlyArray<
    | { readonly _tag: "Fail"; readonly error: unknown }
    | { readonly _tag: "Die"; readonly defect: unknown }
    | { readonly _tag: "Interrupt"; readonly fiberId: number | undefined }
  >
}

/** The shape of an Effect Exit. */
export type ExitLike =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Failure"; readonly cause: CauseLike }

/** The Exit of a function that threw, or of a Promise that rejected. */
export const died = (defect: unknown): ExitLike => ({ _tag: "Failure", cause: { reasons: [{ _tag: "Die", defect }] } })

/** Whether a value is a primitive: no Effect, Exit, Layer or Promise. */
export const isPlain = (value: unknown): value is string | number | bigint | boolean | symbol | null | undefined =>
  (typeof value !== "object" && typeof value !== "function") || value === null

/** Whether a value crosses as it is, whatever the channel: no object, and nothing that cannot cross. */
export const crossesAsItIs = (value: unknown): boolean => {
  const type = typeof value
  return type !== "object" && type !== "function" && type !== "symbol"
}

const isObject = (value: unknown): value is object => !isPlain(value)

/** What an object inherits from. */
const prototypeOf = (value: object): object => Object.getPrototypeOf(value) ?? nothing

const nothing = {}

// Effects, Exits and Layers inherit their keys. Data may have such a key of its own, if it was parsed from a text that
// somebody else wrote, and stays data: to run it would throw, hang or give another result (S1). Both are asked, the value
// and its prototype, because that costs an item a nanosecond more than the value alone, and `Object.hasOwn` ten. The keys
// are literals because `in` is several times as slow with a variable.

export const isEffect = (value: unknown): boolean =>
  isObject(value) && "~effect/Effect" in value && "~effect/Effect" in prototypeOf(value)

/** Every Exit is an Effect too, one that is done already. */
export const isExit = (value: unknown): value is ExitLike =>
  isObject(value) && "~effect/Exit" in value && "~effect/Exit" in prototypeOf(value)

export const isLayer = (value: unknown): boolean =>
  isObject(value) && "~effect/Layer" in value && "~effect/Layer" in prototypeOf(value)

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
