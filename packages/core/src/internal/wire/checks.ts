/**
 * What is asked of the parts of something that has arrived from a worker (F6): it can be of any type, and a number any
 * number. Free of Effect.
 */

export const isObject = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === "object" && u !== null

/** Values by their names: a list would have as many names as it says to be long. */
export const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => isObject(u) && !Array.isArray(u)

/** Something with a tag, whose fields are read under the same guard as whoever gave it. */
export const isTagged = (u: unknown): u is { readonly _tag: string; readonly [field: string]: unknown } =>
  isObject(u) && typeof u["_tag"] === "string"

export const isText = (u: unknown): u is string => typeof u === "string"

export const isNumber = (u: unknown): u is number => typeof u === "number"

/** A count, an index or a number that something goes by. */
export const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0

/** How long something took, in milliseconds: so bounded that sums of them are numbers as well. */
export const isDuration = (u: unknown): u is number => isNumber(u) && u >= 0 && u <= Number.MAX_SAFE_INTEGER

/** How far from 1970 a Date can be, in milliseconds. */
const farthest = 8.64e15

/** What a wall clock says, in milliseconds since 1970. */
export const isTime = (u: unknown): u is number => isNumber(u) && u >= -farthest && u <= farthest

/**
 * A list that has arrived in a few bytes can have billions of places with nothing in them, and to go through those takes
 * minutes: so one whose members can be anything has to have as many as it is long, and others are gone through up to the first
 * that is not what it should be.
 */
export const isList = (u: unknown): u is ReadonlyArray<unknown> =>
  Array.isArray(u) && (u.length <= 1000 || Object.keys(u).length >= u.length)

/** Nothing that is looked for may be `undefined`. */
export const isListOf = <A>(u: unknown, is: (one: unknown) => one is A): u is ReadonlyArray<A> => {
  if (!Array.isArray(u)) return false
  // `every` would go through all places with nothing in them
  for (let n = 0; n < u.length; n++) if (!is(u[n])) return false
  return true
}
