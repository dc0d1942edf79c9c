import * as Effect from "effect/Effect"
import { isEffect, isPromiseLike } from "../task/shapes.ts"
import type { WorkerContextImpl } from "../task/workerContext.ts"

/**
 * What a task or hook returned, as an Effect. A Promise cannot be cut short: when the Effect is interrupted, the task's
 * signal is aborted, and the Promise is still waited for.
 */
export const toEffect = (returned: unknown, context: WorkerContextImpl): Effect.Effect<unknown, unknown> => {
  if (isEffect(returned)) return returned as Effect.Effect<unknown, unknown>
  if (!isPromiseLike(returned)) return Effect.succeed(returned)
  return Effect.callback((resume) => {
    let settled = () => {}
    const ended = Effect.callback<void>((resume) => {
      settled = () => resume(Effect.void)
      context.abort()
    })
    const settle = (outcome: Effect.Effect<unknown>) => {
      resume(outcome)
      settled()
    }
    // what only looks like a Promise may answer twice, or throw after it has answered (F8)
    Promise.resolve(returned).then(
      (value) => settle(Effect.succeed(value)),
      (defect) => settle(Effect.die(defect))
    )
    return ended
  })
}
