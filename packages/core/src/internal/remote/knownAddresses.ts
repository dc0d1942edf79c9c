/**
 * Remembers which addresses a remote worker has been told, and the numbers that stand for them in messages.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Connection } from "../../Channel.ts"
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
  private readonly line: Pick<Line, "sendCode" | "sendPlain">
  private readonly refuse: Refuse
  private readonly worker: Pick<Connection, "locate" | "refuseInline">
  /** Those that find out where modules are for the worker, by the modules' URLs here (K10). */
  private readonly locating = new Map<string, Fiber.Fiber<void>>()
  /** Those of them that the worker has not been told. */
  private readonly unlocated = new Set<string>()
  private readonly known = new Map<string, Known>()
  private readonly stopListening: () => void
  private nextReference = 0

  constructor(
    line: Pick<Line, "sendCode" | "sendPlain">,
    refuse: Refuse = () => undefined,
    worker: Pick<Connection, "locate" | "refuseInline"> = {}
  ) {
    this.line = line
    this.refuse = refuse
    this.worker = worker
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
    for (const fiber of this.locating.values()) Effect.runFork(Fiber.interrupt(fiber))
    this.locating.clear()
  }

  private referenceTo(address: portable.Remote): protocol.Reference {
    const key = portable.key(address)
    const known = this.known.get(key)
    if (known !== undefined) return known.reference
    const reference = this.nextReference++
    const described = this.describe(address)
    const told = this.line.sendCode({ _tag: "Define", reference, address: described })
    this.known.set(key, { reference, told })
    if (described._tag === "Elsewhere") this.locate(described.url)
    return reference
  }

  private describe(address: portable.Remote): protocol.Described {
    if (address._tag === "Export") {
      const { name, url } = address
      const why = this.refuse(url)
      if (why !== undefined) return { _tag: "Refused", url, why }
      return this.worker.locate === undefined ? address : { _tag: "Elsewhere", url, name }
    }
    if (address._tag === "Inline") {
      const why = this.worker.refuseInline?.()
      return why === undefined ? address : { _tag: "RefusedInline", cause: failure.encodeOrDescribe(why) }
    }
    const { target, value } = address
    const isError = value instanceof Error
    return { _tag: "Bound", target: this.referenceTo(target), value: isError ? failure.encode(value) : value, isError }
  }

  /** Whether the worker has not been told yet where a module is, so that it cannot have begun to load it. */
  isLocating(url: string | undefined): boolean {
    return url !== undefined && this.unlocated.has(url)
  }

  /** Finds out where a module is for the worker, which waits for that only if it is to load it (K10). */
  private locate(url: string): void {
    if (this.locating.has(url)) return
    this.unlocated.add(url)
    const located = Effect.suspend(() => this.worker.locate!(url)).pipe(
      Effect.flatMap((at) => this.tellLocated({ _tag: "Located", url, at })),
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.void
        const why = Cause.squash(cause)
        return Effect.catchCause(
          this.tellLocated({ _tag: "Located", url, cause: failure.encodeOrDescribe(why) }),
          // what cannot be cloned is described
          (told) =>
            this.tellLocated({ _tag: "Located", url, cause: failure.encodeUncloneable(why, Cause.squash(told)) })
        )
      })
    )
    this.locating.set(url, Effect.runFork(located))
  }

  private tellLocated(message: protocol.Located): Effect.Effect<void> {
    return Effect.sync(() => {
      this.line.sendPlain(message)
      this.unlocated.delete(message.url)
    })
  }

  /** A bound address was garbage-collected here, so no call can use it any more: has the worker drop its value. */
  private forget(key: string): void {
    const known = this.known.get(key)
    if (known === undefined) return
    this.known.delete(key)
    this.line.sendPlain({ _tag: "Forget", reference: known.reference })
  }
}
