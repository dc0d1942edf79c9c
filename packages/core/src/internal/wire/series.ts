/**
 * Series of metrics and what is done to them, as a worker tells of it (O3), and whether what has arrived is that (F6). Free
 * of Effect.
 */
import { isListOf, isNumber, isObject, isRecord, isText } from "./checks.ts"

/** A series: what it is called, and all that is needed to make one like it. */
export type Series = Named & Kind

interface Named {
  readonly id: string
  readonly description: string | undefined
  readonly attributes: Readonly<Record<string, string>> | undefined
}

export type Kind =
  | { readonly type: "Counter"; readonly bigint: boolean; readonly incremental: boolean }
  | { readonly type: "Gauge"; readonly bigint: boolean }
  /** `words` are those that it begins with. */
  | { readonly type: "Frequency"; readonly words: ReadonlyArray<string> }
  | { readonly type: "Histogram"; readonly boundaries: ReadonlyArray<number> }
  | {
      readonly type: "Summary"
      readonly quantiles: ReadonlyArray<number>
      /** In milliseconds. */
      readonly maxAge: number
      readonly maxSize: number
    }

/** What is done to a series. */
export type Change =
  /** To a counter or a gauge. */
  | { readonly _tag: "Add"; readonly by: number | bigint }
  /** To a gauge. */
  | { readonly _tag: "Set"; readonly to: number | bigint }
  /** To a frequency. */
  | { readonly _tag: "Count"; readonly words: ReadonlyArray<readonly [word: string, count: number]> }
  /** To a histogram, or, with `times`, to a summary. */
  | {
      readonly _tag: "Observe"
      readonly values: ReadonlyArray<number>
      /** When they were, in milliseconds by the Clock in the worker. */
      readonly times?: ReadonlyArray<number> | undefined
    }

/** How many values are told at most in a message. */
export const mostValues = 4096

/** How many updates are gathered at most: each that a frequency counts takes the pool's thread as long as it took here. */
export const mostUpdates = 65_536

/** How many values a summary keeps at most: each time it is read it looks at as many. */
export const mostKept = 131_072

const isBoolean = (u: unknown): u is boolean => typeof u === "boolean"

const isAttributes = (u: unknown): boolean => u === undefined || (isRecord(u) && Object.values(u).every(isText))

export const isSeries = (u: unknown): u is Series =>
  isObject(u) &&
  isText(u["id"]) &&
  (u["description"] === undefined || isText(u["description"])) &&
  isAttributes(u["attributes"]) &&
  isKind(u)

const isKind = (u: Readonly<Record<string, unknown>>): boolean => {
  switch (u["type"]) {
    case "Counter":
      return isBoolean(u["bigint"]) && isBoolean(u["incremental"])
    case "Gauge":
      return isBoolean(u["bigint"])
    case "Frequency":
      return isListOf(u["words"], isText)
    case "Histogram":
      return isListOf(u["boundaries"], isNumber)
    case "Summary":
      return (
        isListOf(u["quantiles"], isNumber) &&
        u["quantiles"].every((quantile) => quantile >= 0 && quantile <= 1) &&
        isNumber(u["maxAge"]) &&
        u["maxAge"] >= 0 &&
        isCount(u["maxSize"], mostKept)
      )
    default:
      return false
  }
}

const isCount = (u: unknown, most: number): u is number =>
  Number.isInteger(u) && (u as number) >= 0 && (u as number) <= most

/** Whether it can be done to that series, and takes no longer than what a worker tells. */
export const isChangeOf = (series: Series, u: unknown): u is Change => {
  if (!isObject(u)) return false
  switch (series.type) {
    case "Counter":
      return u["_tag"] === "Add" && isAmount(series, u["by"])
    case "Gauge":
      return (u["_tag"] === "Add" && isAmount(series, u["by"])) || (u["_tag"] === "Set" && isAmount(series, u["to"]))
    case "Frequency":
      return u["_tag"] === "Count" && areCounts(u["words"])
    case "Histogram":
      return u["_tag"] === "Observe" && areValues(u["values"]) && u["times"] === undefined
    case "Summary": {
      const { times, values } = u
      return u["_tag"] === "Observe" && areValues(values) && areValues(times) && times.length === values.length
    }
  }
}

const isAmount = ({ bigint }: { readonly bigint: boolean }, u: unknown): boolean =>
  typeof u === (bigint ? "bigint" : "number")

const areCounts = (u: unknown): boolean => {
  let all = 0
  return isListOf(u, (one: unknown): one is unknown => {
    if (!Array.isArray(one) || !isText(one[0]) || !isCount(one[1], mostUpdates)) return false
    all += one[1]
    return all <= mostUpdates
  })
}

const areValues = (u: unknown): u is ReadonlyArray<number> => isListOf(u, isNumber) && u.length <= mostValues
