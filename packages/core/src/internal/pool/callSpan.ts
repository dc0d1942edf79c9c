/**
 * The span of a call, a child of that of its caller (O3).
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { nameOf } from "../common/taskNames.ts"
import { isTraced, type TracedCall, Tracing, within } from "../common/tracing.ts"
import * as portable from "../task/portable.ts"
import type * as options from "./options.ts"

/** Who makes a call. */
export interface Caller {
  /** What tasks see of it: with the call's span in it, where the call has one. */
  readonly context: Context.Context<never>
  readonly traced: TracedCall | undefined
}

/** Begins the span of a call, if its caller is to have one. */
export const begin = (
  context: Context.Context<never>,
  pool: string | undefined,
  task: unknown,
  items: number | undefined,
  trace: options.AnyCallOptions["trace"]
): Caller => {
  const tracing = trace === false ? undefined : Tracing.of(context)
  const span = tracing?.start({
    name: "pool.call",
    parent: Context.getOrUndefined(context, Tracer.ParentSpan),
    // what is no task has no name: the call fails for it in a moment
    attributes: { pool, task: portable.isPortable(task) ? nameOf(task) : undefined, items }
  })
  if (tracing === undefined || span === undefined) return { context, traced: undefined }
  // where nobody looks at the call, nobody looks at what is in it: tasks see that by its span
  return { context: within(context, span), traced: { tracing, span } }
}

/** Runs a call with its caller, in a span where that is traced; the caller's own code is not within it. */
export const inSpan = <A, E, R>(
  pool: string | undefined,
  task: unknown,
  items: number | undefined,
  trace: options.AnyCallOptions["trace"],
  call: (caller: Caller) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const { context } = fiber
    if (!isTraced(fiber)) return call({ context, traced: undefined })
    const caller = begin(context, pool, task, items, trace)
    const { traced } = caller
    if (traced === undefined) return call(caller)
    return Effect.onExit(call(caller), (exit) => Effect.sync(() => traced.tracing.end(traced.span, exit)))
  })
