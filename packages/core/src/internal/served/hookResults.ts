/**
 * How the result of a hook crosses. Free of Effect.
 */
import { crossesAsItIs } from "../task/shapes.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"

export const succeeded = (value: unknown): protocol.HookResult => {
  try {
    return value instanceof Error ? { _tag: "Error", value: failure.encode(value) } : { _tag: "Success", value }
  } catch (why) {
    // an error with a getter that throws, or a Proxy with such a trap (F8)
    return notSerializable("output", value, why)
  }
}

/** Whether nothing of users' is in it but a primitive that crosses. */
export const isPlain = (result: protocol.HookResult): boolean =>
  result._tag === "Success" ? crossesAsItIs(result.value) : result._tag === "TimedOut" || result._tag === "Interrupted"

const notSerializable = (direction: "input" | "output", value: unknown, why: unknown): protocol.HookResult => ({
  _tag: "NotSerializable",
  direction,
  cause: failure.encodeUncloneable(value, why)
})

/** A value bound to the hook could not be read here (F4). */
export const unread = (why: unknown): protocol.HookResult => notSerializable("input", undefined, why)

/** The result that says why `result` cannot cross. */
export const uncloneable = (result: protocol.HookResult, why: unknown): protocol.HookResult => {
  switch (result._tag) {
    case "Success":
      return notSerializable("output", undefined, why)
    case "Error":
      return notSerializable("output", failure.decodeOrDescribe(result.value), why)
    case "NotSerializable":
      return { ...result, cause: failure.encodeUncloneable(failure.decodeOrDescribe(result.cause), why) }
    case "TimedOut":
    case "Interrupted":
      return result
    default:
      return { _tag: result._tag, cause: failure.encodeUncloneable(failure.decodeOrDescribe(result.cause), why) }
  }
}
