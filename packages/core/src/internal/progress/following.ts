/**
 * A call whose progress is shown: what it tells of itself, and when it has ended (O4).
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as callProgress from "./callProgress.ts"
import { rate, remaining } from "./estimate.ts"

/** What is asked of a call while it is in progress. */
export interface Followed {
  readonly pool: string | undefined
  readonly options: callProgress.ProgressOptions
  /** What its unit is called where the options do not say. */
  readonly unit: string
  /** How many items there are, where that is known. */
  readonly length: number | undefined
  /** What they weigh together; their number, where nothing is weighed. */
  readonly total: number | undefined
  readonly count: () => { readonly items: number; readonly failed: number; readonly weight: number }
  /** How many workers share the items. */
  readonly workers: () => number
  /** What the call has failed with, where it is known before its Exit. */
  readonly failure: () => Cause.Cause<unknown> | undefined
}

/** Tells that a call has ended. */
export type End = (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>

/** Whether anybody wants to be told. */
export const isWanted = (context: Context.Context<never>): boolean =>
  Context.get(context, callProgress.Progress) !== callProgress.silent

/** How many calls have been followed. */
let calls = 0

/** A call begins. */
export const begin = (context: Context.Context<never>, call: Followed): End => {
  const progress = Context.get(context, callProgress.Progress)
  const clock = Context.get(context, Clock.Clock)
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  const id = calls++
  const began = now()
  const { label, unit = call.unit } = typeof call.options === "string" ? { label: call.options } : call.options
  let ended: number | undefined = undefined
  let state: callProgress.CallProgress["state"] = "running"
  const read = (): callProgress.CallProgress => {
    const { failed, items, weight } = call.count()
    const isDone = state === "succeeded"
    // what the option `length` says may be wrong
    const length = isDone ? items : atLeast(call.length, items)
    const total = isDone ? weight : call.total === undefined || call.length !== length ? undefined : call.total
    const amounts = { items, done: weight, total, elapsed: (ended ?? now()) - began }
    return {
      id,
      pool: call.pool,
      label,
      unit,
      state,
      failed,
      length,
      ...amounts,
      rate: rate(amounts),
      remaining: state === "running" ? remaining(amounts, call.workers()) : undefined
    }
  }
  const tell = progress.follow(read)
  return (exit) =>
    Effect.suspend(() => {
      ended = now()
      state = stateOf(call.failure(), exit)
      return tell
    })
}

/** Undefined where there are more. */
const atLeast = (length: number | undefined, items: number): number | undefined =>
  length === undefined || items > length ? undefined : length

const stateOf = (
  failure: Cause.Cause<unknown> | undefined,
  exit: Exit.Exit<unknown, unknown>
): callProgress.CallProgress["state"] => {
  const cause = failure ?? (Exit.isFailure(exit) ? exit.cause : undefined)
  if (cause === undefined) return "succeeded"
  return Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"
}
