/**
 * Messages on a stream of bytes: each is a frame, which begins with its number, its length and how it is written. Large
 * memory follows it in blocks, whose lengths are the last numbers of the frame. They are read here and not by Node's IPC
 * channel, whose reader ends the process that it runs in when a message is nested too deeply (F4).
 */
import { Deserializer, Serializer } from "node:v8"
import { list, restore, type WithExceptions } from "./exceptions.ts"
import { fromJson, toJson } from "./json.ts"
import { largeMemory } from "./largeMemory.ts"
import { hasSerializer, readWhole, writeWhole } from "./serializer.ts"

// Where the numbers of a header begin: the frame's own, how many bytes of it follow, how these are to be read, and how many
// blocks come after it
const number = 0
const length = 4
const format = 8
const blockCount = 12
const headerLength = 16

/** How many bytes the length of a block takes. */
const blockLength = 4

const formats = { serialized: 0, json: 1, withExceptions: 2 } as const

/** Frames are numbered, and as long, up to this. */
const limit = 2 ** 32

const empty = Buffer.alloc(0)

const noBlocks: ReadonlyArray<Buffer<ArrayBuffer>> = []

const emptyHeader = new Uint8Array(headerLength)

/** A message on its way: its frame, and the blocks that follow it. */
export interface Written {
  readonly frame: Buffer
  readonly blocks: ReadonlyArray<Buffer>
}

/** How many bytes a message may have where nothing says less. */
const most = limit - 1

export const tooLarge = (bytes: number, may: number): RangeError =>
  new RangeError(`The message has ${bytes} bytes, and may have ${may}`)

/** Writes messages as frames. */
export class FrameWriter {
  private readonly maxSize: number
  private count = 0

  /** Messages of more than `maxSize` bytes are not written. */
  constructor(maxSize: number = most) {
    this.maxSize = maxSize
  }

  /**
   * Throws where structured clone would: then the message has not been numbered. `hasExceptions` says that there may be
   * DOMExceptions in it.
   */
  write(message: unknown, hasExceptions = false): Written {
    const text = toJson(message)
    const memory = text === undefined && hasSerializer ? largeMemory(message) : noMemory
    const frame = text === undefined ? serialize(hasExceptions ? list(message) : message, memory) : encode(text)
    const writtenAs = text !== undefined ? "json" : hasExceptions ? "withExceptions" : "serialized"
    const bytes = frame.length - headerLength
    const size = memory.reduce((sum, { byteLength }) => sum + byteLength, bytes)
    if (bytes > most || size > this.maxSize) throw tooLarge(size, this.maxSize)
    // copied, because it is sent when this program may be changing it already
    const blocks = memory.map(copy)
    frame.writeUInt32LE(this.count, number)
    frame.writeUInt32LE(bytes, length)
    frame.writeUInt32LE(formats[writtenAs], format)
    frame.writeUInt32LE(blocks.length, blockCount)
    this.count = (this.count + 1) % limit
    return { frame, blocks }
  }
}

const noMemory: ReadonlyArray<ArrayBuffer> = []

const serialize = (message: unknown, memory: ReadonlyArray<ArrayBuffer>): Buffer => {
  if (!hasSerializer) return Buffer.concat([emptyHeader, writeWhole(message)])
  const serializer = new Serializer()
  serializer.writeRawBytes(emptyHeader)
  serializer.writeHeader()
  for (let index = 0; index < memory.length; index++) serializer.transferArrayBuffer(index, memory[index]!)
  serializer.writeValue(message)
  if (memory.length > 0) serializer.writeRawBytes(lengthsOf(memory))
  return serializer.releaseBuffer()
}

const lengthsOf = (memory: ReadonlyArray<ArrayBuffer>): Buffer => {
  const lengths = Buffer.allocUnsafe(blockLength * memory.length)
  for (let index = 0; index < memory.length; index++) {
    const { byteLength } = memory[index]!
    if (byteLength > most) throw tooLarge(byteLength, most)
    lengths.writeUInt32LE(byteLength, blockLength * index)
  }
  return lengths
}

const copy = (memory: ArrayBuffer): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(memory.byteLength)
  bytes.set(new Uint8Array(memory))
  return bytes
}

const encode = (text: string): Buffer => {
  const frame = Buffer.allocUnsafe(headerLength + Buffer.byteLength(text))
  frame.write(text, headerLength)
  return frame
}

const deserialize = (bytes: Buffer, blocks: ReadonlyArray<Buffer<ArrayBuffer>>): unknown => {
  const deserializer = new Deserializer(bytes)
  deserializer.readHeader()
  for (let index = 0; index < blocks.length; index++) {
    deserializer.transferArrayBuffer(index, blocks[index]!.buffer)
  }
  return deserializer.readValue()
}

