/**
 * Which addresses a remote worker has been told, and by which numbers it knows them.
 */
import type { Code } from "../../WorkerRuntime.ts"
import * as portable from "../task/portable.ts"
import type * as protocol from "../wire/protocol.ts"

export class KnownAddresses {
  private readonly send: (message: protocol.ToWorker) => void
  private readonly references = new Map<string, protocol.Reference>()
  private readonly stopListening: () => void
  private next = 0

  constructor(send: (message: protocol.ToWorker) => void) {
    this.send = send
    this.stopListening = portable.listenCollected((key) => this.forget(key))
  }

  /** The number by which the worker knows the code; the worker is told first when it does not. Throws what cannot be cloned. */
  tell(code: Code): protocol.Reference {
    return this.tellAddress(portable.definition(code).address as portable.Remote)
  }

  /** The worker has ended. */
  close(): void {
    this.stopListening()
    this.references.clear()
  }

  private tellAddress(address: portable.Remote): protocol.Reference {
    const key = portable.key(address)
    const known = this.references.get(key)
    if (known !== undefined) return known
    const reference = this.next++
    const described: protocol.Described =
      address._tag === "Bound"
        ? { _tag: "Bound", target: this.tellAddress(address.target), value: address.value }
        : address
    this.send({ _tag: "Define", reference, address: described })
    this.references.set(key, reference)
    return reference
  }

  /** Nothing on this side can name what was bound any more. */
  private forget(key: string): void {
    const reference = this.references.get(key)
    if (reference === undefined) return
    this.references.delete(key)
    this.send({ _tag: "Forget", reference })
  }
}
