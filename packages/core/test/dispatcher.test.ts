import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { type CallView, choose, type SlotView } from "../src/internal/dispatcher/choose.ts"
import { Rotation } from "../src/internal/dispatcher/rotation.ts"
import { integer, oneOf, runs } from "./support.ts"

const slots = Arbitrary.array(
  Arbitrary.all({
    availability: oneOf("live", "empty", "unavailable"),
    load: integer(0, 3),
    lastUsed: integer(0, 100),
    lag: oneOf(0, 5),
    isSettled: oneOf(true, true, false)
  }),
  { maxLength: 6 }
)

const calls = Arbitrary.array(
  Arbitrary.all({
    options: Arbitrary.all({ dispatch: oneOf("available", "available", "ordered") }),
    chunksGiven: integer(0, 20),
    alone: oneOf(false, false, true),
    isServed: oneOf(false, true),
    mayPrefetch: oneOf(
      () => false,
      () => true
    )
  }),
  { maxLength: 5 }
)

/** A slot that is empty has nothing in it. */
const consistent = (slots: ReadonlyArray<SlotView>) =>
  slots.map((slot) => (slot.availability === "empty" ? { ...slot, load: 0, isSettled: true } : slot))

describe("choose", () => {
  it.prop(
    "C1 L2 takes the first call in turn that some slot can serve",
    { calls, slots },
    (generated) => {
      const slots = consistent(generated.slots)
      const calls = generated.calls.map((call) => ({ ...call, alone: false }))
      const canServe = (call: CallView): boolean =>
        call.options.dispatch === "available"
          ? slots.some(({ availability }) => availability !== "unavailable")
          : slots.length > 0 && slots[call.chunksGiven % slots.length]!.availability !== "unavailable"
      const choice = choose(calls, slots)
      assert.strictEqual(choice?.call, calls.find(canServe))
    },
    runs(500)
  )

  it.prop(
    "L2 prefers an idle live worker, the most recently used first, then a new one, then the one with the least to do",
    { slots },
    (generated) => {
      const slots = consistent(generated.slots)
      const call = {
        options: { dispatch: "available" },
        chunksGiven: 0,
        alone: false,
        isServed: false,
        mayPrefetch: () => false
      } as const
      const choice = choose([call], slots)
      if (choice === undefined) {
        assert.isTrue(slots.every(({ availability }) => availability === "unavailable"))
        return
      }
      const { slot } = choice
      const idle = slots.filter(({ availability, load }) => availability === "live" && load === 0)
      const empty = slots.filter(({ availability }) => availability === "empty")
      const busy = slots.filter(({ availability, load }) => availability === "live" && load > 0)
      if (idle.length > 0) {
        assert.include(idle, slot)
        assert.strictEqual(slot.lastUsed, Math.max(...idle.map(({ lastUsed }) => lastUsed)))
      } else if (empty.length > 0) {
        assert.include(empty, slot)
      } else {
        assert.include(busy, slot)
        assert.strictEqual(slot.load, Math.min(...busy.map(({ load }) => load)))
      }
    },
    runs(500)
  )

  it.prop(
    "F2 C1 what is sent alone gets a worker with nothing else, to read either; one is kept for it, and others have the rest",
    { calls, slots },
    (generated) => {
      const slots = consistent(generated.slots)
      const some = choose(generated.calls, slots)
      if (some?.call.alone === true) assert.deepStrictEqual([some.slot.load, some.slot.isSettled], [0, true])
      const alone = {
        options: { dispatch: "available" },
        chunksGiven: 0,
        alone: true,
        isServed: false,
        mayPrefetch: () => false
      } as const
      const other = { ...alone, alone: false }
      const choice = choose([alone, other], slots)
      const available = slots.filter(({ availability }) => availability !== "unavailable")
      if (available.some(({ isSettled, load }) => load === 0 && isSettled)) assert.strictEqual(choice?.call, alone)
      else if (available.length < 2) assert.isUndefined(choice)
      else {
        assert.strictEqual(choice?.call, other)
        assert.isAtLeast(choice!.slot.load, Math.min(...available.map(({ load }) => load)))
        // the one that will be free first is kept
        assert.notStrictEqual(choice!.slot, choose([other], slots)!.slot)
      }
    },
    runs(500)
  )

  it.prop(
    "L2 a call that takes the slots in turn gets its own slot, or none",
    { slots, chunksGiven: integer(0, 30) },
    ({ slots, chunksGiven }) => {
      const call = {
        options: { dispatch: "ordered" },
        chunksGiven,
        alone: false,
        isServed: false,
        mayPrefetch: () => false
      } as const
      const own = slots[chunksGiven % slots.length]
      const choice = choose([call], slots)
      assert.strictEqual(choice?.slot, own?.availability === "unavailable" ? undefined : own)
    },
    runs(200)
  )
})

describe("Rotation", () => {
  const operations = Arbitrary.array(
    Arbitrary.all({ kind: oneOf("add", "add", "remove", "turn"), which: integer(0, 12) }),
    { maxLength: 300 }
  )

  it.prop(
    "C1 keeps things in the order of their turns, each once",
    { operations },
    ({ operations }) => {
      const things = Array.from({ length: 13 }, (_, n) => ({ n }))
      const rotation = new Rotation<{ readonly n: number }>()
      let model: Array<{ readonly n: number }> = []
      for (const { kind, which } of operations) {
        const thing = things[which]!
        const had = model.includes(thing)
        if (kind === "add") {
          assert.strictEqual(rotation.add(thing), !had)
          if (!had) model.push(thing)
        } else if (kind === "remove") {
          assert.strictEqual(rotation.remove(thing), had)
          model = model.filter((other) => other !== thing)
        } else {
          // the first has its turn and comes last
          const first = [...rotation][0]
          assert.strictEqual(first, model[0])
          if (first !== undefined) {
            rotation.remove(first)
            rotation.add(first)
            model.push(model.shift()!)
          }
        }
        assert.strictEqual(rotation.size, model.length)
        assert.strictEqual(rotation.has(thing), model.includes(thing))
        assert.deepStrictEqual([...rotation], model)
      }
    },
    runs(100)
  )

  it("C1 keeps the order over many turns, and nothing of those that left", () => {
    const things = Array.from({ length: 1000 }, (_, n) => ({ n }))
    const rotation = new Rotation<{ readonly n: number }>()
    for (const thing of things) rotation.add(thing)
    for (let turn = 0; turn < 10_000; turn++) {
      const first = rotation[Symbol.iterator]().next().value
      assert.strictEqual(first!.n, turn % 1000)
      rotation.remove(first)
      rotation.add(first)
    }
    // what has had its turn leaves no trace
    assert.isAtMost((rotation as unknown as { readonly entries: Array<unknown> }).entries.length, 2001)
    for (const thing of things.slice(1)) rotation.remove(thing)
    assert.deepStrictEqual([...rotation], [things[0]])
    rotation.remove(things[0]!)
    assert.strictEqual(rotation.size, 0)
    assert.deepStrictEqual([...rotation], [])
  })
})
