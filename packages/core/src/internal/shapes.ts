/**
 * What a task or hook returned, told by its shape: importing Effect would cost a plain task its start.
 */
import type { ExitLike } from "./effectRunner.ts"

const hasKey = (value: unknown, key: string): boolean =>
  (typeof value === "object" || typeof value === "function") && value !== null && key in value

export const isEffect = (value: unknown): boolean => hasKey(value, "~effect/Effect")

/** An Exit is an Effect that has nothing to do. */
export const isExit = (value: unknown): value is ExitLike => hasKey(value, "~effect/Exit")

export const isLayer = (value: unknown): boolean => hasKey(value, "~effect/Layer")

export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
