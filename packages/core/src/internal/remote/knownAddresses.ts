/**
 * Remembers which addresses a remote worker has been told, and the numbers that stand for them in messages.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"
import type * as protocol from "../wire/protocol.ts"
import type { Line } from "./line.ts"

export class KnownAddresses {
  private readonly line: Pick<Line, "send">
  private readonly references = new Map<string, protocol.Reference>()
  private readonly stopListening: () => void
  private nextReference = 0

  constructor(line: Pick<Line, "send">) {
    this.line = line
    this.stopListening = portable.listenCollected((key) => this.forget(key))
  }

  /** The number of the code's address; sends a new address first. Throws if a bound value cannot be cloned. */
  referenceOf(code: Code): protocol.Reference {
    return this.referenceTo(portable.definition(code).address as portable.Remote)
  }

  /** To be called when nothing more is asked of the worker: the listener is global, and keeps this in memory. */
  close(): void {
    this.stopListening()
    this.references.clear()
  }

  private referenceTo(address: portable.Remote): protocol.Reference {
    const key = portable.key(address)
    const known = this.references.get(key)
    if (known !== undefined) return known
    const reference = this.nextReference++
    const described: protocol.Described =
      address._tag === "Bound"
        ? { _tag: "Bound", target: this.referenceTo(address.target), value: address.value }
        : address
    this.line.send({ _tag: "Define", reference, address: described })
    this.references.set(key, reference)
    return reference
  }

  /** A bound address was garbage-collected here, so no call can use it any more: has the worker drop its value. */
  private forget(key: string): void {
    const reference = this.references.get(key)
    if (reference === undefined) return
    this.references.delete(key)
    this.line.send({ _tag: "Forget", reference })
  }
}
