import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { ProtocolError } from "../src/internal/frames/frame.ts"
import { LateControl } from "../src/internal/driver/lateControl.ts"
import { Changes, decode, encode } from "../src/internal/link/numbers.ts"
import { integer, runs } from "../../core/test/support.ts"

const int32 = integer(-(2 ** 31), 2 ** 31 - 1)

const blockOf = (count: number) => {
  const numbers = Array.from({ length: count }, () => 0)
  return {
    numbers,
    control: {
      get: (index: number) => numbers[index] ?? 0,
      set: (index: number, value: number) => {
        numbers[index] = value
      }
    }
  }
}

describe("numbers", () => {
  it.prop(
    "K13 arrive as they were sent",
    { values: Arbitrary.array(int32, { maxLength: 20 }) },
    ({ values }) => {
      const pairs = values.map((value, index) => [index, value] as const)
      const heard: Array<readonly [number, number]> = []
      decode(Buffer.from(encode(pairs)), values.length, (...pair) => heard.push(pair))
      assert.deepStrictEqual(heard, pairs)
    },
    runs(100)
  )

  it("F6 that are none of the block, or no pairs, are a ProtocolError", () => {
    assert.throws(() => decode(Buffer.from(encode([[4, 1]])), 4, () => {}), ProtocolError)
    assert.throws(() => decode(Buffer.alloc(7), 4, () => {}), ProtocolError)
  })

  it.prop(
    "K13 of a block are told once each time that they change, and what has been told makes the block",
    {
      steps: Arbitrary.array(Arbitrary.all({ index: integer(0, 7), value: integer(0, 3), takes: integer(0, 1) }), {
        maxLength: 60
      })
    },
    ({ steps }) => {
      const { control, numbers } = blockOf(8)
      const changes = new Changes((into) => into.set(numbers), 8)
      const told = Array.from({ length: 8 }, () => 0)
      for (const { index, takes, value } of steps) {
        control.set(index, value)
        if (takes === 0) continue
        for (const [at, now] of changes.take()) {
          assert.notStrictEqual(told[at], now)
          told[at] = now
        }
        assert.deepStrictEqual(told, numbers)
      }
      for (const [at, now] of changes.take(true)) told[at] = now
      assert.deepStrictEqual(told, numbers)
    },
    runs(100)
  )

  it("K13 that do not stand still are told by a later look, and by the last one in any case", () => {
    let reads = 0
    const changes = new Changes((into) => into.set([reads++, reads++]), 2)
    assert.deepStrictEqual(changes.take(), [])
    assert.strictEqual(changes.take(true).length, 2)
  })
})

describe("a control block at the pool's end", () => {
  it("K13 sends what is set before the message that follows it, and several numbers at once", () => {
    const sent: Array<string> = []
    const control = new LateControl(
      (pairs) => sent.push(`${pairs.length / 8} numbers`),
      () => 0
    )
    control.set(1, 5)
    control.set(2, 6)
    control.set(2, 6)
    control.flush()
    sent.push("message")
    control.flush()
    assert.deepStrictEqual(sent, ["2 numbers", "message"])
  })

  it("K13 reads its own numbers as it has set them, and the worker's as they were told last", () => {
    const control = new LateControl(
      () => {},
      () => 0
    )
    control.set(0, 3)
    // what the runner has of it may be older
    control.tell(0, 1)
    control.tell(1, 9)
    assert.deepStrictEqual([control.get(0), control.get(1), control.get(2)], [3, 9, 0])
    assert.deepStrictEqual(control.allTold(3), [1, 9, 0])
  })

  it("K13 sends what is set without a message soon afterwards", async () => {
    const sent: Array<number> = []
    const control = new LateControl(
      (pairs) => sent.push(pairs.length),
      () => 0
    )
    control.set(0, -1)
    assert.deepStrictEqual(sent, [])
    await Promise.resolve()
    assert.deepStrictEqual(sent, [8])
  })
})
