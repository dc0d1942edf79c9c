/**
 * Remembers which addresses a remote worker has been told, and the numbers that stand for them in messages.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"
import * as failure from "../wire/failure.ts"
import type * as protocol from "../wire/protocol.ts"
import type { Line } from "./line.ts"

/** Says why a worker must not load the module of that URL; `undefined` when it may (F3). */
export type Refuse = (url: string) => string | undefined

interface Known {
  readonly reference: protocol.Reference
  /** The number of the message that told it. */
  readonly told: protocol.MessageNumber
}

export class KnownAddresses {
  private readonly line: Pick<Line, "send" | "sendPlain">
  private readonly refuse: Refuse
  private readonly known = new Map<string, Known>()
  private readonly stopListening: () => void
  private nextReference = 0

  constructor(line: Pick<Line, "send" | "sendPlain">, refuse: Refuse = () => undefined) {
    this.line = line
    this.refuse = refuse
    this.stopListening = portable.listenCollected((key) => this.forget(key))
  }

  /** The number of the code's address; sends a new address first. Throws if a bound value cannot be cloned. */
  referenceOf(code: Code): protocol.Reference {
    return this.referenceTo(portable.definition(code).address as portable.Remote)
  }

  /** The worker could not read the message of that number: if it told an address, whoever uses that fails (F4). */
  unreadable(number: protocol.MessageNumber, cause: failure.EncodedValue): void {
    for (const { reference, told } of this.known.values()) {
      if (told !== number) continue
      this.line.sendPlain({ _tag: "Define", reference, address: { _tag: "Lost", cause }, again: true })
    }
  }

  /** To be called when nothing more is asked of the worker: the listener is global, and keeps this in memory. */
  close(): void {
    this.stopListening()
    this.known.clear()
  }

  private referenceTo(address: portable.Remote): protocol.Reference {
    const key = portable.key(address)
    const known = this.known.get(key)
    if (known !== undefined) return known.reference
    const reference = this.nextReference++
    const described = this.describe(address)
    const told = this.line.send({ _tag: "Define", reference, address: described })
    this.known.set(key, { reference, told })
    return reference
  }

  private describe(address: portable.Remote): protocol.Described {
    if (address._tag === "Export") {
      const why = this.refuse(address.url)
      return why === undefined ? address : { _tag: "Refused", url: address.url, why }
    }
    if (address._tag === "Inline") return address
    const { target, value } = address
    const isError = value instanceof Error
    return { _tag: "Bound", target: this.referenceTo(target), value: isError ? failure.encode(value) : value, isError }
  }

  /** A bound address was garbage-collected here, so no call can use it any more: has the worker drop its value. */
  private forget(key: string): void {
    const known = this.known.get(key)
    if (known === undefined) return
    this.known.delete(key)
    this.line.sendPlain({ _tag: "Forget", reference: known.reference })
  }
}
