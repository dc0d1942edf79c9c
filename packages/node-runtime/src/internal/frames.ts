/**
 * Messages on a stream of bytes: each is a frame, which begins with its number, its length and how it is written. They are
 * read here and not by Node's IPC channel, whose reader ends the process that it runs in when a message is nested too
 * deeply (F4).
 */
import { Deserializer, Serializer } from "node:v8"
import { fromJson, toJson } from "./json.ts"

// Where the numbers of a header begin: the frame's own, how many bytes follow, and how these are to be read
const number = 0
const length = 4
const format = 8
const headerLength = 12

const formats = { serialized: 0, json: 1 } as const

/** Frames are numbered, and as long, up to this. */
const limit = 2 ** 32

const empty = Buffer.alloc(0)

const emptyHeader = new Uint8Array(headerLength)

/** Writes messages as frames. */
export class FrameWriter {
  private count = 0

  /** Throws where structured clone would: then the message has not been numbered. */
  write(message: unknown): Buffer {
    const text = toJson(message)
    const frame = text === undefined ? serialize(message) : encode(text)
    const bytes = frame.length - headerLength
    if (bytes >= limit) throw new RangeError(`The message has ${bytes} bytes, and may have ${limit - 1}`)
    frame.writeUInt32LE(this.count, number)
    frame.writeUInt32LE(bytes, length)
    frame.writeUInt32LE(text === undefined ? formats.serialized : formats.json, format)
    this.count = (this.count + 1) % limit
    return frame
  }
}

const serialize = (message: unknown): Buffer => {
  const serializer = new Serializer()
  serializer.writeRawBytes(emptyHeader)
  serializer.writeHeader()
  serializer.writeValue(message)
  return serializer.releaseBuffer()
}

const encode = (text: string): Buffer => {
  const frame = Buffer.allocUnsafe(headerLength + Buffer.byteLength(text))
  frame.write(text, headerLength)
  return frame
}

/** The message in a frame; throws when it cannot be read. */
const decode = (frame: Buffer): unknown => {
  if (frame.readUInt32LE(format) === formats.json) return fromJson(frame.toString("utf8", headerLength))
  const deserializer = new Deserializer(frame.subarray(headerLength))
  deserializer.readHeader()
  return deserializer.readValue()
}

/** What becomes of the frames that are read. */
interface Handlers {
  readonly message: (message: unknown) => void
  /** In the place of a message that cannot be read. */
  readonly unreadable: (cause: unknown) => void
  /** What has arrived is no frame, or not the next one: something else has written to the stream. */
  readonly malformed: (cause: Error) => void
}

/** How large a buffer for what has arrived in part is kept, in bytes: to make one anew takes as long as to fill it. */
const mostKept = 2 ** 21

/** Reads messages from what arrives of a stream. */
export class FrameReader {
  private readonly handlers: Handlers
  /** The beginning of a frame that has not arrived in full. */
  private buffer = empty
  private filled = 0
  private count = 0
  private isMalformed = false

  constructor(handlers: Handlers) {
    this.handlers = handlers
  }

  push(part: Buffer): void {
    let start = 0
    while (start < part.length && !this.isMalformed) {
      start = this.filled === 0 ? this.readFrom(part, start) : this.complete(part, start)
    }
  }

  /** Reads a frame that begins at `start`, or keeps what there is of it; returns where the next one begins. */
  private readFrom(part: Buffer, start: number): number {
    const end = part.length - start < headerLength ? undefined : this.endOf(part, start)
    if (end === undefined || part.length < end) {
      return this.keep(part, start, part.length, (end ?? start + headerLength) - start)
    }
    this.read(part.subarray(start, end))
    return end
  }

  /** Adds to the frame that has arrived in part, and reads it if it is complete; returns where the next one begins. */
  private complete(part: Buffer, start: number): number {
    if (this.filled < headerLength) {
      const next = this.keep(part, start, start + headerLength - this.filled, headerLength)
      if (this.filled < headerLength) return next
      start = next
    }
    const end = this.endOf(this.buffer, 0)
    if (end === undefined) return part.length
    const next = this.keep(part, start, start + end - this.filled, end)
    if (this.filled < end) return next
    const { buffer } = this
    this.filled = 0
    if (buffer.length > mostKept) this.buffer = empty
    // what is read is copied, so that the buffer can be filled again
    this.read(buffer.subarray(0, end))
    return next
  }

  /** Keeps bytes of a frame that has `expected` bytes as far as is known; returns where those after them begin. */
  private keep(part: Buffer, start: number, end: number, expected: number): number {
    if (this.buffer.length < expected && !this.grow(expected)) return part.length
    const bytes = part.subarray(start, Math.min(end, part.length))
    this.buffer.set(bytes, this.filled)
    this.filled += bytes.length
    return start + bytes.length
  }

  /** Makes room for a frame; it may say to be longer than there is memory. */
  private grow(length: number): boolean {
    try {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 65_536))
      larger.set(this.buffer.subarray(0, this.filled))
      this.buffer = larger
      return true
    } catch (cause) {
      this.fail(new Error(`There is no memory for a message of ${length} bytes`, { cause }))
      return false
    }
  }

  private fail(cause: Error): void {
    this.isMalformed = true
    this.handlers.malformed(cause)
  }

  /** Where a frame ends that begins at `start`; `undefined` if it is not the next one. */
  private endOf(bytes: Buffer, start: number): number | undefined {
    const found = bytes.readUInt32LE(start + number)
    if (found === this.count) return start + headerLength + bytes.readUInt32LE(start + length)
    this.fail(new Error(`The channel is broken: frame ${this.count} was expected, and not ${found}`))
    return undefined
  }

  private read(frame: Buffer): void {
    this.count = (this.count + 1) % limit
    let message: unknown
    try {
      message = decode(frame)
    } catch (cause) {
      return this.handlers.unreadable(cause)
    }
    this.handlers.message(message)
  }
}
