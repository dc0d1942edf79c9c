import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { integer, runs } from "../../core/test/support.ts"
import {
  encode,
  headerLength,
  isKind,
  type Kind,
  kinds,
  maxLength,
  maxWord,
  ProtocolError
} from "../src/internal/frames/frame.ts"
import { FrameReader } from "../src/internal/frames/frameReader.ts"
import { Outgoing } from "../src/internal/frames/outgoing.ts"

const all = Object.values(kinds)

interface Frame {
  readonly kind: Kind
  readonly bytes: Buffer
}

/** What a reader finds in bytes that arrive in parts of these lengths, one after another and over again. */
const read = (bytes: Buffer, lengths: ReadonlyArray<number>): { frames: Array<Frame>; error: unknown } => {
  const frames: Array<Frame> = []
  const reader = new FrameReader((kind, bytes) => frames.push({ kind, bytes: Buffer.from(bytes) }))
  let start = 0
  for (let n = 0; start < bytes.length; n++) {
    const end = start + (lengths[n % lengths.length] ?? 1)
    try {
      reader.push(bytes.subarray(start, end))
    } catch (error) {
      return { frames, error }
    }
    start = end
  }
  return { frames, error: undefined }
}

const lengths = Arbitrary.array(integer(1, 70_000), { minLength: 1, maxLength: 4 })

const written = Arbitrary.array(
  Arbitrary.all({ kind: integer(0, all.length - 1), size: integer(0, maxWord), fill: integer(0, 255) }),
  { maxLength: 6 }
)

const framesOf = (made: ReadonlyArray<{ kind: number; size: number; fill: number }>): ReadonlyArray<Frame> =>
  made.map(({ fill, kind, size }) => ({ kind: all[kind]!, bytes: Buffer.alloc(size, fill) }))

const drain = (outgoing: Outgoing): ReadonlyArray<Buffer> => {
  const frames: Array<Buffer> = []
  for (let parts = outgoing.next(); parts !== undefined; parts = outgoing.next()) frames.push(Buffer.concat(parts))
  return frames
}

describe("frames", () => {
  it.prop(
    "F6 arrive whole and in order, however the stream is cut",
    { made: written, lengths },
    ({ lengths, made }) => {
      const sent = framesOf(made)
      const bytes = Buffer.concat(sent.map(({ bytes, kind }) => encode(kind, bytes)))
      assert.deepStrictEqual(read(bytes, lengths), { frames: [...sent], error: undefined })
    },
    runs(100)
  )

  it.prop(
    "F6 what is none is a ProtocolError, after the frames before it, and nothing is read afterwards",
    { made: written, lengths, junk: integer(0, 255), claim: integer(maxLength + 1, 2 ** 32 - 1) },
    ({ claim, junk, lengths, made }) => {
      const sent = framesOf(made)
      const wrong = Buffer.alloc(headerLength + 100, 7)
      // either the kind is unknown, or the frame says to be too long
      wrong.writeUInt8(junk, 0)
      wrong.writeUInt32LE(isKind(junk) ? claim : 10, 1)
      const bytes = Buffer.concat([...sent.map(({ bytes, kind }) => encode(kind, bytes)), wrong])
      const { error, frames } = read(bytes, lengths)
      assert.instanceOf(error, ProtocolError)
      assert.deepStrictEqual(frames, [...sent])
    },
    runs(100)
  )

  it("F6 one that says to have 4 GB is refused by its header, and takes no memory", () => {
    const header = Buffer.from([kinds.data, 0xff, 0xff, 0xff, 0xff])
    const before = process.memoryUsage().arrayBuffers
    assert.throws(() => new FrameReader(() => {}).push(header), /4294967295 bytes/)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 100_000)
  })

  it("F6 a word may have 64 KiB, and not one byte more", () => {
    const word = (length: number) => Buffer.concat([encode(kinds.word, Buffer.alloc(length))])
    assert.strictEqual(read(word(maxWord), [1000]).frames.length, 1)
    assert.instanceOf(read(word(maxWord + 1), [1000]).error, ProtocolError)
  })

  it("what waits while a receiver pauses is read by the next call, in order", () => {
    const heard: Array<number> = []
    const reader = new FrameReader((_, bytes) => heard.push(bytes[0]!))
    const bytes = Buffer.concat([1, 2, 3].map((n) => encode(kinds.data, Buffer.from([n]))))
    reader.push(bytes, () => heard.length === 1)
    assert.deepStrictEqual(heard, [1])
    reader.push(Buffer.alloc(0))
    assert.deepStrictEqual(heard, [1, 2, 3])
  })
})

describe("what waits to be sent", () => {
  it.prop(
    "K3 leaves in frames of at most 256 KiB, in order, and what is urgent goes before the next one",
    { sizes: Arbitrary.array(integer(0, 3 * maxLength), { minLength: 1, maxLength: 5 }), after: integer(0, 12) },
    ({ after, sizes }) => {
      const outgoing = new Outgoing()
      const sent = sizes.map((size, n) => Buffer.alloc(size, n + 1))
      for (const bytes of sent) outgoing.add(kinds.data, bytes)
      const first: Array<Buffer> = []
      for (let n = 0; n < after; n++) {
        const parts = outgoing.next()
        if (parts !== undefined) first.push(Buffer.concat(parts))
      }
      outgoing.addUrgent(kinds.beat, Buffer.alloc(12))
      const rest = drain(outgoing)
      assert.strictEqual(rest[0]![0], kinds.beat)
      assert.isTrue(outgoing.isEmpty)
      const { error, frames } = read(Buffer.concat([...first, ...rest]), [65_536])
      assert.isUndefined(error)
      for (const { bytes } of frames) assert.isAtMost(bytes.length, maxLength)
      const data = frames.filter(({ kind }) => kind === kinds.data).map(({ bytes }) => bytes)
      assert.isTrue(Buffer.concat(data).equals(Buffer.concat(sent)))
    },
    runs(50)
  )

  it("keeps nothing of what has left, however much is sent", () => {
    const outgoing = new Outgoing()
    for (let n = 0; n < 5000; n++) outgoing.add(kinds.data, Buffer.from([n & 255]))
    const bytes = Buffer.concat(drain(outgoing).map((frame) => frame.subarray(headerLength)))
    assert.strictEqual(bytes.length, 5000)
    assert.isTrue(bytes.every((value, n) => value === (n & 255)))
  })
})
