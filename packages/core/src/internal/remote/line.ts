/**
 * The pool's end of a worker's channel: it sends only messages of the protocol, prepared for their way, and counts them.
 */
import type { Connection, Control, Transferable } from "../../Channel.ts"
import { lagOf } from "../common/lag.ts"
import * as packing from "../wire/packing.ts"
import type * as protocol from "../wire/protocol.ts"
import { ToldNumbers } from "../wire/toldNumbers.ts"

export class Line {
  /** The numbers that both ends know: shared, or told by messages. */
  readonly control: Control
  /** Whether both sides see what either writes to shared memory. */
  readonly shares: boolean
  /** Whether transfers are moved, so that they cannot be sent again. */
  readonly moves: boolean
  /** How long numbers and messages are on their way, in milliseconds; `undefined` where numbers are shared, or told. */
  readonly lag: (() => number) | undefined
  readonly stayAwake: Connection["stayAwake"]
  private readonly connection: Connection
  private count = 0

  constructor(connection: Connection) {
    const { control, moves = true, shares = false, stayAwake } = connection
    this.control = control ?? new ToldNumbers((from, values) => this.sendPlain({ _tag: "Numbers", from, values }))
    this.lag = control?.lag && (() => lagOf(() => control.lag?.()))
    this.shares = shares
    this.moves = moves
    this.stayAwake = stayAwake
    this.connection = connection
  }

  /**
   * Sends a message and returns its number: the worker, which counts too, tells by it which message it could not read.
   * Throws, and sends nothing, when the message cannot be cloned.
   */
  send(message: protocol.ToWorker, transfers?: Array<Transferable>): protocol.MessageNumber {
    return this.sendPlain(packing.pack(message, this.connection.inspect, transfers), transfers)
  }

  /** As `send`, for a message that other workers are sent as well. */
  sendCode(message: protocol.ToWorker): protocol.MessageNumber {
    const { connection } = this
    if (connection.sendCode === undefined) return this.send(message)
    connection.sendCode(packing.pack(message, connection.inspect))
    return this.count++
  }

  /** As `send`, for a message without objects of users' in it. */
  sendPlain(message: protocol.ToWorker, transfers?: Array<Transferable>): protocol.MessageNumber {
    this.connection.send(message, transfers)
    return this.count++
  }

  /** Throws what `send` would throw for the value. */
  readonly check = (value: unknown): void => packing.check(value, this.connection)
}
