/**
 * Finds the frames in what arrives of a connection, however it was cut.
 */
import { headerLength, isKind, type Kind, mayHave, ProtocolError } from "./frame.ts"

const empty = Buffer.alloc(0)

const never = (): boolean => false

/**
 * Calls `handle` with each frame; its bytes are only valid during the call. Keeps at most one frame's bytes. What is no frame
 * makes `push` throw a `ProtocolError`, and everything after it is ignored.
 */
export class FrameReader {
  private readonly handle: (kind: Kind, bytes: Buffer) => void
  /** The beginning of a frame that has not arrived in full. */
  private kept: Buffer = empty
  private isBroken = false

  constructor(handle: (kind: Kind, bytes: Buffer) => void) {
    this.handle = handle
  }

  /** `isPaused` says, after each frame, whether the others are to wait for the next call. */
  push(part: Buffer, isPaused: () => boolean = never): void {
    if (this.isBroken) return
    let bytes = this.kept.length === 0 ? part : Buffer.concat([this.kept, part])
    this.kept = empty
    while (bytes.length >= headerLength && !isPaused()) {
      const kind = this.kindOf(bytes)
      const end = headerLength + bytes.readUInt32LE(1)
      if (bytes.length < end) break
      // what handles it may end all this
      this.handle(kind, bytes.subarray(headerLength, end))
      bytes = bytes.subarray(end)
    }
    // copied: what arrived may be much more than what is left of it
    if (bytes.length > 0) this.kept = Buffer.from(bytes)
  }

  /** The kind of the frame that begins there, once it is known to be one. */
  private kindOf(bytes: Buffer): Kind {
    const kind = bytes.readUInt8(0)
    if (!isKind(kind)) return this.fail(`A frame of the unknown kind ${kind} has arrived`)
    const length = bytes.readUInt32LE(1)
    if (length > mayHave(kind)) return this.fail(`A frame of ${length} bytes has arrived, and may have ${mayHave(kind)}`)
    return kind
  }

  private fail(message: string): never {
    this.isBroken = true
    throw new ProtocolError(message)
  }
}
