/**
 * What crosses a connection between a driver and a runner: frames, each a kind, a length and that many bytes. A frame is short,
 * so that beats and numbers never wait for the rest of a large message: that is sent in pieces.
 */

/**
 * The kinds of frames. `data` and `aside` are pieces of the two streams of a worker's messages; `numbers` are those of its
 * control block; `blob` are pieces of what a runner has asked for by its name; `word` is what drivers and runners say to each other themselves, as JSON.
 */
export const kinds = { word: 1, beat: 2, data: 3, aside: 4, numbers: 5, blob: 6 } as const

export type Kind = (typeof kinds)[keyof typeof kinds]

/** How many bytes a frame may have after its header. */
export const maxLength = 262_144

/** How many bytes a word may have. */
export const maxWord = 65_536

/** One byte for the kind, then four for the length, the least significant first. */
export const headerLength = 5

const known: ReadonlySet<number> = new Set(Object.values(kinds))

export const isKind = (value: number): value is Kind => known.has(value)

/** How many bytes a frame of a kind may have. */
export const mayHave = (kind: Kind): number => (kind === kinds.word ? maxWord : maxLength)

/** What has arrived is no frame, or not one that may come then: whoever sent it does not speak this protocol. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError"
}

/** A frame: its header and its bytes. */
export const encode = (kind: Kind, bytes: Uint8Array): Buffer => {
  const frame = Buffer.allocUnsafe(headerLength + bytes.length)
  writeHeader(frame, kind, bytes.length)
  frame.set(bytes, headerLength)
  return frame
}

/** The header of a frame that has `length` bytes. */
export const header = (kind: Kind, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(headerLength)
  writeHeader(bytes, kind, length)
  return bytes
}

const writeHeader = (bytes: Buffer, kind: Kind, length: number): void => {
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt32LE(length, 1)
}
