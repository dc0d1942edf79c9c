import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Arbitrary from "effect/Arbitrary"
import type { Call } from "../src/internal/call/call.ts"
import { Turn } from "../src/internal/common/turn.ts"
import { CallChunk } from "../src/internal/call/callChunk.ts"
import { integer, runs } from "./support.ts"

/** A chunk in a slot, and what is counted of it. */
const setup = (length: number) => {
  const seen = { unreported: length, given: length, returned: new Map<number, number>(), outcomes: new Set<number>() }
  const giveBack = (positions: ReadonlyArray<number>) => {
    for (const position of positions) seen.returned.set(position, (seen.returned.get(position) ?? 0) + 1)
  }
  const call = {
    options: {},
    policy: { areRuns: false, takesMany: false },
    succeeded: (_: CallChunk, position: number) => seen.outcomes.add(position),
    takenBack: (of: CallChunk, from: number, to: number) => {
      const positions = Array.from({ length: to - from }, (_, n) => from + n)
      giveBack(positions.filter((position) => !of.isReported(position)))
    },
    turn: new Turn(),
    chunkEnded: (of: CallChunk) => giveBack(of.unreportedPositions())
  } as unknown as Call
  const chunk = new CallChunk(call, { items: Array(length).fill(0), first: 0, alone: false })
  let started = 0
  chunk.assignedTo({
    limitTo: (_, items) => Math.max(items, started),
    takenBack: (items) => {
      seen.unreported -= items
      seen.given -= items
    },
    ended: (of) => {
      seen.unreported -= of.open
      seen.given -= of.open
    },
    progressed: () => void seen.unreported--,
    timed: () => {},
    interrupt: () => {},
    isQueued: () => false,
    started: () => undefined,
    granted: () => undefined
  })
  return { chunk, seen, start: (position: number) => void (started = Math.max(started, position + 1)) }
}

describe("CallChunk", () => {
  it("F2 an item that was taken back before its failure was told is not heard of twice", () => {
    const { chunk, seen } = setup(4)
    // in one turn: its input cannot be sent, which is told at the end, and it is taken back
    chunk.call.turn.take(() => {
      chunk.onFailure(3, Cause.fail("not serializable"))
      assert.strictEqual(chunk.takeBack(2), 2)
    })
    assert.deepStrictEqual([...seen.returned.keys()], [2, 3])
    assert.strictEqual(seen.outcomes.size, 0)
    assert.strictEqual(chunk.open, 2)
  })

  it.prop(
    "F2 L8 whatever is reported and taken back, in any order, each item has an outcome or is given back, and is counted so",
    {
      length: integer(1, 8),
      steps: Arbitrary.array(Arbitrary.all([integer(0, 2), integer(0, 8)]), { maxLength: 12 })
    },
    ({ length, steps }) => {
      const { chunk, seen, start } = setup(length)
      for (const [what, n] of steps) {
        const position = n % length
        if (what === 0) {
          const before = chunk.kept
          const returned = seen.returned.size
          const took = chunk.takeBack(n)
          assert.isAtMost(chunk.kept, before)
          assert.strictEqual(took, seen.returned.size - returned, "it says how many items its call has again")
        } else if (position < chunk.kept && !chunk.isReported(position)) {
          // an input that cannot be sent has an outcome without having started
          if (what === 1) start(position)
          chunk.onSuccess(position, undefined)
        }
        assert.deepStrictEqual(
          chunk.unreportedPositions(),
          [...Array(chunk.kept).keys()].filter((position) => !seen.outcomes.has(position))
        )
        assert.strictEqual(chunk.open, chunk.unreportedPositions().length)
        assert.strictEqual(seen.unreported, chunk.open)
      }
      chunk.onEnd(undefined)
      for (let position = 0; position < length; position++) {
        const times = (seen.outcomes.has(position) ? 1 : 0) + (seen.returned.get(position) ?? 0)
        assert.strictEqual(times, 1, `item ${position}`)
      }
      assert.strictEqual(seen.unreported, 0)
      assert.strictEqual(seen.given, seen.outcomes.size)
    },
    runs(500)
  )
})
