/**
 * Gathers what a worker's Effects log, trace and measure, and tells the pool of it: soon, and always before the results of
 * the items that it is about (O3).
 */
import type { Channel } from "../../Channel.ts"
import * as realTime from "../task/realTime.ts"
import { attempt } from "../common/attempt.ts"
import type { ObservedRecord } from "../wire/observed.ts"
import type { Sender } from "./sender.ts"

/** How long records are held back at most while items go on, in milliseconds. */
const longestPause = 10

/**
 * How often in that time records go at once: what a task tells just before it computes, or hangs, arrives, as no timer fires then.
 * Each time costs the pool's thread a message.
 */
const mostAtOnce = 4

/** How much that may be in the worker still is kept, to go past what is before it, in lines: what is more goes at once. */
const most = 1024

/** How many lines a record counts as, roughly. */
const weightOf = (record: ObservedRecord): number => {
  if (!("_tag" in record)) return 1
  if (record._tag === "Spans") return 1 + record.rows.length / 12
  return record._tag === "Metric" && record.change._tag === "Observe" ? 1 + record.change.values.length / 16 : 1
}

/** How often what is told later is told because a chunk ends, in milliseconds: there may be thousands of chunks a second. */
const leastBetween = 1000

/** What makes a record when it is told: then a span that has ended meanwhile is told of once. */
export type Telling = () => ObservedRecord | undefined

export class Observer {
  private readonly sender: Pick<Sender, "observed" | "sendPlain">
  private readonly channel: Pick<Channel, "aside" | "flushed">
  /** Whether messages can be in the worker for a while after they were sent, and some can go past them. */
  private readonly sendsAside: boolean
  private pending: Array<Telling> = []
  /** The last of them. */
  private last: Telling | undefined = undefined
  /** Those that were sent, and may be in the worker still: they go with whatever must not be lost. */
  private unflushed: Array<ObservedRecord> = []
  /** How many lines those count as. */
  private weight = 0
  private isAskingFlushed = false
  /** How many records have been sent. */
  private count = 0
  /** When records are to be sent at the latest, by `realTime.now()`; at once, unless many have just been sent. */
  private due = Number.NEGATIVE_INFINITY
  /** How often records may go at once until then. */
  private atOnce = 0
  private timer: realTime.Timer = undefined
  /** What is told when its time has come, or when a chunk or the worker ends. */
  private later: Telling | undefined = undefined
  private laterTimer: realTime.Timer = undefined
  /** When such a record was told last because a chunk had ended. */
  private toldAtEnd = Number.NEGATIVE_INFINITY

  constructor(sender: Pick<Sender, "observed" | "sendPlain">, channel: Pick<Channel, "aside" | "flushed">) {
    this.sender = sender
    this.channel = channel
    this.sendsAside = channel.aside !== undefined && channel.flushed !== undefined
  }

  /** Takes a record. One that is urgent arrives even if the worker ends now. `now` is what `realTime.now()` says. */
  add(record: Telling, isUrgent: boolean, now = realTime.now()): void {
    this.pending.push(record)
    this.last = record
    if (isUrgent) this.flush(true)
    else this.flushSoon(now)
  }

  /** As `add`, for what is gathered until it is told: the more of it there is then, the less each takes. */
  addGathering(record: Telling): void {
    this.pending.push(record)
    if (this.sender.observed !== undefined) return
    this.sender.observed = this.flushNow
    this.timer = realTime.afterIfRunning(longestPause, this.flushNow)
  }

  /** Whether records are to be sent, as it is by `realTime.now()`: what computes lets no timer fire. */
  isDue(now: number): boolean {
    return now >= this.due
  }

  /** Something has been added to a record that has yet to be told. */
  added(): void {
    if (this.isDue(realTime.now())) this.flush(false)
  }

  /** Whether a record has yet to be told, and none was added after it. */
  isLast(record: Telling): boolean {
    return this.last === record
  }

