/**
 * Gathers outcomes in a worker, encodes them, and reports them to the pool in one message.
 */
import type { Transferable } from "../../Channel.ts"
import type { CauseLike, ExitLike } from "../task/shapes.ts"
import type { TaskCodecs } from "../wire/codec.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"

/** How an item ended. */
export type ItemExit = ExitLike | (protocol.EncodedOutcome & { readonly _tag: "TimedOut" | "NotSerializable" })

export const timedOut: ItemExit = { _tag: "TimedOut" }

export const notSerializable = (direction: "input" | "output" | "error", cause: unknown) =>
  ({ _tag: "NotSerializable", direction, cause: failure.encode(cause) }) as const

/** Sends a message; throws when it cannot be cloned. */
export type Send = (message: protocol.FromWorker, transfers?: Array<Transferable>) => void

/** The chunk whose outcomes are reported. */
export interface Reported {
  readonly run: protocol.Run
  /** How many milliseconds have passed since the last call, or else since the chunk's first item began. */
  readonly lap: () => number
}

/** Outcomes of consecutive items of a chunk, for one message. */
export class Outbox {
  readonly chunk: Reported
  /** From this time on, by `performance.now()`, they are to be sent before another item starts. */
  readonly due: number
  /** The position of the first item. */
  private readonly from: number
  private count = 0
  private values: Array<unknown> = []
  /** Outcomes that are not simply values, by their offset from the first. */
  private others: Array<readonly [number, protocol.EncodedOutcome]> = []
  /** The errors that `others` were made from, to describe one that cannot be cloned. */
  private readonly originals = new Map<number, unknown>()
  private readonly transfers: Array<Transferable> = []

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

  /** Sends the outcomes. `check` throws for a value that `send` would throw for; `ended`: the chunk has ended. */
  send(send: Send, check: (value: unknown) => void, ended: boolean): void {
    const millis = this.chunk.lap()
    try {
      send(this.message(ended, millis), this.transfers)
    } catch {
      this.replaceUncloneable((value) => {
        try {
          // what is moved need not be cloneable, and `check` cannot know that it is moved
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
    const { count, from, others, values } = this
    return { _tag: "Results", chunk: this.chunk.run.chunk, from, count, millis, values, others, ended }
  }

  /** Replaces each outcome that cannot be cloned by one that says why not (F4). */
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
