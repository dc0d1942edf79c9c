/**
 * Whether what has arrived from a worker is a message of the protocol: a task cannot reach the channel, but it can break
 * what the worker's side is made of, and native code can do anything (F6).
 */
import * as control from "./control.ts"
import type * as protocol from "./protocol.ts"

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === "object" && u !== null

const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0

/** Something with a tag, whose fields are read under the same guard as whoever gave it. */
const isTagged = (u: unknown): boolean => isObject(u) && typeof u["_tag"] === "string"

const isTimed = (u: unknown): boolean =>
  Array.isArray(u) && u.length === 3 && isCount(u[0]) && isCount(u[1]) && u[1] > 0 && typeof u[2] === "number"

const isResults = ({ chunk, count, from, long, millis, others, values }: Readonly<Record<string, unknown>>): boolean =>
  isCount(chunk) &&
  isCount(from) &&
  isCount(count) &&
  typeof millis === "number" &&
  Array.isArray(values) &&
  values.length <= count &&
  Array.isArray(others) &&
  others.every((other) => Array.isArray(other) && isCount(other[0]) && other[0] < count && isTagged(other[1])) &&
  (long === undefined || (Array.isArray(long) && long.every(isTimed)))

/** A worker can set no number of the pool's, nor more of them than a cell has. */
const isNumbers = ({ from, values }: Readonly<Record<string, unknown>>): boolean =>
  isCount(from) &&
  Array.isArray(values) &&
  values.length <= 3 &&
  values.every((value, offset) => Number.isInteger(value) && control.isWorkers(from + offset))

export const isFromWorker = (u: unknown): u is protocol.FromWorker => {
  if (!isObject(u)) return false
  switch (u["_tag"]) {
    case "Ready":
    case "Repeated":
      return true
    case "Results":
      return isResults(u)
    case "Initialised":
    case "Exited":
    case "Closed":
      return isTagged(u["result"])
    case "NotLoaded":
      return isCount(u["chunk"]) && isTagged(u["cause"])
    case "Uncaught":
      return isTagged(u["cause"])
    case "Numbers":
      return isNumbers(u)
    case "Observed":
      return (
        isCount(u["first"]) &&
        typeof u["at"] === "number" &&
        Array.isArray(u["records"]) &&
        u["records"].every((record) => isTagged(record) || (Array.isArray(record) && record[0] === "Log"))
      )
    case "Unreadable":
      return isCount(u["number"]) && isTagged(u["cause"])
    default:
      return false
  }
}
