/**
 * Whether what has arrived from a worker is a message of the protocol: a task cannot reach the channel, but it can break
 * what the worker's side is made of, and native code can do anything (F6).
 */
import { isCount, isDuration, isList, isListOf, isObject, isTagged, isTime } from "./checks.ts"
import * as control from "./control.ts"
import { mostLongest, type Timed } from "./longest.ts"
import type * as protocol from "./protocol.ts"

type Fields = Readonly<Record<string, unknown>>

const isTimed = (u: unknown): u is Timed =>
  Array.isArray(u) && u.length === 3 && isCount(u[0]) && isCount(u[1]) && u[1] > 0 && isDuration(u[2])

const areLong = (u: unknown): boolean => isListOf(u, isTimed) && u.length <= mostLongest

const outcomes: ReadonlySet<string> = new Set<protocol.EncodedOutcome["_tag"]>([
  "Error",
  "Failure",
  "NotSerializable",
  "TimedOut"
])

/** What is in it can be of a task's own making: where it makes no sense, that fails its item (F8). */
const isOutcome = (u: unknown): u is protocol.EncodedOutcome => isTagged(u) && outcomes.has(u._tag)

/** How many items there are is known to whoever has sent them: it compares. */
const isResults = ({ chunk, count, ended, from, long, millis, others, values }: Fields): boolean =>
  typeof ended === "boolean" &&
  isCount(chunk) &&
  isCount(from) &&
  isCount(count) &&
  isDuration(millis) &&
  Array.isArray(values) &&
  values.length <= count &&
  isListOf(
    others,
    (other): other is protocol.Results["others"][number] =>
      Array.isArray(other) && isCount(other[0]) && other[0] < count && isOutcome(other[1])
  ) &&
  (long === undefined || areLong(long))

const isDirection = (u: unknown): boolean => u === "input" || u === "output" || u === "error"

const isHookResult = (u: unknown): boolean => {
  if (!isTagged(u)) return false
  switch (u._tag) {
    case "Success":
    case "TimedOut":
    case "Interrupted":
      return true
    case "Error":
      return isTagged(u["value"])
    case "Failure":
    case "NotLoaded":
      return isTagged(u["cause"])
    default:
      return u._tag === "NotSerializable" && isDirection(u["direction"]) && isTagged(u["cause"])
  }
}

const isStage = (u: unknown): boolean => u === "services" || u === "init"

/** A worker can set no number of the pool's, nor more of them than a cell has. */
const isNumbers = ({ from, values }: Fields): boolean =>
  isCount(from) &&
  Array.isArray(values) &&
  values.length <= 3 &&
  values.every((value, offset) => Number.isSafeInteger(value) && control.isWorkers(from + offset))

/** Each record is looked at when it is told. */
const isObserved = ({ at, first, records }: Fields): boolean =>
  isCount(first) &&
  isTime(at) &&
  isListOf(
    records,
    (record): record is unknown => isTagged(record) || (Array.isArray(record) && record[0] === "Log")
  ) &&
  isCount(first + records.length)

export const isFromWorker = (u: unknown): u is protocol.FromWorker =>
  // what is to be restored of it is gone through before anything else
  isObject(u) && (u["buffers"] === undefined || isList(u["buffers"])) && isMessage(u)

const isMessage = (u: Fields): boolean => {
  switch (u["_tag"]) {
    case "Ready":
    case "Repeated":
      return true
    case "Results":
      return isResults(u)
    case "Initialised":
      return isHookResult(u["result"]) && isStage(u["stage"])
    case "Exited":
    case "Closed":
      return isHookResult(u["result"])
    case "NotLoaded":
      return isCount(u["chunk"]) && isTagged(u["cause"])
    case "Uncaught":
      return isTagged(u["cause"])
    case "Numbers":
      return isNumbers(u)
    case "Observed":
      return isObserved(u)
    case "Unreadable":
      return isCount(u["number"]) && isTagged(u["cause"])
    default:
      return false
  }
}