  /** As `add`, for what is known only in `millis` milliseconds: there is one such record at a time. */
  addLater(record: Telling, millis: number): void {
    this.later = record
    this.laterTimer = realTime.afterIfRunning(millis, this.tellLater)
  }

  /** Tells now what was to be told later. */
  readonly tellLater = (): void => {
    const { later } = this
    if (later === undefined) return
    realTime.cancel(this.laterTimer)
    this.later = undefined
    this.add(later, false)
  }

  /** A chunk is about to end: what is told before that goes to its caller. */
  chunkEnds(): void {
    if (this.later === undefined) return
    const now = realTime.now()
    if (now - this.toldAtEnd < leastBetween) return
    this.toldAtEnd = now
    this.tellLater()
  }

  /** The worker is told to end, and has time for it. */
  closing(): void {
    this.tellLater()
    this.flush(false)
  }

  /** Has `flush` called before anything else is sent, and within `longestPause`; the first records go at once. */
  private flushSoon(now: number): void {
    const wait = this.due - now
    // what computes lets no timer fire, so the clock is read as well
    if (wait <= 0) this.atOnce = mostAtOnce
    if (this.atOnce > 0) {
      this.atOnce--
      const { due } = this
      this.flush(false)
      if (wait > 0) this.due = due
      return
    }
    if (this.sender.observed !== undefined) return
    this.sender.observed = this.flushNow
    this.timer = realTime.afterIfRunning(wait, this.flushNow)
  }

  /** The worker is about to end: all that is still in it goes past what would be lost. */
  ending(): void {
    this.tellLater()
    this.flush(true)
    if (this.unflushed.length > 0) this.sendAside([], realTime.wallClock())
  }

  /** Tells of all that there is now. */
  readonly flushNow = (): void => this.flush(false)

  private flush(isUrgent: boolean): void {
    realTime.cancel(this.timer)
    this.timer = undefined
    this.sender.observed = undefined
    const { pending } = this
    this.pending = []
    this.last = undefined
    const records: Array<ObservedRecord> = []
    for (const tell of pending) {
      // one that cannot be told is left out, and it alone: whoever sends something is in the middle of it
      const record = attempt(tell, undefined)
      if (record !== undefined) records.push(record)
    }
    if (records.length === 0) return
    this.due = realTime.now() + longestPause
    const at = realTime.wallClock()
    const first = this.count
    this.count += records.length
    if (isUrgent && this.sendsAside) this.sendAside(records, at)
    this.send(first, records, at)
    if (isUrgent || !this.sendsAside) return
    for (const record of records) {
      this.unflushed.push(record)
      this.weight += weightOf(record)
    }
    this.forgetFlushed()
    // nothing leaves the worker while a task computes: what follows must not be without what was before it
    if (this.weight > most) this.sendAside([], at)
  }

  /** Logging fails no item: a record that cannot be sent after all is left out, and it alone. */
  private send(first: number, records: ReadonlyArray<ObservedRecord>, at: number): void {
    try {
      this.sender.sendPlain({ _tag: "Observed", first, records, at })
    } catch {
      if (records.length > 1) records.forEach((record, n) => this.send(first + n, [record], at))
    }
  }

  /** Sends them past all that is still in the worker, with those before them that are. */
  private sendAside(records: ReadonlyArray<ObservedRecord>, at: number): void {
    const all = [...this.unflushed, ...records]
    this.unflushed = []
    this.weight = 0
    this.channel.aside?.({ _tag: "Observed", first: this.count - all.length, records: all, at, aside: true })
  }

  /** Forgets those that have left the worker. */
  private forgetFlushed(): void {
    if (this.isAskingFlushed) return
    this.isAskingFlushed = true
    const { count } = this
    this.channel.flushed?.(() => {
      this.isAskingFlushed = false
      // those sent since may not have left
      const since = this.count - count
      this.unflushed = since === 0 ? [] : this.unflushed.slice(-since)
      this.weight = this.unflushed.reduce((weight, record) => weight + weightOf(record), 0)
      if (this.unflushed.length > 0) this.forgetFlushed()
    })
  }
}
