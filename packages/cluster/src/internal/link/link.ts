/**
 * One end of a connection between a driver and a runner: frames over a socket. Any byte that arrives is life, and what is no
 * frame, or none that may come then, destroys the socket (F6), (K3).
 */
import type { Socket } from "node:net"
import { now, setTimeout } from "../common/timers.ts"
import { type Kind, kinds, ProtocolError } from "../frames/frame.ts"
import { FrameReader } from "../frames/frameReader.ts"
import { Outgoing } from "../frames/outgoing.ts"

/** How many bytes the socket is given ahead of what it has sent: urgent frames wait behind these. */
const ahead = 262_144

/** How long the other end may take to close its side too, in milliseconds. */
const closingTime = 2_000

const empty = Buffer.alloc(0)

type Handle = (kind: Kind, bytes: Buffer) => void

export class Link {
  private readonly socket: Socket
  private readonly outgoing = new Outgoing()
  private readonly reader: FrameReader
  private handle: Handle = () => {}
  private readonly handlers: Array<(cause: Error | undefined) => void> = []
  private cause: Error | undefined = undefined
  private isEnding = false
  private hasClosed = false
  private isPaused = false
  private readonly releases: Array<() => void> = []
  /** When bytes arrived last. */
  heardAt: number = now()

  constructor(socket: Socket) {
    this.socket = socket
    this.reader = new FrameReader((kind, bytes) => this.handle(kind, bytes))
    // what is small must not wait for more (Nagle): a worker answers each chunk
    socket.setNoDelay(true)
    socket.on("error", (error) => {
      this.cause ??= error
    })
    socket.on("data", (part: Buffer) => this.guarded(part))
    socket.once("close", () => this.close())
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && !this.isEnding
  }

  /** Sets the one receiver of frames, which may throw what destroys the socket. */
  receive(handle: Handle): void {
    this.handle = handle
  }

  /** Calls `handler`, once, when the socket has closed; at once when it has closed before. */
  closed(handler: (cause: Error | undefined) => void): void {
    if (this.hasClosed) handler(this.cause)
    else this.handlers.push(handler)
  }

  /** Calls `release` when the socket closes, before those who wait for that; at once when it has closed before. */
  onRelease(release: () => void): void {
    if (this.hasClosed) release()
    else this.releases.push(release)
  }

  /** Reads nothing more for now: what arrives waits in the socket. */
  pause(): void {
    this.isPaused = true
    this.socket.pause()
  }

  /** Goes on with what has arrived meanwhile. */
  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.guarded(empty)
    if (!this.isPaused) this.socket.resume()
  }

  /** Sends after all that was sent before. */
  send(kind: Kind, bytes: Uint8Array): void {
    if (!this.isOpen) return
    this.outgoing.add(kind, bytes)
    this.pump()
  }

  /** Sends before all that has not left yet. */
  sendUrgent(kind: Kind, bytes: Uint8Array): void {
    // beats go on while what was sent before the end leaves: else the lease could be over first
    if (this.socket.destroyed || this.socket.writableEnded) return
    this.outgoing.addUrgent(kind, bytes)
    this.pump()
  }

  /** Sends a word after all that was sent before, or before it. */
  say(word: object, urgent = false): void {
    const bytes = Buffer.from(JSON.stringify(word))
    if (urgent) this.sendUrgent(kinds.word, bytes)
    else this.send(kinds.word, bytes)
  }

  /** Sends nothing more, and closes once all has left. */
  end(): void {
    if (!this.isOpen) return
    this.isEnding = true
    this.pump()
  }

  destroy(cause?: Error): void {
    this.cause ??= cause
    this.socket.destroy()
  }

  /** Whether this connection keeps the process running. */
  keepsRunning(keeps: boolean): void {
    if (keeps) this.socket.ref()
    else this.socket.unref()
  }

  private guarded(part: Buffer): void {
    this.heardAt = now()
    try {
      this.reader.push(part, () => this.isPaused)
    } catch (cause) {
      this.destroy(cause instanceof Error ? cause : new ProtocolError(String(cause)))
    }
  }

  private readonly pump = (): void => {
    const { outgoing, socket } = this
    while (!socket.destroyed && socket.writableLength < ahead) {
      const parts = outgoing.next()
      if (parts === undefined) break
      if (parts.length > 1) socket.cork()
      for (const part of parts) socket.write(part, this.pump)
      if (parts.length > 1) socket.uncork()
    }
    if (!this.isEnding || !outgoing.isEmpty || socket.writableEnded || socket.destroyed) return
    // the other end closes too, unless it is broken; destroying it here could lose what has just left
    socket.end()
    setTimeout(() => socket.destroy(), closingTime).unref()
  }

  private close(): void {
    if (this.hasClosed) return
    this.hasClosed = true
    for (const release of this.releases) release()
    for (const handler of this.handlers) handler(this.cause)
  }
}
