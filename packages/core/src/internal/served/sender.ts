/**
 * Sends a worker's messages, prepared for their way, and keeps those that the pool may be unable to read until it has
 * read them (F4). Free of Effect.
 */
import type { Channel, Control, Transferable } from "../../Channel.ts"
import * as realTime from "../task/realTime.ts"
import { ReadNumber } from "../wire/control.ts"
import * as failure from "../wire/failure.ts"
import * as packing from "../wire/packing.ts"
import type * as protocol from "../wire/protocol.ts"
import { uncloneable as uncloneableResult } from "./hookResults.ts"

/** A message with objects of users' in it. */
interface Kept {
  readonly number: protocol.MessageNumber
  readonly message: protocol.FromWorker
  /** Whether some of its memory was moved to the pool, which then cannot be sent again. */
  readonly moved: boolean
}

/** How long a message may stay in memory for nothing, after the pool has read it, in milliseconds. */
const longest = 50

export class Sender {
  private readonly channel: Channel
  private readonly read: ReadNumber
  private count = 0
  /** Set while there is something to be told of what Effects did: called before any other message is sent (O3). */
  observed: (() => void) | undefined = undefined
  /** Those that the pool may not have read, in the order of their numbers. */
  private kept: Array<Kept> = []
  private timer: realTime.Timer = undefined
  private isStopped = false

  constructor(channel: Channel, control: Control) {
    this.channel = channel
    this.read = new ReadNumber(control)
  }

  /** Sends a message with nothing of users' in it, or primitives only. */
  sendPlain(message: protocol.FromWorker): void {
    this.observed?.()
    this.channel.send(message)
    this.count++
  }

  /** Throws, and sends nothing, when the message cannot be cloned. */
  send(message: protocol.FromWorker, transfers?: Array<Transferable>): void {
    this.observed?.()
    const sent: protocol.FromWorker = { ...message, kept: true }
    this.channel.send(packing.pack(sent, this.channel.inspect, transfers), transfers)
    const number = this.count++
    if (this.isStopped) return
    this.forget()
    this.kept[this.kept.length] = { number, message, moved: transfers !== undefined && transfers.length > 0 }
    this.forgetLater()
  }

  /** Throws what `send` would throw for the value. */
  readonly check = (value: unknown): void => packing.check(value, this.channel)

  /** Sends again what was in the message of that number, which the pool could not read for the reason `why`. */
  repeat(number: protocol.MessageNumber, why: failure.EncodedValue): void {
    const kept = this.kept.find((kept) => kept.number === number)
    const message = kept?.message
    if (message?._tag === "Results") this.repeatResults(message, kept!.moved, failure.decodeOrDescribe(why))
    else if (message !== undefined) this.sendAgain(described(message, failure.decodeOrDescribe(why)))
    this.sendPlain({ _tag: "Repeated" })
    // it may not overtake what has yet to be repeated
    if (message?._tag === "Results" && message.ended) this.sendPlain(endOf(message))
  }

  private repeatResults(message: protocol.Results, moved: boolean, why: unknown): void {
    const { count, from, others } = message
    const outcomes = new Map(others)
    for (let offset = 0; offset < count; offset++) {
      const other = outcomes.get(offset)
      const alone = {
        ...message,
        from: from + offset,
        count: 1,
        millis: offset === 0 ? message.millis : 0,
        long: offset === 0 ? message.long : undefined,
        values: [message.values[offset]],
        others: other === undefined ? [] : [[0, other] as const],
        ended: false
      }
      try {
        if (count === 1 || moved) throw why
        this.sendAgain(alone)
      } catch (why) {
        this.sendAgain({ ...alone, values: [undefined], others: [[0, notSerializable(other, why)]] })
      }
    }
  }

  private sendAgain(message: protocol.FromWorker): void {
    this.send({ ...message, again: true })
  }

  /** Forgets what the pool has read. */
  forget(): void {
    const { kept, read } = this
    if (kept.length === 0 || !read.isPast(kept[0]!.number)) return
    this.kept = kept.filter(({ number }) => !read.isPast(number))
  }

  /**
   * The pool reads nothing more, so that nothing need be kept for it. Where a worker's end does not end its thread, it would be
   * looked at for ever.
   */
  stop(): void {
    this.isStopped = true
    realTime.cancel(this.timer)
    this.kept = []
  }

  private forgetLater(): void {
    if (this.timer !== undefined) return
    this.timer = realTime.afterIfRunning(longest, () => {
      this.timer = undefined
      this.forget()
      if (this.kept.length > 0) this.forgetLater()
    })
  }
}

const endOf = (message: protocol.Results): protocol.Results => ({
  ...message,
  from: message.from + message.count,
  count: 0,
  millis: 0,
  long: undefined,
  values: [],
  others: []
})

/** The outcome that takes the place of one that cannot be read at the other end. */
const notSerializable = (other: protocol.EncodedOutcome | undefined, why: unknown): protocol.EncodedOutcome => ({
  _tag: "NotSerializable",
  direction: other === undefined ? "output" : directionOf(other),
  cause: failure.encodeUncloneable(original(other), why)
})

/** Which way what cannot cross was going. */
export const directionOf = (outcome: protocol.EncodedOutcome): "input" | "output" | "error" => {
  if (outcome._tag === "NotSerializable") return outcome.direction
  return outcome._tag === "Error" ? "output" : "error"
}

/** The error that an outcome was made of. */
const original = (outcome: protocol.EncodedOutcome | undefined): unknown => {
  if (outcome?._tag === "Error") return failure.decodeOrDescribe(outcome.value)
  if (outcome?._tag !== "Failure") return undefined
  const [reason] = outcome.reasons
  if (reason?._tag === "Fail") return failure.decodeOrDescribe(reason.error)
  return reason?._tag === "Die" ? failure.decodeOrDescribe(reason.defect) : undefined
}

/** A message with a description in the place of what cannot be read at the other end. */
const described = (message: protocol.FromWorker, why: unknown): protocol.FromWorker => {
  switch (message._tag) {
    case "Initialised":
    case "Exited":
    case "Closed":
      return { ...message, result: uncloneableResult(message.result, why) }
    case "NotLoaded":
    case "Uncaught":
      return { ...message, cause: failure.encodeUncloneable(failure.decodeOrDescribe(message.cause), why) }
    default:
      return message
  }
}
