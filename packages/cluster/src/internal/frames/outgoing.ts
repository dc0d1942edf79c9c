/**
 * What waits to be sent on a connection: large messages leave in pieces, between which what is urgent goes first.
 */
import { encode, header, type Kind, kinds, maxLength } from "./frame.ts"

/** Bytes of one kind, of which some have left. */
interface Waiting {
  readonly kind: Kind
  readonly bytes: Uint8Array
  sent: number
}

/** Up to how many bytes a frame is copied behind its header, in place of being written beside it. */
const mostCopied = 16_384

const gone: Waiting = { kind: kinds.data, bytes: new Uint8Array(0), sent: 0 }

export class Outgoing {
  private readonly urgent: Array<Uint8Array> = []
  private waiting: Array<Waiting> = []
  /** How many of `waiting` have left. */
  private left = 0

  /** Waits behind all that was added before. */
  add(kind: Kind, bytes: Uint8Array): void {
    this.waiting.push({ kind, bytes, sent: 0 })
  }

  /** Goes before all that waits. */
  addUrgent(kind: Kind, bytes: Uint8Array): void {
    this.urgent.push(encode(kind, bytes))
  }

  get isEmpty(): boolean {
    return this.urgent.length === 0 && this.left === this.waiting.length
  }

  /** The next frame to write, in one part or two; `undefined` if nothing waits. */
  next(): ReadonlyArray<Uint8Array> | undefined {
    const first = this.urgent.shift()
    if (first !== undefined) return [first]
    const waiting = this.waiting[this.left]
    if (waiting === undefined) return undefined
    const piece = waiting.bytes.subarray(waiting.sent, waiting.sent + maxLength)
    waiting.sent += piece.length
    if (waiting.sent === waiting.bytes.length) this.leave()
    if (piece.length <= mostCopied) return [encode(waiting.kind, piece)]
    return [header(waiting.kind, piece.length), piece]
  }

  /** Drops what has left now and then: an array that is shifted for each message takes long where many wait. */
  private leave(): void {
    // what has left is not kept in memory for those that have not
    this.waiting[this.left++] = gone
    if (this.left < 1024 && this.left < this.waiting.length) return
    this.waiting = this.waiting.slice(this.left)
    this.left = 0
  }
}
