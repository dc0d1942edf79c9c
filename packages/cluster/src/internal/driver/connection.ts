/**
 * The pool's end of the channel to a worker that lives on a runner.
 */
import type { Closed, Connection } from "@effect-mpire/core/Channel"
import * as WorkerPoolError from "@effect-mpire/core/WorkerPoolError"
import { NodeRelay } from "@effect-mpire/node-runtime"
import * as Effect from "effect/Effect"
import { InlineRefused } from "../../ClusterError.ts"
import { type Kind, kinds, ProtocolError } from "../frames/frame.ts"
import type { Beats } from "../link/beats.ts"
import type { Link } from "../link/link.ts"
import * as numbers from "../link/numbers.ts"
import * as vigil from "../link/vigil.ts"
import * as words from "../link/words.ts"
import { BlobsThere } from "./blobs.ts"
import { LateControl } from "./lateControl.ts"
import { ModulesThere } from "./modules.ts"
import type { DriverSettings } from "./runners.ts"

const readWord = words.reader(words.FromRunner)

type Receive = (bytes: Uint8Array, way: NodeRelay.Way) => void

export class WorkerConnection {
  private readonly link: Link
  private readonly beats: Beats
  private readonly maxMessageSize: number
  private readonly suspectAfter: number
  private isUnwanted = false
  private onUnwanted: (() => void) | undefined = undefined
  private readonly controls: number
  private readonly control: LateControl | undefined
  private readonly messages: NodeRelay.Messages
  private readonly modules: ModulesThere
  private readonly blobs: BlobsThere
  private readonly refusal: InlineRefused | undefined
  private readonly runnerLost: (cause: unknown) => WorkerPoolError.RunnerLost
  private readonly handlers: Array<(closed: Closed) => void> = []
  private readonly ended = Promise.withResolvers<void>()
  readonly connection: Connection
  private told: Closed | undefined = undefined
  private receive: Receive | undefined = undefined

  /** `controls` is how many numbers the worker shares with its runner. */
  constructor(
    link: Link,
    beats: Beats,
    runner: { readonly runner: string; readonly address: string; readonly inline: boolean },
    controls: number,
    { blobs, describe, maxMessageSize, suspectAfter }: DriverSettings
  ) {
    const { address, runner: id } = runner
    this.runnerLost = (cause) => new WorkerPoolError.RunnerLost({ runner: id, address, cause })
    this.link = link
    this.suspectAfter = suspectAfter
    this.beats = beats
    this.controls = controls
    if (controls > 0) {
      this.control = new LateControl(
        (pairs) => link.sendUrgent(kinds.numbers, pairs),
        () => beats.roundTrip ?? 0
      )
    }
    this.maxMessageSize = maxMessageSize
    this.messages = NodeRelay.makeMessages(maxMessageSize)
    this.blobs = new BlobsThere(link, blobs)
    this.modules = new ModulesThere((word) => link.say(word), describe)
    const { inline, ...named } = runner
    this.refusal = inline ? undefined : new InlineRefused({ runner: named.address })
    link.receive((kind, bytes) => this.frame(kind, bytes))
    link.closed((cause) => this.end({ external: true, cause: new WorkerPoolError.RunnerLost({ ...named, cause }) }))
    this.connection = this.connect()
  }

  /** Waits for the end of a worker that was asked to end; its runner kills one that does not. */
  readonly finish: Effect.Effect<void> = Effect.suspend(() => {
    this.link.say({ _tag: "End" })
    return this.end_
  })

  private get end_(): Effect.Effect<void> {
    this.link.keepsRunning(true)
    return Effect.promise(() => this.ended.promise)
  }

  private connect(): Connection {
    return {
      send: (message) => {
        const parts = this.messages.encode(message)
        this.control?.flush()
        for (const part of parts) this.link.send(kinds.data, part)
      },
      sendCode: (message) => {
        const parts = this.messages.encode(message)
        this.control?.flush()
        this.blobs.send(parts)
      },
      receive: (handler, unreadable) => this.setReceive(handler, unreadable),
      closed: (handler) => {
        if (this.told === undefined) this.handlers.push(handler)
        else handler(this.told)
      },
      kill: Effect.suspend(() => {
        this.link.say({ _tag: "Kill" }, true)
        return this.end_
      }),
      initialised: () => this.link.say({ _tag: "Ready" }),
      setBusy: (busy) => this.link.keepsRunning(busy),
      control: this.control,
      suspectAfter: this.suspectAfter,
      unwanted: (handler) => {
        this.onUnwanted = handler
        if (this.isUnwanted) handler()
      },
      locate: this.modules.locate,
      refuseInline: () => this.refusal,
      moves: false,
      check: (value) => this.messages.check(value),
      inspect: (object) => this.messages.inspect(object)
    }
  }

  private setReceive(handler: (message: unknown) => void, unreadable: (cause: unknown) => void): void {
    // it is the worker that is lost by it (F6), and not its runner
    const malformed = (cause: Error) => {
      this.end({ cause })
      this.link.destroy(cause)
    }
    const channel = NodeRelay.makeReader({ message: handler, unreadable, malformed }, this.maxMessageSize)
    // what cannot be read there comes by the channel too, or is lost with the worker
    const aside = NodeRelay.makeReader(
      { message: handler, unreadable: () => {}, malformed: () => {} },
      this.maxMessageSize
    )
    this.receive = (bytes, way) => (way === "channel" ? channel(bytes) : aside(bytes))
    this.link.resume()
  }

  private frame(kind: Kind, bytes: Buffer): void {
    switch (kind) {
      case kinds.beat:
        return void vigil.take(this.link, this.beats, kind, bytes, true)
      case kinds.data:
        return this.receive!(bytes, "channel")
      case kinds.aside:
        return this.receive!(bytes, "aside")
      case kinds.word:
        return this.word(readWord(bytes))
      case kinds.numbers:
        return numbers.decode(bytes, this.controls, (index, value) => this.control?.tell(index, value))
      case kinds.blob:
        throw new ProtocolError("A frame has arrived that runners do not send")
    }
  }

  private word(word: words.FromRunner): void {
    switch (word._tag) {
      case "NotStarted":
        this.end({ cause: words.asError(word.cause) })
        return this.link.end()
      case "Ended": {
        const { cause, exitCode, external, signal } = word
        const why = cause === undefined ? undefined : words.asError(cause)
        this.end({
          exitCode,
          signal,
          ...(external === true ? { external, cause: this.runnerLost(why) } : why === undefined ? {} : { cause: why }),
          numbers: this.control?.allTold(this.controls)
        })
        return this.link.end()
      }
      case "Located":
      case "NotLocated":
        return this.modules.answered(word)
      case "FetchBlob":
      case "HasBlob":
        return this.blobs.answered(word)
      case "Unwanted":
        this.isUnwanted = true
        return this.onUnwanted?.()
      case "Room":
      case "Granted":
        throw new ProtocolError("A word has arrived that is not about a worker")
    }
  }

  private end(closed: Closed): void {
    if (this.told !== undefined) return
    this.told = closed
    for (const handler of this.handlers) handler(closed)
    this.ended.resolve()
  }
}
