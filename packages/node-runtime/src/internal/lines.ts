/**
 * Cuts what arrives in pieces into whole lines.
 */

/** What has no end of line for so many bytes is cut there. */
const longest = 65_536

const newline = 10

export class Lines {
  /** What has come since the last end of line. */
  private held: Array<Uint8Array> = []
  private length = 0

  /** Takes the next piece; returns what is complete of it and the pieces before, ends of lines included. */
  push(piece: Uint8Array): Buffer {
    const end = piece.lastIndexOf(newline) + 1
    if (end === 0 && this.length + piece.length < longest) {
      this.hold(piece)
      return Buffer.alloc(0)
    }
    const whole = end === 0 ? [...this.held, piece, lineEnd] : [...this.held, piece.subarray(0, end)]
    this.held = []
    this.length = 0
    if (end > 0 && end < piece.length) this.hold(piece.subarray(end))
    return Buffer.concat(whole)
  }

  /** Takes out what has no end of line yet. */
  rest(): Buffer {
    const rest = Buffer.concat(this.held)
    this.held = []
    this.length = 0
    return rest
  }

  private hold(piece: Uint8Array): void {
    if (piece.length === 0) return
    // a copy: whoever wrote it may use its memory again
    this.held.push(Uint8Array.from(piece))
    this.length += piece.length
  }
}

const lineEnd = Uint8Array.of(newline)
