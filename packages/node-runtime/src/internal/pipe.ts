/**
 * One end of the channel between a pool and a worker in a process of its own, which carries messages as frames.
 */
import type { Socket } from "node:net"
import { Encoder } from "./encoder.ts"
import { FrameReader } from "./frames.ts"

type Receive = (message: unknown) => void

type Unreadable = (cause: unknown) => void

/** The pipe that messages come by, and the one that they are sent by. */
export interface Pipes {
  readonly incoming: Socket
  readonly outgoing: Socket
}

export class Pipe {
  private readonly incoming: Socket
  private readonly outgoing: Socket
  private readonly encoder: Encoder
  private readonly onMalformed: (cause: Error) => void
  /** What to call when all that was sent has been written. */
  private waiting: Array<() => void> = []

  constructor({ incoming, outgoing }: Pipes, onMalformed: (cause: Error) => void, maxSize?: number) {
    this.incoming = incoming
    this.outgoing = outgoing
    this.encoder = new Encoder(maxSize)
    this.onMalformed = onMalformed
    // an error here says that the other process has just ended, of which the close of what it sends by tells
    for (const pipe of [incoming, outgoing]) pipe.on("error", () => {})
  }

  /** Throws for an object that would arrive as something else; called with those in a message before it is sent. */
  get inspect(): (object: object) => void {
    return this.encoder.inspect
  }

  get check(): (value: unknown) => void {
    return this.encoder.check
  }

  /** Throws when the message cannot be cloned; does nothing once the pipe has been closed. */
  send(message: unknown): void {
    const { blocks, frame } = this.encoder.write(message)
    const { outgoing } = this
    if (!outgoing.writable) return
    if (blocks.length === 0) return void outgoing.write(frame, this.written)
    outgoing.cork()
    outgoing.write(frame)
    for (let index = 0; index < blocks.length; index++) outgoing.write(blocks[index]!, this.written)
    outgoing.uncork()
  }

  /** Messages that have arrived before wait in the pipe. */
  receive(message: Receive, unreadable: Unreadable): void {
    const reader = new FrameReader({ message, unreadable, malformed: this.onMalformed })
    this.incoming.on("data", (part: Buffer) => reader.push(part))
  }

  /** Calls back once all messages have been written: a full pipe takes them only as fast as they are read. */
  flushed(resume: () => void): void {
    if (this.outgoing.writableLength === 0) resume()
    else this.waiting[this.waiting.length] = resume
  }

  private readonly written = (): void => {
    if (this.outgoing.writableLength > 0) return
    const { waiting } = this
    this.waiting = []
    for (const resume of waiting) resume()
  }
}
