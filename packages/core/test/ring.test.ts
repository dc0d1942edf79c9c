import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { Ring } from "../src/internal/events/ring.ts"
import { integer, oneOf, runs } from "./support.ts"

describe("Ring", () => {
  it.prop(
    "O2 gives each reader what came since its last read, or the newest and how many it has missed",
    {
      capacity: integer(1, 8),
      steps: Arbitrary.array(Arbitrary.all([oneOf("write", "read"), integer(0, 9)]), { maxLength: 40 })
    },
    ({ capacity, steps }) => {
      const ring = new Ring<number>(capacity)
      const readers = [0, 1, 2].map(() => ({ next: 0, seen: 0 }))
      for (const [step, n] of steps) {
        if (step === "write") for (let i = 0; i < n; i++) ring.write(ring.written)
        else {
          const reader = readers[n % 3]!
          const { missed, next, values } = ring.read(reader.next)
          assert.strictEqual(reader.seen + missed + values.length, ring.written)
          assert.strictEqual(values.length, Math.min(capacity, ring.written - reader.seen))
          assert.deepStrictEqual(
            values,
            Array.from(values, (_, i) => reader.seen + missed + i)
          )
          assert.strictEqual(next, ring.written)
          reader.next = next
          reader.seen = ring.written
        }
      }
    },
    runs(300)
  )

  it("O2 forgets what nobody reads", () => {
    const ring = new Ring<number>(3)
    for (const n of [0, 1, 2, 3, 4]) ring.write(n)
    ring.clear()
    const next = ring.written
    for (const n of [5, 6]) ring.write(n)
    assert.deepStrictEqual(ring.read(next), { missed: 0, values: [5, 6], next: 7 })
  })
})
