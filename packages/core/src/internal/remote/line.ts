import type { Connection, Transferable } from "../../Channel.ts"
import type * as protocol from "../wire/protocol.ts"

/** The pool's end of a worker's channel, which sends only messages of the protocol. */
export interface Line extends Omit<Connection, "send"> {
  /** Throws, and sends nothing, when the message cannot be cloned. */
  readonly send: (message: protocol.ToWorker, transfers?: Array<Transferable>) => void
}