/** The message in a frame and its blocks, which become memory of the message; throws when it cannot be read. */
const decode = (frame: Buffer, blocks: ReadonlyArray<Buffer<ArrayBuffer>>): unknown => {
  if (frame.readUInt32LE(format) === formats.json) return fromJson(frame.toString("utf8", headerLength))
  const bytes = frame.subarray(headerLength)
  const value = hasSerializer ? deserialize(bytes, blocks) : readWhole(bytes)
  return frame.readUInt32LE(format) === formats.withExceptions ? restore(value as WithExceptions) : value
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

/** A frame whose blocks have not arrived in full. */
interface Unfilled {
  readonly frame: Buffer
  readonly blocks: ReadonlyArray<Buffer<ArrayBuffer>>
  /** Which block is being filled, and how far. */
  block: number
  filled: number
}

/** Reads messages from what arrives of a stream. */
export class FrameReader {
  private readonly handlers: Handlers
  /** The beginning of a frame that has not arrived in full. */
  private buffer: Buffer = empty
  private filled = 0
  private unfilled: Unfilled | undefined = undefined
  private readonly maxSize: number
  private count = 0
  private isMalformed = false

  /** A message of more than `maxSize` bytes is malformed, and no memory is taken for it. */
  constructor(handlers: Handlers, maxSize: number = Number.POSITIVE_INFINITY) {
    this.handlers = handlers
    this.maxSize = maxSize
  }

  push(part: Buffer): void {
    let start = 0
    while (start < part.length && !this.isMalformed) {
      if (this.unfilled !== undefined) start = this.fill(this.unfilled, part, start)
      else start = this.filled === 0 ? this.readFrom(part, start) : this.complete(part, start)
    }
  }

  /** Reads a frame that begins at `start`, or keeps what there is of it; returns where the next one begins. */
  private readFrom(part: Buffer, start: number): number {
    const end = part.length - start < headerLength ? undefined : this.endOf(part, start)
    if (end === undefined || part.length < end) {
      return this.keep(part, start, part.length, (end ?? start + headerLength) - start)
    }
    this.found(part.subarray(start, end))
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
    this.found(buffer.subarray(0, end))
    return next
  }

  /** Adds to the blocks of a frame, and reads it if they are complete; returns where the next one begins. */
  private fill(unfilled: Unfilled, part: Buffer, start: number): number {
    const { blocks, frame } = unfilled
    const block = blocks[unfilled.block]!
    const bytes = part.subarray(start, start + block.length - unfilled.filled)
    block.set(bytes, unfilled.filled)
    unfilled.filled += bytes.length
    if (unfilled.filled === block.length) {
      unfilled.block++
      unfilled.filled = 0
    }
    if (unfilled.block === blocks.length) {
      this.unfilled = undefined
      this.read(frame, blocks)
    }
    return start + bytes.length
  }

  /** Keeps bytes of a frame that has `expected` bytes as far as is known; returns where those after them begin. */
  private keep(part: Buffer, start: number, end: number, expected: number): number {
    if (this.buffer.length < expected && !this.grow(expected)) return part.length
    const bytes = part.subarray(start, Math.min(end, part.length))
    this.buffer.set(bytes, this.filled)
    this.filled += bytes.length
    return start + bytes.length
  }

  /** Makes room for a frame. */
  private grow(length: number): boolean {
    const larger = this.allocate(Math.max(length, 65_536))
    if (larger === undefined) return false
    larger.set(this.buffer.subarray(0, this.filled))
    this.buffer = larger
    return true
  }

  /** A frame may say to be longer than there is memory. */
  private allocate(length: number): Buffer<ArrayBuffer> | undefined {
    try {
      return Buffer.allocUnsafeSlow(length)
    } catch (cause) {
      this.fail(new Error(`There is no memory for a message of ${length} bytes`, { cause }))
      return undefined
    }
  }

  private fail(cause: Error): void {
    this.isMalformed = true
    this.handlers.malformed(cause)
  }

  /** Where a frame ends that begins at `start`; `undefined` if it is not the next one. */
  private endOf(bytes: Buffer, start: number): number | undefined {
    const found = bytes.readUInt32LE(start + number)
    if (found === this.count) {
      const size = bytes.readUInt32LE(start + length)
      if (size <= this.maxSize) return start + headerLength + size
      this.fail(tooLarge(size, this.maxSize))
      return undefined
    }
    this.fail(new Error(`The channel is broken: frame ${this.count} was expected, and not ${found}`))
    return undefined
  }

  /** Reads a frame, or makes room for its blocks. */
  private found(frame: Buffer): void {
    const count = frame.readUInt32LE(blockCount)
    if (count === 0) return this.read(frame, noBlocks)
    const lengths = frame.length - blockLength * count
    if (lengths < headerLength) return this.fail(new Error(`The channel is broken: a message of ${count} blocks`))
    const blocks: Array<Buffer<ArrayBuffer>> = []
    let size = frame.length - headerLength
    for (let index = 0; index < count; index++) {
      const bytes = frame.readUInt32LE(lengths + blockLength * index)
      size += bytes
      if (size > this.maxSize) return this.fail(tooLarge(size, this.maxSize))
      const block = this.allocate(bytes)
      if (block === undefined) return
      if (block.length === 0) return this.fail(new Error("The channel is broken: a block is empty"))
      blocks[index] = block
    }
    // copied, because its bytes are those of a part, or of the buffer, that are used for what follows
    this.unfilled = { frame: Buffer.from(frame), blocks, block: 0, filled: 0 }
  }

  private read(frame: Buffer, blocks: ReadonlyArray<Buffer<ArrayBuffer>>): void {
    this.count = (this.count + 1) % limit
    let message: unknown
    try {
      message = decode(frame, blocks)
    } catch (cause) {
      return this.handlers.unreadable(cause)
    }
    this.handlers.message(message)
  }
}
