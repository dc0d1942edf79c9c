import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { ItemTime, ItemTimes } from "../src/internal/call/itemTimes.ts"
import { ItemSeconds } from "../src/internal/insights/itemSeconds.ts"
import * as portable from "../src/internal/task/portable.ts"
import * as Portable from "../src/Portable.ts"
import { integer, runs } from "./support.ts"

describe("ItemTime", () => {
  it.prop(
    "P1 the mean is between the least and the greatest that were measured, and follows what comes last",
    {
      notes: Arbitrary.array(Arbitrary.all([integer(1, 5000), integer(0, 100)]), { minLength: 1, maxLength: 30 }),
      last: integer(1, 1000)
    },
    ({ last, notes }) => {
      const time = new ItemTime(new ItemSeconds())
      assert.isUndefined(time.mean)
      assert.strictEqual(time.within(20), 1)
      for (const [items, millis] of notes) time.note(items, items * millis)
      const all = notes.map(([, millis]) => millis)
      assert.isAtLeast(time.mean!, Math.min(...all) - 1e-9)
      assert.isAtMost(time.mean!, Math.max(...all) + 1e-9)
      assert.strictEqual(
        time.measured,
        notes.reduce((sum, [items]) => sum + items, 0)
      )
      // as many items as before, ten times: hardly anything of what was known before is left
      const before = time.mean!
      for (let n = 0; n < 44; n++)
        time.note(Math.max(...notes.map(([items]) => items)), last * Math.max(...notes.map(([items]) => items)))
      assert.isAtMost(Math.abs(time.mean! - last), Math.abs(before - last) * 0.1 + 1e-9)
    },
    runs(200)
  )

  it.prop(
    "P1 within returns as many items as fit, and at least one",
    { items: integer(1, 1000), millis: integer(0, 10_000), within: integer(0, 100) },
    ({ items, millis, within }) => {
      const time = new ItemTime(new ItemSeconds())
      time.note(items, millis)
      const count = time.within(within)
      assert.isAtLeast(count, 1)
      if (count > 1 && count < Number.POSITIVE_INFINITY) assert.isAtMost(count * time.mean!, within + 1e-6)
      assert.isTrue(count === Number.POSITIVE_INFINITY || (count + 1) * time.mean! > within - 1e-6)
    },
    runs(200)
  )
})

describe("ItemTimes", () => {
  it("P1 one for each task, however often it is named, and the same for what binds a value to it", () => {
    const times = new ItemTimes()
    const double = (n: number) => n * 2
    assert.strictEqual(times.of(portable.closure(double)), times.of(portable.closure(double)))
    const other = portable.closure((n: number) => n)
    assert.notStrictEqual(times.of(other), times.of(portable.closure(double)))
    const scale: any = Portable.make("test:itemTimes", "scale", (by: number, n: number) => by * n)
    const bound = [Portable.bind(scale, 2), Portable.bind(scale, 3)].map((task) => times.of(task as any))
    assert.deepStrictEqual([...new Set(bound)], [times.of(scale)])
  })
})
