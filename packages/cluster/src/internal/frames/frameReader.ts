/**
 * Finds the frames in what arrives of a connection, however it was cut.
 */
import { headerLength, isKind, type Kind, mayHave, ProtocolError } from "./frame.ts"

const empty = Buffer.alloc(0)

const never = (): boolean => false

/**
 * Calls `handle` with each frame; its bytes are the receiver's from then on. Keeps at most one frame's bytes. What is no frame
 * makes `push` throw a `ProtocolError`, and everything after it is ignored.
 */
export class FrameReader {
  private readonly handle: (kind: Kind, bytes: Buffer) => void
  /** Memory for a frame that has not arrived in full: first for its header, then for all of it. */
  private frame: Buffer = empty
  private filled = 0
  /** What has arrived while the receiver paused. */
  private waiting: Buffer = empty
  private isBroken = false

  constructor(handle: (kind: Kind, bytes: Buffer) => void) {
    this.handle = handle
  }

  /** `isPaused` says, before each frame, whether the others are to wait for the next call. */
  push(part: Buffer, isPaused: () => boolean = never): void {
    let bytes = this.waiting.length === 0 ? part : Buffer.concat([this.waiting, part])
    this.waiting = empty
    while (bytes.length > 0 && !this.isBroken) {
      if (isPaused()) {
        this.waiting = Buffer.from(bytes)
        return
      }
      bytes = this.filled === 0 ? this.readFrom(bytes) : this.complete(bytes)
    }
  }

  /** Reads the frame that begins there, or keeps what there is of it; returns what comes after it. */
  private readFrom(bytes: Buffer): Buffer {
    if (bytes.length >= headerLength) {
      const kind = this.kindOf(bytes)
      const end = headerLength + bytes.readUInt32LE(1)
      if (bytes.length >= end) {
        this.handle(kind, bytes.subarray(headerLength, end))
        return bytes.subarray(end)
      }
      this.frame = Buffer.allocUnsafe(end)
    } else {
      this.frame = Buffer.allocUnsafe(headerLength)
    }
    return this.fill(bytes)
  }

  /** Adds to the frame that has arrived in part; returns what comes after it. */
  private complete(bytes: Buffer): Buffer {
    let rest = this.fill(bytes)
    if (this.filled === headerLength && this.frame.length === headerLength) {
      const header = this.frame
      this.kindOf(header)
      this.frame = Buffer.allocUnsafe(headerLength + header.readUInt32LE(1))
      this.filled = 0
      this.fill(header)
      rest = this.fill(rest)
    }
    if (this.filled < this.frame.length) return rest
    const { frame } = this
    this.frame = empty
    this.filled = 0
    this.handle(this.kindOf(frame), frame.subarray(headerLength))
    return rest
  }

  private fill(bytes: Buffer): Buffer {
    const taken = Math.min(bytes.length, this.frame.length - this.filled)
    bytes.copy(this.frame, this.filled, 0, taken)
    this.filled += taken
    return bytes.subarray(taken)
  }

  /** The kind of the frame that begins there, once it is known to be one. */
  private kindOf(bytes: Buffer): Kind {
    const kind = bytes.readUInt8(0)
    if (!isKind(kind)) return this.fail(`A frame of the unknown kind ${kind} has arrived`)
    const length = bytes.readUInt32LE(1)
    if (length > mayHave(kind))
      return this.fail(`A frame of ${length} bytes has arrived, and may have ${mayHave(kind)}`)
    return kind
  }

  private fail(message: string): never {
    this.isBroken = true
    throw new ProtocolError(message)
  }
}
