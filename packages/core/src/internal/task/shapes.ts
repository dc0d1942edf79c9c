/**
 * What a task or hook returned, told by its shape: importing Effect would cost a plain task its start.
 */

/** An Effect Cause, by its shape. */
export interface CauseLike {
  readonly reasons: ReadonlyArray<
    | { readonly _tag: "Fail"; readonly error: unknown }
    | { readonly _tag: "Die"; readonly defect: unknown }
    | { readonly _tag: "Interrupt"; readonly fiberId: number | undefined }
  >
}

/** An Effect Exit, by its shape. */
export type ExitLike =
  | { readonly _tag: "Success"; readonly value: unknown }
  | { readonly _tag: "Failure"; readonly cause: CauseLike }

/** The Exit of what threw or rejected. */
export const died = (defect: unknown): ExitLike => ({ _tag: "Failure", cause: { reasons: [{ _tag: "Die", defect }] } })

/** Whether it can be none of those that follow. */
export const isPlain = (value: unknown): value is string | number | bigint | boolean | symbol | null | undefined =>
  (typeof value !== "object" && typeof value !== "function") || value === null

const isObject = (value: unknown): value is object => !isPlain(value)

// with the keys as literals, which is several times as fast

export const isEffect = (value: unknown): boolean => isObject(value) && "~effect/Effect" in value

/** An Exit is an Effect that has nothing to do. */
export const isExit = (value: unknown): value is ExitLike => isObject(value) && "~effect/Exit" in value

export const isLayer = (value: unknown): boolean => isObject(value) && "~effect/Layer" in value

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
