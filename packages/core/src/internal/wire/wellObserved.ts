/**
 * Whether a record is one that a worker tells of its Effects (F6): what the pool's end would go through for minutes, or could
 * not make sense of, is none. What users name is any text, and their Clocks may say anything. Free of Effect.
 */
import { isCount, isList, isListOf, isNumber, isObject, isRecord, isTagged, isText, isTime } from "./checks.ts"
import { type ObservedRecord, rows } from "./observed.ts"

type Fields = Readonly<Record<string, unknown>>

/** Series and what is done to them are looked at where that is done again. */
export const isObserved = (u: unknown): u is ObservedRecord => {
  if (Array.isArray(u)) return isLine(u)
  if (!isTagged(u) || !isChunk(u["chunk"]) || !isCount(u["position"])) return false
  switch (u._tag) {
    case "LogsDropped":
      return isCount(u["count"]) && isNumber(u["time"])
    case "Metric":
    case "MetricRemoved":
      return true
    case "Spans":
      return areRows(u["rows"])
    case "SpanChange":
      return isName(u["id"]) && areAdditions(u["attributes"], u["events"], u["links"])
    case "Items":
      return isListOf(u["items"], isItem)
    case "ItemsEnded":
      return isListOf(u["items"], isItemsEnd)
    default:
      return false
  }
}

/** -1 is the pool's own. */
const isChunk = (u: unknown): boolean => Number.isSafeInteger(u) && (u as number) >= -1

// ---------------------------------------------------------------------------
// Lines
// ---------------------------------------------------------------------------

const isLine = (u: ReadonlyArray<unknown>): boolean => {
  const [tag, chunk, position, level, time, parts, around] = u
  return (
    tag === "Log" &&
    isChunk(chunk) &&
    isCount(position) &&
    isText(level) &&
    isNumber(time) &&
    isList(parts) &&
    parts.every(isCarried) &&
    (around === undefined || isAround(around, parts.length))
  )
}

const isAround = (u: unknown, parts: number): boolean => {
  if (!isObject(u)) return false
  const { annotations, cause, errors, span, spans, without } = u
  return (
    (errors === undefined || isListOf(errors, (n): n is number => isCount(n) && n < parts)) &&
    (cause === undefined || isCarried(cause)) &&
    (annotations === undefined || areValues(annotations)) &&
    (without === undefined || isListOf(without, isText)) &&
    (spans === undefined || isListOf(spans, isLogSpan)) &&
    (span === undefined || isName(span))
  )
}

const isLogSpan = (u: unknown): u is readonly [label: string, start: number] =>
  Array.isArray(u) && u.length === 2 && isName(u[0]) && isNumber(u[1])

/** What users name something, which need not be a text. */
const isName = (u: unknown): boolean => (typeof u === "object" ? u === null : isCarried(u))

// ---------------------------------------------------------------------------
// Spans
// ---------------------------------------------------------------------------

const areRows = (u: unknown): boolean => {
  if (!Array.isArray(u)) return false
  const all: ReadonlyArray<unknown> = u
  for (let next = 0; next < all.length;) {
    switch (all[next]) {
      case rows.begun:
        if (!hasBegun(all, next)) return false
        next += 12
        break
      case rows.ended:
        if (!hasEnded(all, next)) return false
        next += 7
        break
      default:
        return false
    }
  }
  return true
}

const hasBegun = (all: ReadonlyArray<unknown>, at: number): boolean =>
  all.length >= at + 12 &&
  isName(all[at + 1]) &&
  isName(all[at + 2]) &&
  isText(all[at + 3]) &&
  isName(all[at + 4]) &&
  isNanos(all[at + 5]) &&
  (all[at + 6] === undefined || isNanos(all[at + 6])) &&
  isName(all[at + 7]) &&
  areAdditions(all[at + 8], all[at + 9], all[at + 10]) &&
  isCarried(all[at + 11])

const hasEnded = (all: ReadonlyArray<unknown>, at: number): boolean =>
  all.length >= at + 7 &&
  isText(all[at + 1]) &&
  isNanos(all[at + 2]) &&
  areAdditions(all[at + 3], all[at + 4], all[at + 5]) &&
  isCarried(all[at + 6])

const isNanos = (u: unknown): boolean => typeof u === "bigint" && isShort(u)

const areAdditions = (attributes: unknown, events: unknown, links: unknown): boolean =>
  (attributes === undefined || arePairs(attributes)) &&
  (events === undefined || isListOf(events, isEvent)) &&
  (links === undefined || isListOf(links, isLink))

/** Names and values by turns. */
const arePairs = (u: unknown): boolean => {
  if (!Array.isArray(u) || u.length % 2 > 0) return false
  for (let n = 0; n < u.length; n += 2) if (!isText(u[n]) || !isCarried(u[n + 1])) return false
  return true
}

const isEvent = (u: unknown): u is unknown =>
  Array.isArray(u) && isName(u[0]) && isNanos(u[1]) && (u[2] === undefined || arePairs(u[2]))

const isLink = (u: unknown): u is unknown =>
  isObject(u) && isName(u["traceId"]) && isName(u["spanId"]) && areValues(u["attributes"])

const isItem = (u: unknown): u is unknown =>
  Array.isArray(u) && isCount(u[0]) && isText(u[1]) && isTime(u[2]) && (u[3] === undefined || isTime(u[3]))

const isItemsEnd = (u: unknown): u is unknown => Array.isArray(u) && isCount(u[0]) && isTime(u[1])

// ---------------------------------------------------------------------------
// What is carried
// ---------------------------------------------------------------------------

/** How many objects a record has at most, and within each other: more than a worker carries of anything. */
const most = { together: 100_000, deep: 100 }

const areValues = (u: unknown): boolean => isRecord(u) && isCarried(u)

/** Whether it has become text in no time, whoever writes it: workers carry nothing else (`carried.ts`). */
const isCarried = (u: unknown): boolean => {
  if (typeof u === "object") return u === null || new Look().isFinite(u, 0)
  return typeof u !== "bigint" || isShort(u)
}

const mostDigits = BigInt(10) ** BigInt(1000)

const isShort = (u: bigint): boolean => u > -mostDigits && u < mostDigits

/** Goes through a value once for each way that leads to a part of it, as whoever prints it does. */
class Look {
  private count = 0

  isFinite(u: unknown, depth: number): boolean {
    if (typeof u === "bigint") return isShort(u)
    if (typeof u !== "object" || u === null) return true
    if (depth > most.deep || ++this.count > most.together) return false
    if (Array.isArray(u)) return isList(u) && u.every((one) => this.isFinite(one, depth + 1))
    if (u instanceof Map) return this.areFinite(u.keys(), depth) && this.areFinite(u.values(), depth)
    if (u instanceof Set) return this.areFinite(u, depth)
    if (ArrayBuffer.isView(u)) return true
    if (u instanceof Error && !this.isFinite(u.cause, depth + 1)) return false
    for (const key in u) if (!this.isFinite((u as Fields)[key], depth + 1)) return false
    return true
  }

  private areFinite(all: Iterable<unknown>, depth: number): boolean {
    for (const one of all) if (!this.isFinite(one, depth + 1)) return false
    return true
  }
}
