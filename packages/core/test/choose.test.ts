import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { type CallView, choose, type SlotView } from "../src/internal/dispatcher/choose.ts"
import { integer, oneOf, runs } from "./support.ts"

const slots = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.all({
      availability: oneOf("live", "busy", "busy", "empty", "unavailable"),
      load: integer(0, 1),
      lastUsed: integer(0, 100),
      lag: oneOf(0, 5),
      isSettled: oneOf(true, true, false)
    }),
    { minLength: 1, maxLength: 5 }
  ),
  // one that is busy has a chunk, and with one task per worker one that is live and not busy has none
  (slots): Array<SlotView> =>
    slots.map((slot) => ({
      ...slot,
      load: slot.availability === "busy" ? 1 : 0,
      isSettled: slot.isSettled || slot.availability === "empty"
    }))
)

const call = Arbitrary.map(
  Arbitrary.all({
    options: Arbitrary.all({ dispatch: oneOf("available", "available", "ordered") }),
    chunksGiven: integer(0, 20),
    alone: oneOf(false, false, false, true),
    isServed: oneOf(true, true, false),
    near: oneOf(true, true, false),
    far: oneOf(true, true, false)
  }),
  ({ far, near, ...call }): CallView => ({ ...call, mayPrefetch: (lag) => (lag > 0 ? far : near) })
)

const calls = Arbitrary.array(call, { minLength: 1, maxLength: 4 })

const isFree = ({ availability }: SlotView) => availability === "live" || availability === "empty"

describe("choose, where chunks are sent ahead", () => {
  it.prop(
    "C1 only the first in turn is given one, if it may have one, when nobody waits that has nothing yet",
    { calls, slots },
    ({ calls, slots }) => {
      const choice = choose<CallView, SlotView>(calls, slots)
      if (choice?.slot.availability !== "busy") return
      const { call, slot } = choice
      assert.strictEqual(call, calls[0])
      assert.deepStrictEqual([call.mayPrefetch(slot.lag), call.alone], [true, false])
      assert.isTrue(calls.slice(1).every(({ isServed }) => isServed))
    },
    runs(500)
  )

  it.prop(
    "L2 C9 one is given where nothing else can be done: with a worker that is idle or could be, nobody has to wait",
    { calls, slots },
    ({ calls, slots: generated }) => {
      const slots = generated.map((slot) => ({ ...slot, isSettled: true }))
      const choice = choose<CallView, SlotView>(calls, slots)
      const free = slots.filter(isFree)
      const isAvailable = calls.every(({ options }) => options.dispatch === "available")
      if (isAvailable && free.length > 0) {
        assert.strictEqual(choice?.call, calls[0])
        assert.isTrue(isFree(choice!.slot))
        return
      }
      const first = calls[0]!
      const busy = slots.filter(({ availability }) => availability === "busy")
      // the worker that will be done first
      const best = busy.find(({ lastUsed }) => busy.every((other) => lastUsed <= other.lastUsed))
      const isNext = !first.alone && calls.slice(1).every(({ isServed }) => isServed)
      if (isAvailable && isNext && best !== undefined && first.mayPrefetch(best.lag)) {
        assert.strictEqual(choice?.call, first)
        assert.strictEqual(choice!.slot, best)
      } else if (isAvailable) {
        assert.isUndefined(choice)
      }
    },
    runs(500)
  )

  it.prop(
    "L2 what is given fits: in its own slot where slots are taken in chunksGiven, at an idle one where it must be alone",
    { calls, slots },
    ({ calls, slots }) => {
      const choice = choose<CallView, SlotView>(calls, slots)
      if (choice === undefined) return
      const { call, slot } = choice
      assert.notStrictEqual(slot.availability, "unavailable")
      if (call.alone) assert.deepStrictEqual([slot.load, slot.isSettled], [0, true])
      if (call.options.dispatch === "ordered") assert.strictEqual(slot, slots[call.chunksGiven % slots.length])
    },
    runs(500)
  )
})
