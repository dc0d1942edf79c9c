/**
 * What each end of a channel does about a message that has arrived and cannot be read, such as one nested too deeply for
 * this end's stack (F4). It asks the other end for its parts, each of which comes in a message of its own, and lets no
 * later message overtake them.
 */
import type * as protocol from "./protocol.ts"

interface Repeatable {
  readonly _tag: string
  readonly again?: true | undefined
}

/** The messages that an end handles itself. */
type Told<Message> = Exclude<Message, { readonly _tag: "Repeated" }>

export class Inbox<Message extends Repeatable> {
  private readonly handle: (message: Told<Message>) => void
  private readonly ask: (number: protocol.MessageNumber, cause: unknown) => void
  /** How many messages have arrived, those included that could not be read. */
  private count = 0
  /** How many of these have yet to be repeated. */
  private missing = 0
  /** Messages that arrived after one that is missing. */
  private held: Array<Told<Message>> = []

  /** `ask` asks for what was in the message of that number, which could not be read for the reason `cause`. */
  constructor(handle: (message: Told<Message>) => void, ask: (number: protocol.MessageNumber, cause: unknown) => void) {
    this.handle = handle
    this.ask = ask
  }

  /** How many messages have been read, or `undefined` while one is missing. */
  get read(): number | undefined {
    return this.missing === 0 ? this.count : undefined
  }

  receive(message: Message): void {
    this.count++
    if (message._tag === "Repeated") return this.repeated()
    // what is asked of this end must not wait for what it has asked of the other
    const isUrgent = message.again === true || message._tag === "Unreadable"
    const told = message as Told<Message>
    if (this.missing > 0 && !isUrgent) this.held[this.held.length] = told
    else this.handle(told)
  }

  unreadable(cause: unknown): void {
    this.missing++
    this.ask(this.count++, cause)
  }

  /** Takes what still waits for a message that is missing: the other end has ended, and repeats nothing. */
  takeHeld(): ReadonlyArray<Told<Message>> {
    return this.held.splice(0)
  }

  private repeated(): void {
    if (this.missing === 0) throw new Error("A message that was read has been repeated")
    this.missing--
    if (this.missing > 0) return
    for (const message of this.held.splice(0)) this.handle(message)
  }
}
