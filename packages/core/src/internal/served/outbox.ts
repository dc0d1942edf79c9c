/**
 * Gathers outcomes in a worker, encodes them, and reports them to the pool in one message.
 */
import type { Transferable } from "../../Channel.ts"
import type { NotSerializable } from "../../WorkerPoolError.ts"
import { type CauseLike, crossesAsItIs, type ExitLike } from "../task/shapes.ts"
import type { Codec, TaskCodecs } from "../wire/codec.ts"
import * as failure from "../wire/failure.ts"
import type { Timed } from "../wire/longest.ts"
import { clone } from "../wire/packing.ts"
import type * as protocol from "../wire/protocol.ts"
import { directionOf, type Sender } from "./sender.ts"

/** Sends the outcomes. */
export type Sending = Pick<Sender, "check" | "send" | "sendPlain">

/** How an item ended. */
export type ItemExit = ExitLike | (protocol.EncodedOutcome & { readonly _tag: "TimedOut" | "NotSerializable" })

export const timedOut: ItemExit = { _tag: "TimedOut" }

export const notSerializable = (direction: "input" | "output" | "error", cause: unknown) =>
  ({ _tag: "NotSerializable", direction, cause: failure.encodeOrDescribe(cause) }) as const

/** The chunk whose outcomes are reported. */
export interface Reported {
  readonly run: protocol.Run
  /** How many milliseconds have passed since the last call, or else since the chunk's first item began. */
  readonly lap: () => number
  /** What took long and has not been told before, if anything did. */
  readonly takeLong: () => ReadonlyArray<Timed> | undefined
}

/** Outcomes of consecutive items of a chunk, for one message. */
export class Outbox {
  readonly chunk: Reported
  /** From this time on, by `realTime.now()`, they are to be sent before another item starts. */
  readonly due: number
  /** The position of the first item. */
  private readonly from: number
  private count = 0
  private values: Array<unknown> = []
  /** Whether there are objects in it, of which the channel has to know. */
  private hasObjects = false
  /** Outcomes that are not simply values, by their offset from the first. */
  private others: Array<readonly [number, protocol.EncodedOutcome]> = []
  /** The errors that `others` were made from, to describe one that cannot be cloned. */
  private readonly originals = new Map<number, unknown>()
  private transfers: Array<Transferable> = []
  /** The offsets of results that have memory in `transfers`; made when there is one. */
  private moving: Set<number> | undefined = undefined

  /** `from` is the position of the first item, and `since` is when it began. */
  constructor(chunk: Reported, from: number, since: number) {
    this.chunk = chunk
    this.from = from
    // with interval 0 the loop itself sends each outcome, except a chunk's last one, which goes with the chunk's end
    this.due = since + (chunk.run.reportInterval || 1)
  }

  /** Whether the outcome of the item at `position` of `chunk` can come next. */
  continues(chunk: Reported, position: number): boolean {
    return chunk === this.chunk && position === this.from + this.count
  }

  succeed(value: unknown, codecs: TaskCodecs | undefined, discard: boolean, item: unknown): void {
    if (discard) this.count++
    else if (codecs?.output === undefined && crossesAsItIs(value)) this.values[this.count++] = value
    else this.encode(value, codecs?.output, item)
  }

  /** Adds a result by its Schema, or taken apart if it is an error. Proxies, getters and Schemas may throw (F8). */
  private encode(value: unknown, output: TaskCodecs["output"], item: unknown): void {
    try {
      if (output !== undefined) {
        const before = this.transfers.length
        const encoded = output.encode(value, this.transfers, item)
        this.values[this.count] = encoded
        if (!crossesAsItIs(encoded)) this.hasObjects = true
        if (this.transfers.length > before) (this.moving ??= new Set()).add(this.count)
      } else if (value instanceof Error) {
        this.originals.set(this.count, value)
        return this.other({ _tag: "Error", value: failure.encode(value) })
      } else {
        this.hasObjects = true
        this.values[this.count] = value
      }
      this.count++
    } catch (cause) {
      this.other(notSerializable("output", cause))
    }
  }

