/**
 * Cuts what arrives in pieces into whole lines.
 */

/** What has no end of line for so many bytes is cut, between two characters, if nothing else is said. */
const longest = 65_536

const newline = 10

const carriageReturn = 13

export class Lines {
  private readonly longest: number
  /** What has come since the last end of line. */
  private held: Array<Uint8Array> = []
  private length = 0
  /** Whether a line has been cut, and nothing has come since: an end of line that comes next is the one that it has got. */
  private isCut = false

  constructor(longestLine = longest) {
    this.longest = longestLine
  }

  /** Takes the next piece; returns what is complete of it and the pieces before, ends of lines included. */
  push(given: Uint8Array): Buffer {
    const piece = this.isCut ? afterLineEnd(given) : given
    if (given.length > 0) this.isCut = false
    const end = piece.lastIndexOf(newline) + 1
    if (end === 0 && this.length + piece.length >= this.longest) return this.cut(piece)
    if (end === 0) {
      this.hold(piece)
      return nothing
    }
    const whole = [...this.held, piece.subarray(0, end)]
    this.held = []
    this.length = 0
    this.hold(piece.subarray(end))
    return Buffer.concat(whole)
  }

  private cut(piece: Uint8Array): Buffer {
    this.hold(piece)
    const bytes = this.rest()
    const end = lastBoundary(bytes)
    this.hold(bytes.subarray(end))
    this.isCut = end === bytes.length
    return Buffer.concat([bytes.subarray(0, end), lineEnd])
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

const nothing = Buffer.alloc(0)

/** Without the end of line that it begins with. */
const afterLineEnd = (piece: Uint8Array): Uint8Array => {
  const length = piece[0] === newline ? 1 : piece[0] === carriageReturn && piece[1] === newline ? 2 : 0
  return piece.subarray(length)
}

/** Where the last character begins if not all of its bytes, of UTF-8, are there; else the end. */
const lastBoundary = (bytes: Uint8Array): number => {
  for (let back = 1; back <= 3 && back < bytes.length; back++) {
    const byte = bytes[bytes.length - back]!
    if (byte >= 0b1100_0000) {
      const length = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : 2
      return length > back ? bytes.length - back : bytes.length
    }
    if (byte < 0b1000_0000) break
  }
  return bytes.length
}
