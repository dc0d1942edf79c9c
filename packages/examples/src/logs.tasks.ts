import { Effect } from "effect"

/** Looks whether an order can be sent. */
export const check = Effect.fnUntraced(function* (order: number) {
  yield* Effect.logDebug("checking", order)
  if (order % 4 === 0) yield* Effect.logWarning("no address", { order })
  return order % 4 !== 0
}, Effect.withLogSpan("check"))