  /** Adds how an item ended. An Exit may be of the task's own making: what cannot be read fails the item (F4, F8). */
  exit(exit: ItemExit, codecs: TaskCodecs | undefined, discard: boolean, item: unknown): void {
    try {
      switch (exit._tag) {
        case "Success":
          return this.succeed(exit.value, codecs, discard, item)
        case "Failure":
          return this.fail(exit.cause, codecs?.error)
        case "TimedOut":
        case "NotSerializable":
          return this.other(exit)
      }
      throw new TypeError("The task returned an Exit that is neither a Success nor a Failure")
    } catch (why) {
      this.other(notSerializable("error", why))
    }
  }

  private fail(cause: CauseLike, codec: Codec | undefined): void {
    const [first] = cause.reasons
    const original = first !== undefined && "error" in first ? first.error : (first as { defect?: unknown })?.defect
    this.originals.set(this.count, original)
    try {
      const reasons = failure.encodeCause(
        cause,
        codec && ((error) => ({ _tag: "Schema", value: codec.encode(error, this.transfers) }))
      )
      this.other({ _tag: "Failure", reasons })
    } catch (why) {
      this.other(codec === undefined ? this.uncloneable("error", this.count, why) : notSerializable("error", why))
    }
  }

  other(outcome: protocol.EncodedOutcome): void {
    this.hasObjects = true
    this.values[this.count] = undefined
    this.others[this.others.length] = [this.count, outcome]
    this.count++
  }

  /** Sends the outcomes; `ended`: the chunk has ended. */
  send(sender: Sending, ended: boolean): void {
    const millis = this.chunk.lap()
    const long = this.chunk.takeLong()
    if (!this.hasObjects) return sender.sendPlain(this.message(ended, millis, long))
    const trySend = (): boolean => {
      try {
        sender.send(this.message(ended, millis, long), this.transfers)
        return true
      } catch {
        return false
      }
    }
    if (trySend()) return
    this.replaceUncloneable((value) => {
      sender.check(value)
      return value
    })
    if (trySend()) return
    // a getter or a Proxy gave the check another answer than the channel, or what is to move has moved before: of a copy
    // there is but one answer
    this.transfers = []
    this.moving = undefined
    this.replaceUncloneable((value) => {
      const copy = clone(value) as typeof value
      sender.check(copy)
      return copy
    })
    sender.send(this.message(ended, millis, long), this.transfers)
  }

  private message(ended: boolean, millis: number, long: protocol.Results["long"]): protocol.Results {
    const { count, from, others, values } = this
    const message = {
      _tag: "Results",
      chunk: this.chunk.run.chunk,
      from,
      count,
      millis,
      values,
      others,
      ended
    } as const
    // almost never: what is told has to be among the longest of all
    return long === undefined ? message : { ...message, long }
  }

  /** Replaces each outcome by what `take` returns; one for which it throws, by one that says why (F4). */
  private replaceUncloneable(take: <A>(value: A) => A): void {
    const takeOr = <A, B>(value: A, otherwise: (why: unknown) => B): A | B => {
      try {
        return take(value)
      } catch (why) {
        return otherwise(why)
      }
    }
    this.others = this.others.map(([offset, outcome]) => [
      offset,
      takeOr(outcome, (why) => this.uncloneable(directionOf(outcome), offset, why))
    ])
    this.values = this.values.map((value, offset) => {
      // what is moved need not be cloneable
      if (this.moving?.has(offset) === true) return value
      return takeOr(value, (why) => void this.others.push([offset, this.uncloneable("output", offset, why)]))
    })
  }

  /** The outcome that says why the one at `offset` cannot cross, and which error that was, if it was one. */
  private uncloneable(direction: NotSerializable["direction"], offset: number, why: unknown): protocol.EncodedOutcome {
    return { _tag: "NotSerializable", direction, cause: failure.encodeUncloneable(this.originals.get(offset), why) }
  }
}
