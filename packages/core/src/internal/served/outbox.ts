/**
 * Outcomes on their way from a worker to its pool: gathered, encoded, and sent in one message.
 */
import type { Transferable } from "../../Channel.ts"
import type { TaskCodecs } from "../wire/codec.ts"
import type { CauseLike, ExitLike } from "../task/shapes.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"

/** How an item ended. */
export type ItemExit = ExitLike | (protocol.EncodedOutcome & { readonly _tag: "TimedOut" | "NotSerializable" })

export const timedOut: ItemExit = { _tag: "TimedOut" }

export const notSerializable = (direction: "input" | "output" | "error", cause: unknown) =>
  ({ _tag: "NotSerializable", direction, cause: failure.encode(cause) }) as const

/** Sends a message; throws when it cannot be cloned. */
export type Send = (message: protocol.FromWorker, transfers?: Array<Transferable>) => void

/** What is said with the outcomes of a chunk's items. */
export interface Reported {
  readonly run: protocol.Run
  /** How long the items took that have ended since this was asked last, in milliseconds. */
  readonly lap: () => number
}

/** Outcomes of items that stand one after another in a chunk, on their way to the pool. */
export class Outbox {
  readonly chunk: number
  /** When the next item boundary is one to send them at. */
  readonly due: number
  private readonly of: Reported
  private readonly from: number
  private count = 0
  private values: Array<unknown> = []
  private others: Array<readonly [number, protocol.EncodedOutcome]> = []
  /** What `others` were before they were encoded, to say what cannot be cloned. */
  private readonly originals = new Map<number, unknown>()
  private readonly transfers: Array<Transferable> = []

  /** `since` is when the first of them began. */
  constructor(of: Reported, from: number, since: number) {
    this.of = of
    this.chunk = of.run.chunk
    this.from = from
    // where each is sent by itself, the last one goes with the chunk's end
    this.due = since + (of.run.reportInterval || 1)
  }

  continues(chunk: number, position: number): boolean {
    return chunk === this.chunk && position === this.from + this.count
  }

  succeed(value: unknown, codecs: TaskCodecs | undefined, discard: boolean, item: unknown): void {
    if (discard) {
      this.count++
    } else if (codecs?.output !== undefined) {
      try {
        this.values[this.count] = codecs.output.encode(value, this.transfers, item)
        this.count++
      } catch (cause) {
        this.other(notSerializable("output", cause))
      }
    } else if (typeof value === "object" && value instanceof Error) {
      this.originals.set(this.count, value)
      this.other({ _tag: "Error", value: failure.encode(value) })
    } else {
      this.values[this.count++] = value
    }
  }

  fail(cause: CauseLike, codecs: TaskCodecs | undefined): void {
    const codec = codecs?.error
    this.originals.set(this.count, cause.reasons.map((reason) => ("error" in reason ? reason.error : undefined))[0])
    try {
      const reasons = failure.encodeCause(
        cause,
        codec && ((error) => ({ _tag: "Schema", value: codec.encode(error, this.transfers) }))
      )
      this.other({ _tag: "Failure", reasons })
    } catch (why) {
      this.other(notSerializable("error", why))
    }
  }

  other(outcome: protocol.EncodedOutcome): void {
    this.values[this.count] = undefined
    this.others.push([this.count, outcome])
    this.count++
  }

  /** `check` throws for a value that `send` would throw for. */
  send(send: Send, check: (value: unknown) => void, ended: boolean): void {
    const millis = this.of.lap()
    try {
      send(this.message(ended, millis), this.transfers)
    } catch {
      this.replaceUncloneable((value) => {
        try {
          // what is moved is not copied; trying moves nothing
          if (!this.transfers.includes(value as Transferable)) check(value)
          return undefined
        } catch (why) {
          return why
        }
      })
      send(this.message(ended, millis), this.transfers)
    }
  }

  private message(ended: boolean, millis: number): protocol.Results {
    const { chunk, count, from, others, values } = this
    return { _tag: "Results", chunk, from, count, millis, values, others, ended }
  }

  /** Something in the message cannot be cloned: finds what, and says so in its place (F4). */
  private replaceUncloneable(whyUncloneable: (value: unknown) => unknown): void {
    this.others = this.others.map(([offset, outcome]) => {
      const why = whyUncloneable(outcome)
      if (why === undefined) return [offset, outcome]
      const direction = outcome._tag === "Error" ? "output" : "error"
      const cause = failure.encodeUncloneable(this.originals.get(offset), why)
      return [offset, { _tag: "NotSerializable", direction, cause }]
    })
    const values = this.values
    this.values = values.map((value, offset) => {
      const why = whyUncloneable(value)
      if (why === undefined) return value
      this.others.push([offset, notSerializable("output", why)])
      return undefined
    })
  }
}
