import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { FrameReader, FrameWriter } from "../src/internal/frames.ts"

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** What became of bytes that arrived in parts. */
const read = (bytes: Buffer, lengths: ReadonlyArray<number>) => {
  const heard: Array<unknown> = []
  const reader = new FrameReader({
    message: (message) => heard.push(message),
    unreadable: () => heard.push("unreadable"),
    malformed: ({ message }) => heard.push(message)
  })
  let start = 0
  for (let n = 0; start < bytes.length; n++) {
    const end = start + (lengths[n % lengths.length] ?? 1)
    reader.push(bytes.subarray(start, end))
    start = end
  }
  return heard
}

const messages = (sizes: ReadonlyArray<number>) =>
  sizes.map((size, n) =>
    n % 2 === 0 ? { n, text: "\u00e9".repeat(size) } : { n, bytes: new Uint8Array(size).fill(n) }
  )

const write = (all: ReadonlyArray<unknown>): ReadonlyArray<Buffer> => {
  const writer = new FrameWriter()
  return all.map((message) => {
    const { blocks, frame } = writer.write(message)
    return Buffer.concat([frame, ...blocks])
  })
}

describe("frames", () => {
  it.prop(
    "F4 bring messages whole and in order, however the stream is cut",
    {
      sizes: Arbitrary.array(integer(0, 100_000), { maxLength: 6 }),
      lengths: Arbitrary.array(integer(1, 70_000), { minLength: 1, maxLength: 4 })
    },
    ({ lengths, sizes }) => {
      const sent = messages(sizes)
      assert.deepStrictEqual(read(Buffer.concat(write(sent)), lengths), sent)
    },
    { arbitrary: { runs: 100, seed: "effect-mpire" } }
  )

  it("F4 that cannot be read are told in their place, and those after them arrive", () => {
    const frames = write([{ n: 1 }, { n: 2n }, { n: 3 }, { n: 4 }])
    for (const damaged of [1, 2]) {
      const bytes = Buffer.concat(frames.map((frame, n) => (n === damaged ? damage(frame) : frame)))
      for (const length of [1, 7, 1000]) {
        const expected: Array<unknown> = [{ n: 1 }, { n: 2n }, { n: 3 }, { n: 4 }]
        expected[damaged] = "unreadable"
        assert.deepStrictEqual(read(bytes, [length]), expected)
      }
    }
  })

  it("S3 bring large memory as it was when they were written, shared by its views, wherever it is in them", () => {
    const memory = new ArrayBuffer(200_000)
    const whole = new Uint8Array(memory).fill(1)
    const resizable = new ArrayBuffer(100_000, { maxByteLength: 200_000 })
    const sent = {
      items: [
        whole,
        memory,
        { deep: [new Float64Array(memory, 8, 2)] },
        new Map([["other", new Uint8Array(70_000).fill(2)]])
      ],
      tracking: new Uint8Array(resizable),
      small: new Uint8Array(3).fill(3)
    }
    const [first, second] = write([sent, { n: 1 }])
    const expected = structuredClone(sent)
    whole.fill(9)
    for (const length of [1000, 65_536, 1_000_000]) {
      const [heard, next] = read(Buffer.concat([first!, second!]), [length]) as [typeof sent, unknown]
      assert.deepStrictEqual(heard, expected)
      assert.deepStrictEqual(next, { n: 1 })
      assert.strictEqual<unknown>((heard.items[0] as Uint8Array).buffer, heard.items[1])
      assert.strictEqual<unknown>(
        (heard.items[2] as { deep: ReadonlyArray<Float64Array> }).deep[0]!.buffer,
        heard.items[1]
      )
      assert.isTrue(heard.tracking.buffer.resizable)
    }
  })

  it("F6 whose blocks make no sense break the channel", () => {
    const [frame] = write([{ bytes: new Uint8Array(70_000) }])
    const lengthAt = 16 + frame!.readUInt32LE(4) - 4
    const damages: ReadonlyArray<readonly [at: number, value: number]> = [
      [12, 0xffff_ffff],
      [12, 1000],
      [lengthAt, 0]
    ]
    for (const [at, value] of damages) {
      const damaged = Buffer.from(frame!)
      damaged.writeUInt32LE(value, at)
      for (const length of [7, 1_000_000]) {
        const heard = read(damaged, [length])
        assert.strictEqual(heard.length, 1)
        assert.match(String(heard[0]), /channel is broken/)
      }
    }
  })

  it("F6 that are not the next ones break the channel, and nothing is read any more", () => {
    const [first, second, third] = write([{ n: 1 }, { n: 2 }, { n: 3 }])
    for (const bytes of [
      [first, third, second],
      [first, first, second],
      [first, Buffer.from("what no frame begins with"), second]
    ]) {
      for (const length of [1, 7, 1000]) {
        const heard = read(Buffer.concat(bytes as ReadonlyArray<Buffer>), [length])
        assert.deepStrictEqual(heard[0], { n: 1 })
        assert.match(String(heard[1]), /channel is broken: frame 1 was expected/)
        assert.strictEqual(heard.length, 2)
      }
    }
  })

  it("S3 are JSON only where that loses nothing", () => {
    const shared = {}
    const cyclic: Record<string, unknown> = {}
    cyclic["self"] = cyclic
    const values = [
      undefined,
      -0,
      Number.NaN,
      1n,
      new Date(0),
      [undefined],
      [shared, shared],
      cyclic,
      new Map([[1, 2]])
    ]
    for (const value of [...values, 1, "text", [1, "2"], { a: { b: [null] } }, { a: undefined }]) {
      const [heard] = read(write([{ value }])[0]!, [1000]) as [{ readonly value?: unknown }]
      assert.deepStrictEqual(heard.value, value)
    }
    const [twice] = read(write([{ value: [shared, shared] }])[0]!, [1000]) as [{ readonly value: Array<unknown> }]
    assert.strictEqual(twice.value[0], twice.value[1])
  })
})

/** A frame of the same length, with other contents. */
const damage = (frame: Buffer): Buffer => Buffer.concat([frame.subarray(0, 16), Buffer.alloc(frame.length - 16, 0x7f)])
